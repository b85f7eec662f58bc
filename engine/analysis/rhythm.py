"""Tempo, the beat grid, and how far audio lies from it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft

from engine.analysis.onsets import Envelope, flux, onset_envelope, onsets, onsets_of
from engine.analysis.spectrum import DoubleArray, FloatArray, Tick, mono_copy, quiet
from engine.units import Bpm, SampleRate, Seconds

TYPICAL_TEMPO = Bpm(120.0)
"""Centre of the prior over tempi, and the answer where nothing repeats."""
_TEMPI = (50.0, 220.0)
_PRIOR_OCTAVES = 1.0
"""Standard deviation of the prior over tempi: wide, for what repeats tells more than what is usual."""
_COMB = {0.25: -0.3, 0.5: 0.4, 0.75: 0.4, 1: 1.0, 1.5: 0.4, 2: 1.0, 3: 0.4, 4: 1.0, 8: 0.7}
"""How much a repetition after so many beats speaks for a tempo; one after a quarter of a beat makes it too slow."""
_PHASES = 96
_SUBDIVISIONS = 4


@dataclass(frozen=True, slots=True)
class TempoCurve:
    """Quarter notes as a function of time: the tempo is constant from each change to the next, and before the first."""

    times: DoubleArray
    """[changes] seconds, rising."""
    bpms: DoubleArray
    """[changes] tempo from that time on."""

    @classmethod
    def constant(cls, bpm: float) -> "TempoCurve":
        """One tempo from beginning to end."""
        return cls(np.zeros(1), np.array([float(bpm)]))

    @classmethod
    def of(cls, changes: Sequence[tuple[float, float, int, int]], start: float = 0.0) -> "TempoCurve":
        """The curve of a tempo map of (seconds, bpm, numerator, denominator), with time counted from `start` on."""
        return cls(
            np.array([change[0] - start for change in changes]), np.array([float(change[1]) for change in changes])
        )

    def _passed(self) -> DoubleArray:
        return np.concatenate([[0.0], np.cumsum(np.diff(self.times) * self.bpms[:-1] / 60)])

    def beats(self, times: DoubleArray) -> DoubleArray:
        """Quarter notes since the first change, negative before it."""
        index = np.maximum(0, np.searchsorted(self.times, times, side="right") - 1)
        return np.asarray(self._passed()[index] + (times - self.times[index]) * self.bpms[index] / 60, np.float64)

    def seconds(self, beats: DoubleArray) -> DoubleArray:
        """The time of each position in quarter notes: the inverse of `beats`."""
        passed = self._passed()
        index = np.maximum(0, np.searchsorted(passed, beats, side="right") - 1)
        return np.asarray(self.times[index] + (beats - passed[index]) * 60 / self.bpms[index], np.float64)


def estimate_tempo(samples: FloatArray, rate: SampleRate) -> Bpm:
    """Tempo of [channels, frames] between 50 and 220 quarter notes a minute; `TYPICAL_TEMPO` where nothing repeats.

    A comb over the autocorrelation of the onset envelope under a log-normal prior, then the strongest periodicity near it.
    Half and double tempo are the usual errors: a tempo that the host knows is always better.
    """
    return tempo_of(onset_envelope(samples, rate))


def tempo_of(envelope: Envelope) -> Bpm:
    """The tempo of an onset envelope; `TYPICAL_TEMPO` where nothing repeats."""
    return heard_tempo(envelope) or TYPICAL_TEMPO


def heard_tempo(envelope: Envelope) -> Bpm | None:
    """The tempo of an onset envelope; None where nothing repeats."""
    values = envelope.values.astype(np.float64)
    if len(values) < 2 * envelope.rate or values.max() <= 0:
        return None
    values = np.minimum(values, np.percentile(values, 99.5))
    values -= values.mean()
    size = fft.next_fast_len(2 * len(values), real=True)
    similar = fft.irfft(np.abs(fft.rfft(values, size)) ** 2, size)[: len(values)]
    similar /= max(1e-12, similar[0]) * (1 - np.arange(len(values)) / (len(values) + 1))
    bpms = np.exp(np.arange(np.log(_TEMPI[0]), np.log(_TEMPI[1]), 0.0025))
    beat = 60 / bpms * envelope.rate
    lags = np.arange(len(values))
    score = np.zeros(len(bpms))
    for multiple, weight in _COMB.items():
        lag = beat * multiple
        score += weight * np.where(lag < 0.75 * len(values), np.interp(lag, lags, similar), 0.0)
    score *= np.exp(-0.5 * (np.log2(bpms / TYPICAL_TEMPO) / _PRIOR_OCTAVES) ** 2)
    if score.max() <= 0:
        return None
    return _sharpened(values, envelope.rate, float(bpms[int(np.argmax(score))]))


def _sharpened(values: DoubleArray, rate: float, bpm: float) -> Bpm:
    """The tempo within 1.5 % whose beat and its divisions stand out most: as sharp as the excerpt is long."""
    times = np.arange(len(values)) / rate
    finest = 1.0 / (times[-1] * bpm)
    for reach in (0.015, 0.003, 0.0006):
        bpms = bpm * (1 + np.arange(-reach, reach * 1.001, max(reach / 8, finest)))
        bpm = float(bpms[int(np.argmax([_periodic(values, times, each) for each in bpms]))])
    return Bpm(bpm)


def _periodic(values: DoubleArray, times: DoubleArray, bpm: float) -> float:
    turn = np.exp(-2j * np.pi * bpm / 60 * times)
    return float(sum(abs(np.dot(values, turn**multiple)) for multiple in (1, 2, 4)))


def beat_phase(samples: FloatArray, rate: SampleRate, bpm: float) -> Seconds:
    """Time of the first beat of [channels, frames] at a known tempo, from 0 up to one beat."""
    curve = TempoCurve.constant(bpm)
    mono, low_rate = mono_copy(samples, rate)
    return Seconds(aligned_phase(mono, low_rate, flux(mono, low_rate), curve) * 60 / bpm)


def phase_of(envelope: Envelope, curve: TempoCurve) -> float:
    """Where in the curve's beats the music's beats lie, 0 to 1: the grid is at curve.beats(t) = whole number + phase."""
    values = envelope.values.astype(np.float64)
    if not len(values) or values.max() <= 0:
        return 0.0
    places = curve.beats(np.arange(len(values)) / envelope.rate)
    capped = np.minimum(values, np.percentile(values[values > 0], 98))
    folded = np.bincount(np.floor(places * _PHASES).astype(np.intp) % _PHASES, capped, _PHASES)
    # Bins that no hop fell into would look like silence.
    hits = np.bincount(np.floor(places * _PHASES).astype(np.intp) % _PHASES, minlength=_PHASES)
    folded = np.where(hits > 0, folded / np.maximum(hits, 1), 0.0)
    around = np.arange(_PHASES)
    wrapped = np.minimum(around, _PHASES - around)
    bump = np.exp(-0.5 * (wrapped / (0.02 * _PHASES)) ** 2)
    spectrum = fft.rfft(folded)
    # A beat shows on its halves and quarters as well, weaker each time.
    comb = (
        bump + 0.4 * np.roll(bump, _PHASES // 2) + 0.15 * (np.roll(bump, _PHASES // 4) + np.roll(bump, -_PHASES // 4))
    )
    score = fft.irfft(spectrum * np.conj(fft.rfft(comb)), _PHASES)
    best = int(np.argmax(score))
    # The vertex of a parabola: finer than the bins.
    left, middle, right = score[best - 1], score[best], score[(best + 1) % _PHASES]
    bend = left - 2 * middle + right
    return float((best + 0.5 + (0.5 * (left - right) / bend if bend < 0 else 0.0)) / _PHASES % 1.0)


def beat_grid(
    samples: FloatArray,
    rate: SampleRate,
    bpm: float | None = None,
    tempo_map: Sequence[tuple[float, float, int, int]] | None = None,
    start: float = 0.0,
    tick: Tick = quiet,
) -> DoubleArray:
    """Frames, with fractions, of the quarter notes in [channels, frames].

    The tempo comes from `tempo_map` (seconds, of which the audio's first frame has `start`), else from `bpm`, else it is
    estimated; the phase is always the audio's.
    """
    mono, low_rate = mono_copy(samples, rate, tick)
    envelope = flux(mono, low_rate, tick)
    curve = curve_of(envelope, bpm, tempo_map, start)
    return beats_between(curve, aligned_phase(mono, low_rate, envelope, curve, tick), samples.shape[1] / rate) * rate


def curve_of(
    envelope: Envelope, bpm: float | None, tempo_map: Sequence[tuple[float, float, int, int]] | None, start: float
) -> TempoCurve:
    """The tempo of a host's map, else of a host's tempo, else as estimated."""
    if tempo_map:
        return TempoCurve.of(tempo_map, start)
    return TempoCurve.constant(bpm or tempo_of(envelope))


def beats_between(curve: TempoCurve, phase: float, seconds: float) -> DoubleArray:
    """Times of the beats in [0, seconds)."""
    first, last = curve.beats(np.array([0.0, seconds]))
    counts = np.arange(np.ceil(first - phase), np.floor(last - phase) + 1)
    times = curve.seconds(counts + phase)
    return times[(times >= 0) & (times < seconds)]


def aligned_phase(mono: FloatArray, rate: float, envelope: Envelope, curve: TempoCurve, tick: Tick = quiet) -> float:
    """The phase after the envelope, moved onto the refined onsets where enough of them lie near the grid."""
    phase = phase_of(envelope, curve)
    times, strengths = onsets_of(mono, rate, envelope, tick)
    if len(times) < 4:
        return phase
    rests = (curve.beats(times) - phase) * _SUBDIVISIONS
    rests = (rests - np.round(rests)) / _SUBDIVISIONS
    near = np.abs(rests) < 0.5 / _SUBDIVISIONS / 2
    if near.sum() < 4:
        return phase
    order = np.argsort(rests[near])
    passed = np.cumsum(strengths[near][order])
    return float((phase + rests[near][order][np.searchsorted(passed, passed[-1] / 2)]) % 1.0)


def beat_error_ms(samples: FloatArray, rate: SampleRate, grid: DoubleArray) -> float:
    """Median distance in milliseconds of the strong onsets from the nearest sixteenth note; -1 with fewer than four.

    `grid` holds the frames of the quarter notes, as `beat_grid` gives them.
    """
    times, strengths = onsets(samples, rate)
    if len(grid) < 2 or len(times) < 4:
        return -1.0
    places = np.arange(len(grid) * _SUBDIVISIONS) / _SUBDIVISIONS
    fine = np.interp(places, np.arange(len(grid)), grid)[: (len(grid) - 1) * _SUBDIVISIONS + 1] / rate
    strong = (strengths >= 0.3 * np.percentile(strengths, 95)) & (times > fine[0] - 0.1) & (times < fine[-1] + 0.1)
    if strong.sum() < 4:
        return -1.0
    distances = _nearest(times[strong], fine)
    return float(1000 * np.median(distances))


def _nearest(times: DoubleArray, grid: DoubleArray) -> DoubleArray:
    index = np.clip(np.searchsorted(grid, times), 1, len(grid) - 1)
    return np.minimum(np.abs(times - grid[index - 1]), np.abs(grid[index] - times))
