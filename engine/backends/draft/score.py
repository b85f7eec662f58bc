"""The score: what is played, in beats, before any of it sounds."""

from dataclasses import dataclass

from engine.backends.draft.form import Harmony
from engine.backends.draft.meter import Meter
from engine.backends.draft.timing import Timing, constant


@dataclass(frozen=True, slots=True)
class Note:
    """One note or drum hit."""

    start: float
    """Quarter notes from the start of the piece."""
    length: float
    """Quarter notes."""
    pitch: int
    """MIDI note number; on drum tracks the General MIDI drum map."""
    velocity: float
    """Over 0, up to 1."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one track plays, and how it sits in the mix."""

    name: str
    """Track name of the wire: drums, bass, keyboard…"""
    instrument: str
    notes: tuple[Note, ...]
    level: float = 0.0
    """Decibels against the other parts."""
    pan: float = 0.0
    """-1 left to 1 right."""
    send: float = 0.2
    """Share of the part that goes to the reverb, as an amplitude."""
    duck: float = 0.0
    """How far the kick pushes the part down: 0 not at all, 1 to silence."""


@dataclass(frozen=True, slots=True)
class Score:
    """A whole piece."""

    style: str
    bpm: float
    """Quarter notes a minute, at the start."""
    meter: tuple[int, int]
    key: str
    """As the wire has it: C minor; empty where nobody knows."""
    parts: tuple[Part, ...]
    beats: float
    """Length in quarter notes; tails may sound past it."""
    room: float = 1.0
    """Reverberation time in seconds (60 dB)."""
    timing: Timing | None = None
    """The tempos where they change; None: `bpm` throughout."""
    meters: tuple[tuple[float, Meter], ...] = ()
    """Where the meter changes: quarter notes from the start, and what it changes to."""

    chords: tuple[Harmony, ...] = ()
    """What the parts play on, without a gap."""

    def seconds_at(self, beat: float) -> float:
        """Seconds from the start of the piece to a beat: the one way from notes to time."""
        return (self.timing or constant(self.bpm)).seconds_at(beat)

    @property
    def seconds_per_beat(self) -> float:
        """Duration of a quarter note at the start."""
        return 60.0 / self.bpm
