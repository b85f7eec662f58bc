"""The sample pack: what its index says, and its files, decoded when they are first heard."""

import io
import json
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from typing import Any

import numpy as np
import soundfile

from engine.audio import FloatArray


@dataclass(frozen=True, slots=True)
class Zone:
    """One recorded note."""

    file: str
    root: float
    """MIDI pitch as measured: 60.03 is three cents above middle C."""
    gain: float
    """Decibels that make all notes equally loud at full velocity."""
    loop: int
    """The frame from which the note goes on when the file ends."""
    fade: int
    """Frames before the end over which the end turns into what comes before `loop`."""
    fall: float
    """Level of each turn of the loop over the one before: 1 on what can be held, 0 on what has ended."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """One pitched instrument."""

    attack: float
    """Seconds."""
    release: float
    """Seconds."""
    zones: tuple[Zone, ...]

    def zone(self, pitch: float) -> Zone:
        """The nearest note."""
        return min(self.zones, key=lambda zone: abs(zone.root - pitch))


@dataclass(frozen=True, slots=True)
class Hit:
    """One recorded stroke."""

    file: str
    gain: float
    """Decibels."""
    pan: float
    """-1 left to 1 right, as the drummer sees it."""


@dataclass(frozen=True, slots=True)
class SampledKit:
    """Strokes by General MIDI drum note."""

    borrow: str | None
    """The kit that has what this one lacks."""
    hits: dict[int, Hit]


@dataclass(frozen=True)
class Pack:
    """The samples of one owner: each file is decoded once, when it is first asked for, and kept."""

    _decoded: dict[str, FloatArray] = field(default_factory=dict)

    @cached_property
    def _index(self) -> dict[str, Any]:
        index: dict[str, Any] = json.loads(_folder().joinpath("index.json").read_text(encoding="utf-8"))
        return index

    @property
    def rate(self) -> int:
        """Frames a second of all samples."""
        return int(self._index["rate"])

    @cached_property
    def instruments(self) -> dict[str, Sampled]:
        """Pitched instruments by name."""
        return {
            name: Sampled(entry["attack"], entry["release"], tuple(Zone(**zone) for zone in entry["zones"]))
            for name, entry in self._index["instruments"].items()
        }

    @cached_property
    def kits(self) -> dict[str, SampledKit]:
        """Drum kits by name."""
        return {
            name: SampledKit(entry["borrow"], {int(note): Hit(**hit) for note, hit in entry["hits"].items()})
            for name, entry in self._index["kits"].items()
        }

    def hit(self, kit: str, note: int) -> Hit | None:
        """What a drum note sounds like in a kit, its lender's where it has none itself; None where neither has it."""
        found = self.kits[kit].hits.get(note)
        lender = self.kits[kit].borrow
        return found if found or lender is None else self.hit(lender, note)

    def samples(self, file: str) -> FloatArray:
        """A file as it is: float32 [1 or 2, frames] at `rate`, not to be written to."""
        if file not in self._decoded:
            data = _folder().joinpath(file).read_bytes()
            audio, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
            audio.flags.writeable = False
            self._decoded[file] = np.asarray(audio.T)
        return self._decoded[file]


def _folder() -> Any:
    return files("engine.backends.draft").joinpath("pack")
