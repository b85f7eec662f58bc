"""What is understood of a source: what its engine says, and beside it what was measured."""

from dataclasses import dataclass

from engine.units import Decibels, Lufs, Seconds


@dataclass(frozen=True, slots=True)
class Told:
    """What an engine says of a source; empty or None where it does not know."""

    bpm: float | None = None
    key: str | None = None
    meter: str | None = None
    language: str | None = None
    caption: str | None = None
    lyrics: str | None = None
    tempo_map: tuple[tuple[float, float, int, int], ...] | None = None
    """(seconds, bpm, numerator, denominator), seconds from the source's start."""
    note: str = ""
    """What the user should know of how it was found; empty when nothing."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of a source, without a model; None where nothing was found."""

    seconds: Seconds
    """How much was heard."""
    lufs: Lufs
    peak_db: Decibels
    bpm: float | None = None
    key: str | None = None
    meter: str | None = None
    """`3/4` or `4/4`: no others are told apart."""
    chords: tuple[tuple[float, str], ...] = ()
    """(seconds from the source's start, name) of each change, `N` where no chord sounds; none where none are clear."""


@dataclass(frozen=True, slots=True)
class Understanding:
    """Both, for one job."""

    measured: Measured
    told: Told = Told()
