"""A job and the states it goes through: `queued -> rendering -> rendered -> received`, or how it ended instead."""

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Self

from engine.backends.base import Stage
from engine.spec import RenderSpec
from engine.understanding import Understanding
from engine.units import ClientId, Decibels, Frames, JobId, Lufs, RequestId, SampleRate, Seconds, Seed


class JobState(StrEnum):
    """Where a job stands. Every change is on disk before anyone is told."""

    QUEUED = "queued"
    RENDERING = "rendering"
    RENDERED = "rendered"
    RECEIVED = "received"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def is_final(self) -> bool:
        """Whether the job will never render again."""
        return self not in {JobState.QUEUED, JobState.RENDERING, JobState.INTERRUPTED}


@dataclass(frozen=True, slots=True)
class ClipFile:
    """A clip on disk and what is known of it."""

    path: Path
    """Its final name; the worker writes `temporary` first."""
    temporary: Path
    take: int
    track: str
    start: Seconds
    """Time of the first frame, from the source's start."""
    frames: Frames
    sample_rate: SampleRate
    channels: int
    seed: Seed
    peak_db: Decibels
    lufs: Lufs
    beat_error_ms: float
    """Median distance of onsets from the grid; -1 when unknown."""
    silent: bool
    compute_seconds: Seconds
    note: str = ""
    """What the user should know of how it was made."""
    score: float | None = None
    """How well the take does what was asked for, 0 to 1, where that was asked for."""
    midi: Path | None = None
    """Final name of the MIDI file of its notes, where there is one."""
    midi_temporary: Path | None = None
    lrc: Path | None = None
    """Final name of the file that tells when its lyrics are sung, where there is one."""
    lrc_temporary: Path | None = None

    @property
    def is_whole(self) -> bool:
        """Whether each of its files is there, under either name."""
        pairs = ((self.path, self.temporary), (self.midi, self.midi_temporary), (self.lrc, self.lrc_temporary))
        return all(name is None or name.exists() or (temporary or name).exists() for name, temporary in pairs)


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asked, in terms that the engine does not interpret."""

    client: ClientId
    request_id: RequestId
    reply_to: str = ""
    """Where the answers go."""


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the store."""

    id: JobId
    origin: Origin
    spec: RenderSpec
    engine: str
    state: JobState = JobState.QUEUED
    interruptions: int = 0
    """How often a daemon died while it rendered this job."""
    clips: tuple[ClipFile, ...] = ()
    understanding: Understanding | None = None
    """What `understand` found, once it is done."""
    code: str = ""
    message: str = ""
    delivered: bool = False
    """The client has said that it has the result, whichever way the job ended."""
    took: Seconds = Seconds(0.0)
    """How long its rendering took, without loading the engine; 0 until it is rendered."""

    def become(self, state: JobState, **changes: object) -> Self:
        """The same job in another state."""
        return replace(self, state=state, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is. Not kept on disk."""

    fraction: float = 0.0
    stage: Stage = Stage.QUEUED
    eta: Seconds = Seconds(-1.0)
    """Seconds until the job is done, for a queued one those of the jobs before it included; -1 when unknown."""
    position: int = 0
    """Place of a queued job in its engine's queue: 1 is next, 0 is none."""
