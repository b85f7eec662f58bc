"""What an engine is to the rest of the house: a description that costs nothing to read, and a backend that renders windows.

The daemon reads descriptions only. Backends are built, and their libraries imported, inside the worker process.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from engine.errors import PunchinError
from engine.spec import RenderSpec, Verb
from engine.understanding import Told
from engine.units import Frames, SampleRate, Seconds, Seed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Stage(StrEnum):
    """Where a job stands, in the words of the progress message."""

    QUEUED = "queued"
    LOADING = "loading"
    READING = "reading"
    PLANNING = "planning"
    RENDERING = "rendering"
    DECODING = "decoding"
    WRITING = "writing"


Report = Callable[[float, Stage], None]
"""Tells how far a backend is (fraction 0 to 1 of this call); raises `Cancelled` when the job was cancelled.

Call it at least every 200 ms of compute: it is where a cancel takes hold.
"""


ModelState = Literal["built in", "present", "missing", "damaged", "partial"]


@dataclass(frozen=True, slots=True)
class Model:
    """A model of an engine, and how it stands on this machine."""

    name: str
    state: ModelState
    size: int
    """Bytes on disk; of one that is missing, about what there is to download."""


def _no_obstacle(_: RenderSpec) -> PunchinError | None:
    return None


@dataclass(frozen=True, slots=True)
class Description:
    """What the daemon knows of an engine without loading it."""

    name: str
    label: str
    """One honest sentence for the user."""
    factory: str
    """`module:callable` that builds the Backend, imported inside the worker process only."""
    verbs: frozenset[Verb]
    stems: tuple[str, ...] = ()
    """Stems that `extract` can give, in the order that `all` means."""
    tracks: tuple[str, ...] | None = None
    """Instruments that `lego` and `complete` can add; None: all of them."""
    rate: SampleRate | None = None
    """The rate it renders at; None: whatever rate it is given."""
    channels: int | None = None
    """The channel count it renders; None: whatever it is given."""
    obstacle: "Callable[[RenderSpec], PunchinError | None]" = _no_obstacle
    """Why a job cannot be rendered on this machine, as it is now: what is not installed, or not downloaded."""
    models: Callable[[], Sequence[Model]] | None = None
    """Looks which models are on this machine, in milliseconds and without model code; None: they come with the engine."""
    further_stems: tuple[str, ...] = ()
    """Stems that `extract` gives only when they are named: `all` does not mean them."""
    plays_notes: bool = False
    """Whether what it makes anew is played from notes, so that `stems` of it, and `midi` of all its parts, can be had."""
    longest_step: Seconds = Seconds(0.0)
    """What may pass between two reports at worst: a cancelled worker is given that long before it is ended, models and all."""
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Variables that its worker starts with, for what is settled before Python runs; those the user has set go first."""


@dataclass(frozen=True, slots=True)
class Span:
    """A run of frames, counted from a place that the owner names."""

    first: Frames
    frames: Frames

    @property
    def end(self) -> Frames:
        """The frame after the last."""
        return Frames(self.first + self.frames)


@dataclass(frozen=True, slots=True)
class Heard:
    """The audio that an engine hears, and which parts of it are to be rendered."""

    samples: "npt.NDArray[np.float32]"
    """[channels, frames]; zeros where there is no source."""
    rate: SampleRate
    start: Seconds
    """Time of the first frame, from the source's start; negative before it."""
    source: Span
    """The frames that hold source audio."""
    spans: tuple[Span, ...]
    """The frames to render, in order, not overlapping. What they hold now is the old material (or zeros outside the source)."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """What a backend made of a window."""

    tracks: "dict[str, npt.NDArray[np.float32]]"
    """Track name to [channels, frames] of the whole window; `mix` for one result. Only the spans are used."""
    note: str = ""
    """What the user should know of how it was made, e.g. a fall-back; empty when nothing."""
    midi: Mapping[str, bytes] = field(default_factory=dict)
    """Track name to a Standard MIDI File of what it plays, where `spec.midi` asks for it; it begins with the first span."""
    lines: tuple[tuple[Seconds, str], ...] = ()
    """Where each line of the lyrics begins, from the window's first frame, where that is known."""
    score: float | None = None
    """How well it does what was asked for, 0 to 1; None where that was not looked at."""


MIX = "mix"
PLAIN = "plain"
"""A track that is never written: the mix before parts were left out or levels changed on purpose. Levels are matched by it."""


class Backend(Protocol):
    """One engine with its models, living in the worker process."""

    def render(self, spec: RenderSpec, heard: Heard, seed: Seed, report: Report) -> Rendering:
        """Render one take of one window.

        Same spec, same audio, same seed: the same samples. Raises a PunchinError for what the user can mend; anything
        else becomes `engine_error`.
        """
        ...


@runtime_checkable
class Describer(Backend, Protocol):
    """A backend that can say what it hears. One with the verb `understand` that cannot leaves it at what is measured."""

    def describe(self, spec: RenderSpec, heard: Heard, report: Report) -> Told:
        """Describe a window, all of which is source and in the one span; raises as `render` does.

        What the spec says of bpm, meter, key or language is known and may be believed.
        """
        ...
