"""Keys, chords and voice leading, on MIDI note numbers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

OCTAVE = 12
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
"""Semitones over the tonic; minor is the natural one."""
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
_NAMES = {
    "major": ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"),
    "minor": ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"),
}
_NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII")
_EXTENSIONS: dict[str, tuple[int, ...]] = {
    "": (), "7": (10,), "maj7": (11,), "9": (10, 14), "maj9": (11, 14), "6": (9,), "add9": (14,),
    "13": (10, 14, 21), "7b9": (10, 13), "7#9": (10, 15),
}  # fmt: skip
_WHOLE = {
    "5": (0, 7),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "7sus4": (0, 5, 7, 10),
    "o": (0, 3, 6),
    "m7b5": (0, 3, 6, 10),
    "o7": (0, 3, 6, 9),
    "+": (0, 4, 8),
}
_QUALITIES = {
    (0, third, 7, *added): ("m" if third == 3 else "") + suffix
    for suffix, added in _EXTENSIONS.items()
    for third in (3, 4)
} | {intervals: {"o": "dim", "o7": "dim7", "+": "aug"}.get(suffix, suffix) for suffix, intervals in _WHOLE.items()}
_NUMERAL = r"([b#]?)(I{1,3}|IV|VI{0,2}|i{1,3}|iv|vi{0,2})"
SYMBOL = re.compile(
    _NUMERAL + r"(|7|maj7|9|maj9|6|add9|13|7b9|7#9|5|sus2|sus4|7sus4|o7?|m7b5|\+)(?:/" + _NUMERAL + r")?"
)
"""A chord as musicians write degrees: case is the third, then what is added (`ii7`, `Vsus4`, `bVII`).

After a slash the degree that is taken for the tonic: `V7/vi` is the dominant of the sixth.
"""


@dataclass(frozen=True, slots=True)
class Key:
    """Tonic as a pitch class (0 = C), and `major` or `minor`."""

    tonic: int
    mode: str

    @property
    def name(self) -> str:
        """As the wire has it: C minor."""
        return f"{_NAMES[self.mode][self.tonic]} {self.mode}"

    @property
    def scale(self) -> frozenset[int]:
        """Its seven pitch classes."""
        return _scale(self.tonic, self.mode)

    def step(self, pitch: int, steps: int) -> int:
        """The pitch so many scale steps away; a pitch outside the scale counts as the next scale note below."""
        while pitch % OCTAVE not in self.scale:
            pitch -= 1
        direction = 1 if steps > 0 else -1
        for _ in range(abs(steps)):
            pitch += direction
            while pitch % OCTAVE not in self.scale:
                pitch += direction
        return pitch


@dataclass(frozen=True, slots=True)
class Chord:
    """Root as a pitch class, and the semitones that sound over it (0 first)."""

    root: int
    intervals: tuple[int, ...]

    @property
    def name(self) -> str:
        """As lead sheets have it: Am7, F#maj7."""
        return _NAMES["major"][self.root] + _QUALITIES.get(self.intervals, "?")

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """From the root up, without repeats."""
        return tuple(dict.fromkeys((self.root + interval) % OCTAVE for interval in self.intervals))


@cache
def _scale(tonic: int, mode: str) -> frozenset[int]:
    return frozenset((tonic + degree) % OCTAVE for degree in SCALES[mode])


def parse_key(name: str) -> Key:
    """`F# minor`, as `RenderSpec.key` admits it, to a Key."""
    note, mode = name.split()
    return Key((_LETTERS[note[0]] + _ACCIDENTALS[note[1:]]) % OCTAVE, mode)


def parse_chord(symbol: str, key: Key) -> Chord:
    """A degree symbol to a chord of the key; raises ValueError for what is no such symbol."""
    match = SYMBOL.fullmatch(symbol)
    if match is None:
        raise ValueError(f"{symbol} is no chord symbol such as I, vi7 or bVII")
    accidental, numeral, suffix, *target = match.groups()
    mode = key.mode if target[1] is None else "major"
    degree = SCALES[mode][_NUMERALS.index(numeral.upper())] + _ACCIDENTALS[accidental]
    if target[1] is not None:
        degree += SCALES[key.mode][_NUMERALS.index(target[1].upper())] + _ACCIDENTALS[target[0]]
    third = 4 if numeral.isupper() else 3
    intervals = _WHOLE.get(suffix) or (0, third, 7, *_EXTENSIONS[suffix])
    return Chord((key.tonic + degree) % OCTAVE, intervals)


def coloured(
    chords: list[Chord], following: Chord, key: Key, dominants: float, borrowed: float, rng: Random
) -> list[Chord]:
    """A bar's chord with a second one after it, as often as the style does so: the next chord's dominant, or a borrowed one.

    Bars that have two chords already stay as they are.
    """
    leads, borrows = rng.random() < dominants, rng.random() < borrowed
    if len(chords) != 1:
        return chords
    (chord,) = chords
    dominant = Chord((following.root + 7) % OCTAVE, (0, 4, 7, 10))
    degree = (chord.root - key.tonic) % OCTAVE
    if borrows and key.mode == "major" and degree == 5 and following.root != chord.root:
        # The subdominant turns minor before it goes home.
        return [chord, Chord(chord.root, (0, 3, 7))]
    if borrows and key.mode == "minor" and degree in {7, 10} and (following.root - key.tonic) % OCTAVE == 0:
        # The leading note of harmonic minor.
        return [chord, dominant]
    if leads and chord.root not in {following.root, dominant.root}:
        return [chord, dominant]
    return chords


def nearest(pitch_class: int, pitch: float) -> int:
    """The note of a pitch class that lies nearest to a pitch."""
    return pitch_class + OCTAVE * round((pitch - pitch_class) / OCTAVE)


def voicing(chord: Chord, previous: Sequence[int], centre: float) -> tuple[int, ...]:
    """Close position whose voices move least from the previous chord and stay near the centre; ascending pitches."""
    classes = chord.pitch_classes
    candidates = [
        _stacked(classes[turn:] + classes[:turn], nearest(classes[turn], centre - 5) + shift)
        for turn in range(len(classes))
        for shift in (-OCTAVE, 0, OCTAVE)
    ]

    def cost(candidate: tuple[int, ...]) -> float:
        moved = sum(min(abs(note - old) for old in previous) for note in candidate) if previous else 0.0
        return moved + abs(sum(candidate) / len(candidate) - centre)

    return min(candidates, key=cost)


def _stacked(classes: Sequence[int], lowest: int) -> tuple[int, ...]:
    pitches = [lowest]
    for pitch_class in classes[1:]:
        pitches.append(pitches[-1] + (pitch_class - pitches[-1]) % OCTAVE)
    return tuple(pitches)
