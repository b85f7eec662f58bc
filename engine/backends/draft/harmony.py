"""Keys, chords and voice leading, on MIDI note numbers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

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
}  # fmt: skip
_WHOLE = {
    "5": (0, 7),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "7sus4": (0, 5, 7, 10),
    "o": (0, 3, 6),
    "m7b5": (0, 3, 6, 10),
}
SYMBOL = re.compile(r"([b#]?)(I{1,3}|IV|VI{0,2}|i{1,3}|iv|vi{0,2})(|7|maj7|9|maj9|6|add9|5|sus2|sus4|7sus4|o|m7b5)")
"""A chord as musicians write degrees: case is the third, then what is added (`ii7`, `Vsus4`, `bVII`)."""


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
        return frozenset((self.tonic + degree) % OCTAVE for degree in SCALES[self.mode])

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
    def pitch_classes(self) -> tuple[int, ...]:
        """From the root up, without repeats."""
        return tuple(dict.fromkeys((self.root + interval) % OCTAVE for interval in self.intervals))


def parse_key(name: str) -> Key:
    """`F# minor`, as `RenderSpec.key` admits it, to a Key."""
    note, mode = name.split()
    return Key((_LETTERS[note[0]] + _ACCIDENTALS[note[1:]]) % OCTAVE, mode)


def parse_chord(symbol: str, key: Key) -> Chord:
    """A degree symbol to a chord of the key; raises ValueError for what is no such symbol."""
    match = SYMBOL.fullmatch(symbol)
    if match is None:
        raise ValueError(f"{symbol} is no chord symbol such as I, vi7 or bVII")
    accidental, numeral, suffix = match.groups()
    degree = SCALES[key.mode][_NUMERALS.index(numeral.upper())] + _ACCIDENTALS[accidental]
    third = 4 if numeral.isupper() else 3
    intervals = _WHOLE.get(suffix) or (0, third, 7, *_EXTENSIONS[suffix])
    return Chord((key.tonic + degree) % OCTAVE, intervals)


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
