"""Where bars begin, and beats that follow a player's tempo."""

import numpy as np

from engine.analysis.pitch import LOWEST, PitchMap, pitch_map
from engine.analysis.spectrum import DoubleArray, FloatArray, Tick, magnitudes, mono_copy, power_of_two, quiet
from engine.units import SampleRate

_BASS_END = 53
_KICK_HZ, _SNARE_HZ = (35.0, 130.0), (1500.0, 6000.0)
_WINDOW_SECONDS = 0.023
_AROUND_BEATS = 0.2
_HARMONY, _BASS_NOTE, _KICK, _ACCENT, _SNARE = 1.0, 0.6, 0.8, 0.3, 0.4
_SECTION_BEATS = 16
_WANDER = 0.12
_SUBDIVISIONS = 4
_FEWEST_BEATS = 12


def downbeats(
    samples: FloatArray, rate: SampleRate, beats: DoubleArray, beats_a_bar: int = 4, tick: Tick = quiet
) -> DoubleArray:
    """Those of the beats (seconds) of [channels, frames] that begin a bar of so many beats.

    The phase at which chords change, the bass moves and the kick falls most, and the snare least. Source: the cues of
    Goto, An audio-based real-time beat tracking system (JNMR 2001).
    """
    mono, low_rate = mono_copy(samples, rate, tick)
    pitches = pitch_map(mono, low_rate, tick)
    first = bar_phase(mono, low_rate, pitches, beats, beats_a_bar, tick)
    return beats[first::beats_a_bar]


def bar_phase(
    mono: FloatArray, rate: float, pitches: PitchMap, beats: DoubleArray, beats_a_bar: int, tick: Tick = quiet
) -> int:
    """Which of the first beats begins a bar, from 0: what `downbeats` tells, of a `mono_copy` whose pitches are known."""
    if beats_a_bar < 2 or len(beats) <= beats_a_bar:
        return 0
    score = _accents(mono, rate, pitches, beats, tick)
    return int(np.argmax([score[place::beats_a_bar].mean() for place in range(beats_a_bar)]))


def beats_a_bar(mono: FloatArray, rate: float, pitches: PitchMap, beats: DoubleArray, tick: Tick = quiet) -> int:
    """Three or four: whichever beat count sets the beats that begin a bar apart the most; four where it is not clear."""
    if len(beats) < _FEWEST_BEATS:
        return 4
    score = _accents(mono, rate, pitches, beats, tick)
    score = score - score.mean()
    similar = np.correlate(score, score, "full")[len(score) - 1 :] / np.arange(len(score), 0, -1)
    threes, fours = similar[[3, 6, 9]].mean(), similar[[2, 4, 8]].mean()
    return 3 if threes > fours else 4


def _accents(mono: FloatArray, rate: float, pitches: PitchMap, beats: DoubleArray, tick: Tick) -> DoubleArray:
    """How much each beat sounds like the first of a bar."""
    treble, bass = _moved(pitches, beats)
    kick, snare = _struck(mono, rate, beats, tick)
    return _HARMONY * _scaled(treble) + _BASS_NOTE * _scaled(bass) + _KICK * _scaled(kick) - _SNARE * _scaled(snare)


def _scaled(values: DoubleArray) -> DoubleArray:
    spread = float(values.std())
    return (values - values.mean()) / spread if spread > 1e-9 else np.zeros(len(values))


def _moved(pitches: PitchMap, beats: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """How much harmony and bass of the two beats after each beat differ from those of the two before."""
    length = float(np.median(np.diff(beats)))
    classes = np.arange(LOWEST, LOWEST + pitches.values.shape[1]) % 12
    low = np.arange(len(classes)) < _BASS_END - LOWEST
    moved = np.zeros((2, len(beats)))
    for place, beat in enumerate(beats):
        before, after = pitches.between(beat - 2 * length, beat), pitches.between(beat, beat + 2 * length)
        for part, chosen in enumerate((~low, low)):
            old, new = (
                np.bincount(classes[chosen], np.sqrt(rows[:, chosen].mean(axis=0)), 12) for rows in (before, after)
            )
            scale = float(np.linalg.norm(old) * np.linalg.norm(new))
            moved[part, place] = 1 - float(old @ new) / scale if scale > 1e-9 else 0.0
    # Beside the window's edges everything seems to change.
    moved[:, (beats < 2 * length) | (beats > len(pitches.values) / pitches.rate - length)] = np.median(moved)
    return moved[0], moved[1]


def _struck(mono: FloatArray, rate: float, beats: DoubleArray, tick: Tick) -> tuple[DoubleArray, DoubleArray]:
    """How much louder the kick's and the snare's range become at each beat, in decibels."""
    size = power_of_two(_WINDOW_SECONDS * 2, rate)
    hop = size // 4
    bins = np.fft.rfftfreq(size, 1 / rate)
    ranges = [(bins >= low) & (bins <= high) for low, high in (_KICK_HZ, _SNARE_HZ)]
    blocks = []
    for block in magnitudes(mono, size, hop):
        blocks.append(np.stack([np.square(block[:, inside]).sum(axis=1) for inside in ranges], axis=1))
        tick()
    power = np.concatenate(blocks)
    level = 10 * np.log10(power + 1e-9 + 1e-4 * power.max(axis=0))
    rise = np.zeros_like(level)
    rise[2:] = np.maximum(0, level[2:] - level[:-2])
    reach = max(1, round(_AROUND_BEATS * float(np.median(np.diff(beats))) / 2 * rate / hop))
    centres = np.round(beats * rate / hop).astype(np.intp)
    around = np.clip(centres[:, None] + np.arange(-reach, reach + 1), 0, len(rise) - 1)
    struck = rise[around].max(axis=1).astype(np.float64)
    return struck[:, 0], struck[:, 1]


def followed(envelope_times: DoubleArray, strengths: DoubleArray, beats: DoubleArray) -> DoubleArray:
    """Beats moved onto the onsets around them, as far as a player's tempo wanders: at most 12 % of a beat a section.

    Takes onsets (seconds, strengths) and a steady grid of beats (seconds); sections of 16 beats are aligned one by one,
    overlapping, with straight lines between their centres.
    """
    if len(beats) < 2 * _SECTION_BEATS or len(envelope_times) < 8:
        return beats
    count = np.arange(len(beats))
    moved = beats.copy()
    for _ in range(2):
        places = np.interp(envelope_times, moved, count)
        rests = places - np.round(places * _SUBDIVISIONS) / _SUBDIVISIONS
        near = np.abs(rests) < _WANDER
        centres = np.arange(_SECTION_BEATS // 2, len(beats), _SECTION_BEATS // 2)
        drift = np.zeros(len(centres))
        for index, centre in enumerate(centres):
            inside = near & (np.abs(places - centre) < _SECTION_BEATS / 2)
            if inside.sum() >= 6:
                order = np.argsort(rests[inside])
                passed = np.cumsum(strengths[inside][order])
                drift[index] = rests[inside][order][np.searchsorted(passed, passed[-1] / 2)]
        moved = np.interp(count + np.interp(count, centres, drift), count, moved)
    return np.asarray(moved, np.float64)
