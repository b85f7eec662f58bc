"""What is heard in pieces whose every chord is known: the arranger's own mixes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from engine.analysis import beat_error_ms, estimate_tempo
from engine.analysis.pitch import pitch_map
from engine.analysis.spectrum import DoubleArray, mono_copy, quiet
from engine.analysis.triads import harmonies
from engine.backends.base import Heard, Span
from engine.backends.draft.compose import compose
from engine.backends.draft.harmony import Chord, parse_key
from engine.backends.draft.listening import listen
from engine.backends.draft.meter import bar_beats, is_even
from engine.backends.draft.samples import Pack
from engine.backends.draft.score import Score
from engine.backends.draft.stylebook import Style, load_styles
from engine.spec import RenderSpec
from engine.units import Frames, SampleRate, Seconds

SECONDS = 30.0
RATE = SampleRate(22050)
"""Analysis needs no more."""
_SEEDS_A_STYLE = 100
_BLIND = RenderSpec.parse({"verb": "lego", "source": "/a.wav", "track": "bass"})
"""A user who says nothing: no tempo, no meter, no key."""
Triad: TypeAlias = tuple[int, str]
"""Pitch class of the root, and `major` or `minor`."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What was heard in one piece, beside what was played."""

    style: str
    seed: int
    bpm: float
    heard_bpm: float
    chords: float
    """Share of the half bars whose triad is right, with the true bar lines given."""
    blind_chords: float
    """The same where tempo, beats and bars are heard as well, from audio alone."""
    key: bool
    """Whether it is right, with the true bar lines given."""
    blind_key: bool
    beat_error_ms: float
    """Median distance of the onsets from the sixteenths, swung where the style swings."""


def pieces(styles: int | None, seeds: int) -> Iterator[Piece]:
    """Compose and hear so many pieces a style, in the first of all styles or in all; each has a seed of its own."""
    pack = Pack()
    for place, style in enumerate(list(load_styles().values())[:styles]):
        for number in range(seeds):
            yield _heard(style, number * _SEEDS_A_STYLE + place, pack)


def _heard(style: Style, seed: int, pack: Pack) -> Piece:
    spec = RenderSpec.parse({"verb": "generate", "prompt": style.words[0], "length": SECONDS})
    frames = round(SECONDS * RATE)
    mix, _, score = compose(spec, seed, frames, RATE, lambda _: None, pack)
    bar = bar_beats(score.meter)
    count = int(score.beats / bar + 1e-6)
    lines = _seconds(score, np.arange(count + 1, dtype=np.float64) * bar)
    halves = (np.arange(2 * count) + 0.5) * bar / 2
    times = _seconds(score, halves)
    truth = [_triad(next(each.chord for each in score.chords if each.start <= beat < each.end)) for beat in halves]
    told = harmonies(pitch_map(*mono_copy(mix, RATE)), lines)
    whole = Span(Frames(0), Frames(frames))
    blind = listen(Heard(mix, RATE, Seconds(0.0), whole, (whole,)), _BLIND, quiet)

    def given(time: float) -> Triad | None:
        return next(((span.root, span.quality) for span in told.chords if span.start <= time < span.end), None)

    def alone(time: float) -> Triad | None:
        beat = float(blind.grid.beats(np.array([time]))[0])
        return _triad(blind.form.harmony_at(max(0.0, beat)).chord)

    key = parse_key(score.key)
    return Piece(
        style=style.name,
        seed=seed,
        bpm=score.bpm,
        heard_bpm=float(estimate_tempo(mix, RATE)),
        chords=_right(times, truth, given),
        blind_chords=_right(times, truth, alone),
        key=told.key is not None and parse_key(told.key) == key,
        blind_key=blind.form.key == key,
        beat_error_ms=beat_error_ms(mix, RATE, _seconds(score, _grid(score, style)) * RATE),
    )


def _seconds(score: Score, beats: DoubleArray) -> DoubleArray:
    return np.array([score.seconds_at(beat) for beat in beats.tolist()])


def _triad(chord: Chord) -> Triad | None:
    """The triad of a chord with added notes; None for what is neither major nor minor."""
    thirds = {3: "minor", 4: "major"}
    found = [thirds[step] for step in chord.intervals if step in thirds]
    return (chord.root, found[0]) if len(found) == 1 and 7 in chord.intervals else None


def _right(times: DoubleArray, truth: list[Triad | None], heard: Callable[[float], Triad | None]) -> float:
    """Share of the triads that are right; NaN where none is played."""
    found = [heard(time) == triad for time, triad in zip(times.tolist(), truth, strict=True) if triad]
    return float(np.mean(found)) if found else float("nan")


def _grid(score: Score, style: Style) -> DoubleArray:
    """Positions in quarter notes of the beats, and of the second notes of the pairs where the style swings."""
    if style.swing == 0.5 or not is_even(score.meter):
        return np.arange(int(score.beats) + 1, dtype=np.float64)
    pair = 2 * style.swing_beats
    firsts = np.arange(int(score.beats / pair) + 1) * pair
    return np.stack([firsts, firsts + style.swing * pair], axis=1).ravel()
