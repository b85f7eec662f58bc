"""All that is measured of one recording: tempo, key, meter, chords, levels."""

import itertools
from collections.abc import Callable
from functools import partial

import numpy as np

from engine.analysis.bars import bar_phase, beats_a_bar, followed
from engine.analysis.onsets import flux, onsets_of
from engine.analysis.pitch import pitch_map
from engine.analysis.rhythm import TempoCurve, aligned_phase, beats_between, heard_tempo
from engine.analysis.spectrum import DoubleArray, FloatArray, mono_copy
from engine.analysis.triads import ChordSpan, Harmonies, harmonies
from engine.audio import loudness, peak_db
from engine.understanding import Measured
from engine.units import SampleRate, Seconds

NO_CHORD = "N"
_SURE = 0.3
"""Median confidence from which chords are worth telling."""
_STEP_SECONDS = 1.0
"""Where no beats are heard, chords are looked for in halves of so much."""


def measured(samples: FloatArray, rate: SampleRate, advance: Callable[[float], object]) -> Measured:
    """Measure [channels, frames]; `advance` is told how far it is, 0 to 1, between blocks of work.

    Where nothing repeats there is no tempo and no meter; silence has no key either.
    """
    seconds = samples.shape[1] / rate
    mono, low_rate = mono_copy(samples, rate, partial(advance, 0.05))
    envelope = flux(mono, low_rate, partial(advance, 0.1))
    pitches = pitch_map(mono, low_rate, partial(advance, 0.3))
    bpm = heard_tempo(envelope)
    advance(0.7)
    meter, bars = None, np.linspace(0.0, seconds, max(1, round(seconds / _STEP_SECONDS)) + 1)
    if bpm is not None:
        curve = TempoCurve.constant(bpm)
        steady = beats_between(curve, aligned_phase(mono, low_rate, envelope, curve, partial(advance, 0.75)), seconds)
        beats = followed(*onsets_of(mono, low_rate, envelope, partial(advance, 0.8)), steady)
        count = beats_a_bar(mono, low_rate, pitches, beats, partial(advance, 0.85))
        first = bar_phase(mono, low_rate, pitches, beats, count, partial(advance, 0.9))
        meter, bars = f"{count}/4", _between(beats[first::count], seconds)
    found = harmonies(pitches, bars)
    advance(0.95)
    return Measured(
        seconds=Seconds(seconds),
        lufs=loudness(samples, rate),
        peak_db=peak_db(samples),
        bpm=bpm,
        key=found.key,
        meter=meter,
        chords=_told(found),
    )


def _between(lines: DoubleArray, seconds: float) -> DoubleArray:
    """Bar lines that cover the whole: what lies before the first and after the last is a bar of its own."""
    inside = lines[(lines > 0) & (lines < seconds)]
    return np.concatenate([[0.0], inside, [seconds]])


def _told(found: Harmonies) -> tuple[tuple[float, str], ...]:
    if not found.chords or float(np.median([span.confidence for span in found.chords])) < _SURE:
        return ()
    named = itertools.groupby(found.chords, _name)
    return tuple((round(next(spans).start, 3), name) for name, spans in named)


def _name(span: ChordSpan) -> str:
    return span.name if span.confidence else NO_CHORD
