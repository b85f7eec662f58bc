"""When notes and hits begin."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from engine.analysis.spectrum import DoubleArray, FloatArray, Tick, magnitudes, mel_bank, mono_copy, power_of_two, quiet
from engine.units import SampleRate, Seconds

_BANDS = 32
_RANGE_DB = 60.0
_RISE_SECONDS = 0.005
_SEARCH_SECONDS = 0.03
_APART_SECONDS = 0.04
_CLICK_SECONDS = 0.001
_SUSTAIN_SECONDS = 0.01
_CLICK_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Envelope:
    """Onset strength over time: value i belongs to time i / rate."""

    values: FloatArray
    """[hops], decibels of rise averaged over bands, with the local mean taken off."""
    rate: float
    """Hops a second."""


def onset_envelope(samples: FloatArray, rate: SampleRate, tick: Tick = quiet) -> Envelope:
    """Spectral flux of [channels, frames]: how much louder the bands have become, every 5-6 ms.

    Source: Dixon, Onset detection revisited (DAFx 2006), with bands in mel and levels in decibels.
    """
    mono, low_rate = mono_copy(samples, rate, tick)
    return flux(mono, low_rate, tick)


def flux(mono: FloatArray, rate: float, tick: Tick = quiet) -> Envelope:
    """The onset envelope of a `mono_copy`, at its rate."""
    size = power_of_two(0.023, rate)
    hop = size // 4
    bank = mel_bank(_BANDS, size, rate)
    blocks = []
    for block in magnitudes(mono, size, hop):
        blocks.append(np.square(block) @ bank)
        tick()
    power = np.concatenate(blocks) if blocks else np.zeros((0, _BANDS), np.float32)
    floor = max(1e-12, float(power.max(initial=0.0)) * 10 ** (-_RANGE_DB / 10))
    level = 10 * np.log10(power + floor)
    rise = np.zeros(len(level), np.float32)
    if len(level) > 2:
        # The difference over two hops belongs to the hop between them.
        rise[1:-1] = np.maximum(0, level[2:] - level[:-2]).mean(axis=1)
    mean = ndimage.uniform_filter1d(rise, max(1, round(0.4 * rate / hop)), mode="nearest")
    return Envelope(np.maximum(0, rise - mean).astype(np.float32), rate / hop)


def onsets(samples: FloatArray, rate: SampleRate, tick: Tick = quiet) -> tuple[DoubleArray, DoubleArray]:
    """Times in seconds and strengths in decibels of the onsets of [channels, frames], refined to about a millisecond.

    A click, a rise that is gone after a millisecond or two, is no onset.
    """
    mono, low_rate = mono_copy(samples, rate, tick)
    return onsets_of(mono, low_rate, flux(mono, low_rate, tick), tick)


def onsets_of(mono: FloatArray, rate: float, envelope: Envelope, tick: Tick = quiet) -> tuple[DoubleArray, DoubleArray]:
    """The onsets of a `mono_copy` whose envelope is known."""
    times, strengths = [], []
    for count, peak in enumerate(_peaks(envelope)):
        if count % 256 == 0:
            tick()
        time = _refined(mono, Seconds(float(peak) / envelope.rate), rate)
        if time is not None:
            times.append(time)
            strengths.append(float(envelope.values[peak]))
    return np.array(times, np.float64), np.array(strengths, np.float64)


def _peaks(envelope: Envelope) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
    reach = max(1, round(_APART_SECONDS * envelope.rate))
    values = envelope.values
    highest = ndimage.maximum_filter1d(values, 2 * reach + 1, mode="constant") if len(values) else values
    threshold = max(1.0, 0.1 * float(np.percentile(values, 99))) if len(values) else 0.0
    return np.flatnonzero((values == highest) & (values > threshold))


def _refined(mono: FloatArray, near: Seconds, rate: float) -> Seconds | None:
    """The steepest rise of energy near a time; None where it does not last.

    The signal is differentiated first: bass that plays on hardly shows in it.
    """
    rise, reach = max(2, round(_RISE_SECONDS * rate)), round(_SEARCH_SECONDS * rate)
    skip, length = round(_CLICK_SECONDS * rate), round(_SUSTAIN_SECONDS * rate)
    room = reach + rise + 2 * skip + length
    first = max(0, round(near * rate) - room)
    cut = mono[first : round(near * rate) + room].astype(np.float64)
    energy = np.concatenate([[0.0], np.cumsum(np.square(np.diff(cut)))])
    last = len(energy) - 1
    at = np.arange(max(0, round(near * rate) - reach - first), min(last, round(near * rate) + reach - first) + 1)
    before = energy[at] - energy[np.maximum(at - rise, 0)]
    after = energy[np.minimum(at + rise, last)] - energy[at]
    # Ringing of the resampler before an attack is no rise.
    floor = 1e-3 * float(after.max(initial=0.0)) + 1e-15
    # Of rises alike the louder one: a tail's ripple must not win over the hit.
    gain = 1.25 * np.log(after + floor) - np.log(before + floor)
    best = int(at[int(np.argmax(gain))])
    steps = np.arange(best, best + rise + 1)
    loudest = best + int(np.argmax(energy[np.minimum(steps + skip, last)] - energy[np.minimum(steps, last)]))
    sustained = energy[min(loudest + 2 * skip + length, last)] - energy[min(loudest + 2 * skip, last)]
    preceding = energy[best] - energy[max(best - length, 0)]
    if sustained < 2 * preceding + _CLICK_SHARE * after.max(initial=0.0):
        return None
    return Seconds((first + best) / rate)
