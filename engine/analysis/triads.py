"""Chords and the key that they stand in."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.analysis.pitch import LOWEST, PitchMap, pitch_map
from engine.analysis.spectrum import DoubleArray, FloatArray, Tick, mono_copy, quiet
from engine.units import SampleRate

NOTE_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
QUALITIES = {"major": (0, 4, 7), "minor": (0, 3, 7)}
"""Semitones over the root."""
_SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
# Temperley, What's Key for Key? (Music Perception 1999).
_PROFILES = {
    "major": (5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0),
    "minor": (5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0),
}
_OVERTONES = ((0, 1.0), (7, 0.5), (4, 0.12))
_BASS_END, _TREBLE_START, _TREBLE_END = 53, 47, 90
_BASS_WEIGHT = 0.5
_FIFTH_IN_BASS = 0.4
_SHARPNESS = 14.0
_STAY, _STAY_IN_BAR = 0.15, 1.6
_FOREIGN = 2.0
_TONIC = 0.35
_KEY_WEIGHT = 6.0
_SILENT = 1e-5
_PROFILE, _TONICS, _FIRST, _LAST = 0.3, 0.4, 0.15, 0.05


@dataclass(frozen=True, slots=True)
class ChordSpan:
    """A triad and when it sounds."""

    start: float
    """Seconds."""
    end: float
    root: int
    """Pitch class, C is 0."""
    quality: str
    """`major` or `minor`."""
    confidence: float
    """0 (anything would do as well, or silence) to 1."""

    @property
    def name(self) -> str:
        """As musicians write it: `F#m`."""
        return NOTE_NAMES[self.root] + ("m" if self.quality == "minor" else "")


@dataclass(frozen=True, slots=True)
class Harmonies:
    """What `harmonies` hears."""

    chords: tuple[ChordSpan, ...]
    key: str | None
    """In the words of a spec, such as `A minor`; None for silence."""


def chords(samples: FloatArray, rate: SampleRate, bars: DoubleArray, tick: Tick = quiet) -> tuple[ChordSpan, ...]:
    """The chords of [channels, frames] between the bar lines `bars` (seconds, rising): one a bar, or one a half bar.

    The best of 24 triads by template on percussive-suppressed chroma and on the bass, then the likeliest path in the
    likeliest key (Viterbi). Sevenths count as their triad. Source: Fujishima, Realtime chord recognition (ICMC 1999).
    """
    mono, low_rate = mono_copy(samples, rate, tick)
    return harmonies(pitch_map(mono, low_rate, tick), bars).chords


def harmonies(pitches: PitchMap, bars: DoubleArray) -> Harmonies:
    """The chords between bar lines (seconds) and the key in which they are likeliest."""
    if len(bars) < 2 or not pitches.values.size:
        return Harmonies((), None)
    edges = np.sort(np.concatenate([bars, (bars[:-1] + bars[1:]) / 2]))
    rows = [pitches.between(start, end) for start, end in itertools.pairwise(edges)]
    treble = np.array([_folded(row, _TREBLE_START, _TREBLE_END) for row in rows])
    bass = np.array([_folded(row, LOWEST, _BASS_END) for row in rows])
    loud = np.array([float(row.mean()) if row.size else 0.0 for row in rows])
    heard = loud > max(_SILENT, 0.003 * float(np.median(loud)))
    if not heard.any():
        return Harmonies((), None)
    fits = _fits(treble, bass) * heard[:, None]
    mean = treble[heard].mean(axis=0)
    path = _path(fits, mean)
    sure = np.exp(_SHARPNESS * fits)
    sure /= sure.sum(axis=1, keepdims=True)
    spans = [
        ChordSpan(
            float(edges[place]), float(edges[place + 1]), *_triad(chord), float(sure[place, chord] * heard[place])
        )
        for place, chord in enumerate(path)
    ]
    return Harmonies(tuple(_joined(spans)), _key(spans, mean))


def _key(spans: Sequence[ChordSpan], chroma: DoubleArray) -> str:
    """The key of chords and mean chroma [12] together: relative keys are told apart by where the chords begin and end."""
    weights, own = np.zeros(24), np.arange(24)
    numbers = [span.root + 12 * (span.quality == "minor") for span in spans]
    for number, span in zip(numbers, spans, strict=True):
        weights[number] += (span.end - span.start) * span.confidence
    weights /= max(1e-9, weights.sum())
    scores = -_foreignness() @ weights + _PROFILE * _profile_fits(chroma) + _TONICS * weights
    scores += _FIRST * (own == numbers[0]) + _LAST * (own == numbers[-1])
    return _key_name(int(np.argmax(scores)))


def _folded(rows: FloatArray, first: int, end: int) -> DoubleArray:
    """Mean over time of the compressed semitones from one MIDI note to another, folded to pitch classes, of unit norm."""
    notes = np.arange(first, end)
    mean = rows[:, notes - LOWEST].mean(axis=0, dtype=np.float64)
    folded = np.bincount(notes % 12, np.sqrt(mean), 12)
    return np.asarray(folded / max(1e-9, float(np.linalg.norm(folded))), np.float64)


def _triad(chord: int) -> tuple[int, str]:
    return chord % 12, ("major", "minor")[chord // 12]


def _key_name(key: int) -> str:
    root, mode = _triad(key)
    return f"{NOTE_NAMES[root]} {mode}"


def _fits(treble: DoubleArray, bass: DoubleArray) -> DoubleArray:
    """How well each of 24 triads explains each row: [rows, 24]."""
    templates, roots = np.zeros((24, 12)), np.zeros((24, 12))
    for chord in range(24):
        root, quality = _triad(chord)
        for interval in QUALITIES[quality]:
            for overtone, weight in _OVERTONES:
                templates[chord, (root + interval + overtone) % 12] += weight
        roots[chord, root], roots[chord, (root + 7) % 12] = 1.0, _FIFTH_IN_BASS
    centred = templates - templates.mean(axis=1, keepdims=True)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    spread = treble - treble.mean(axis=1, keepdims=True)
    spread /= np.maximum(1e-9, np.linalg.norm(spread, axis=1, keepdims=True))
    low = bass - bass.mean(axis=1, keepdims=True)
    return np.asarray(spread @ centred.T + _BASS_WEIGHT * low @ roots.T, np.float64)


def _foreignness() -> DoubleArray:
    """What a chord costs in a key: [24 keys, 24 chords]; 0 for the key's own triads and the dominant of minor."""
    costs = np.zeros((24, 24))
    for key in range(24):
        tonic, mode = _triad(key)
        scale = {(tonic + step) % 12 for step in _SCALES[mode]}
        for chord in range(24):
            root, quality = _triad(chord)
            outside = sum((root + interval) % 12 not in scale for interval in QUALITIES[quality])
            dominant = mode == "minor" and root == (tonic + 7) % 12 and quality == "major"
            costs[key, chord] = 0.25 if dominant else min(1.0, 0.5 * outside)
    return costs


def _profile_fits(chroma: DoubleArray) -> DoubleArray:
    return np.array(
        [
            np.corrcoef(np.roll(_PROFILES[mode], tonic), chroma)[0, 1] if chroma.std() > 0 else 0.0
            for tonic, mode in (_triad(key) for key in range(24))
        ]
    )


def _path(fits: DoubleArray, chroma: DoubleArray) -> list[int]:
    """The best path through [halves, 24], in the key whose best path is best of all 24 keys'."""
    own = np.arange(24)
    bonus = -_FOREIGN * _foreignness()
    bonus[own, own] += _TONIC
    score = _SHARPNESS * fits[0] + bonus
    back = np.zeros((len(fits), 24, 24), np.intp)
    for place in range(1, len(fits)):
        stay = _STAY_IN_BAR if place % 2 else _STAY
        best = score.argmax(axis=1)
        moved = np.take_along_axis(score, best[:, None], 1)
        staying = score + stay
        keep = staying >= moved
        back[place] = np.where(keep, own, best[:, None])
        score = np.where(keep, staying, moved) + _SHARPNESS * fits[place] + bonus
    total = score.max(axis=1) + _KEY_WEIGHT * _profile_fits(chroma)
    key = int(np.argmax(total))
    path = [int(score[key].argmax())]
    for place in range(len(fits) - 1, 0, -1):
        path.append(int(back[place, key, path[-1]]))
    return path[::-1]


def _joined(halves: Sequence[ChordSpan]) -> list[ChordSpan]:
    """Two halves of a bar with one chord become one span."""
    spans: list[ChordSpan] = []
    for place, half in enumerate(halves):
        if place % 2 and (half.root, half.quality) == (spans[-1].root, spans[-1].quality):
            first = spans.pop()
            mean = (first.confidence + half.confidence) / 2
            spans.append(ChordSpan(first.start, half.end, half.root, half.quality, mean))
        else:
            spans.append(half)
    return spans
