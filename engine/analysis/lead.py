"""The melody: the line that stands out, as notes."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import ndimage

from engine.analysis.onsets import Envelope, flux
from engine.analysis.pitch import LOWEST, MELODY_SECONDS, PitchMap, pitch_map
from engine.analysis.spectrum import FloatArray, Tick, mono_copy, quiet
from engine.units import SampleRate

LOWEST_NOTE, HIGHEST_NOTE = 52, 91
"""A melody is looked for from E3 to G6."""
_HARMONICS = ((0, 1.0), (12, 0.6), (19, 0.4), (24, 0.3), (28, 0.2))
_SUBHARMONIC = 0.5
_LOCAL_SECONDS = 2.0
_JUMP, _ON_OFF, _SEMITONE = 1.0, 1.2, 0.03
_VOICED = 0.9
_SHORTEST_SECONDS = 0.09


@dataclass(frozen=True, slots=True)
class MelodyNote:
    """A note of the melody."""

    start: float
    """Seconds."""
    end: float
    pitch: int
    """MIDI note number."""
    confidence: float
    """0 to 1: how far it stands out from what else sounds."""


def melody(samples: FloatArray, rate: SampleRate, tick: Tick = quiet) -> tuple[MelodyNote, ...]:
    """The melody of [channels, frames]: notes in order, not overlapping; none where nothing stands out.

    Salience by harmonic sums over the percussive-suppressed semitones, then the likeliest line. In a full mix this is an
    estimate: what is loud and high is taken for the melody. Source: Salamon and Gomez, Melody extraction (IEEE TASLP 2012).
    """
    mono, low_rate = mono_copy(samples, rate, tick)
    envelope = flux(mono, low_rate, tick)
    return melody_of(pitch_map(mono, low_rate, tick, MELODY_SECONDS), envelope, tick)


def melody_of(pitches: PitchMap, envelope: Envelope, tick: Tick = quiet) -> tuple[MelodyNote, ...]:
    """The melody of a pitch map; the onset envelope gives the notes' exact starts."""
    if not pitches.values.size or float(pitches.values.max()) < 1e-5:
        return ()
    salient = _salience(pitches)
    line = _line(salient, tick)
    notes = []
    for first, end in _runs(line):
        pitch = int(line[first])
        for begin, stop in _struck_again(pitches.values[:, pitch - LOWEST], first, end):
            if (stop - begin) / pitches.rate >= _SHORTEST_SECONDS:
                sure = _margin(salient[begin:stop].mean(axis=0), pitch - LOWEST_NOTE)
                start = _snapped(begin / pitches.rate, envelope)
                notes.append(MelodyNote(start, max(stop / pitches.rate, start + 0.05), pitch, sure))
    notes.append(MelodyNote(np.inf, np.inf, 0, 0.0))
    return tuple(
        MelodyNote(note.start, min(note.end, after.start), note.pitch, note.confidence)
        for note, after in pairwise(notes)
        if after.start > note.start
    )


def _salience(pitches: PitchMap) -> FloatArray:
    """How far each note stands out: [hops, HIGHEST_NOTE - LOWEST_NOTE + 1], near 1 for the loudest note around."""
    values = np.sqrt(pitches.values)
    notes = np.arange(LOWEST_NOTE, HIGHEST_NOTE + 1) - LOWEST
    padded = np.pad(values, ((0, 0), (0, 40)))
    salient = sum(weight * padded[:, notes + step] for step, weight in _HARMONICS)
    # A harmonic of a lower note is not a note of its own.
    lower = np.maximum(padded[:, notes - 12], padded[:, np.maximum(notes - 19, 0)])
    salient = np.maximum(0, salient - _SUBHARMONIC * lower)
    # A fundamental has to be there.
    salient = np.minimum(salient, 4 * padded[:, notes])
    # The upper voice is the melody more often than not.
    salient = salient * np.linspace(0.85, 1.15, len(notes))
    top = np.sort(salient, axis=1)[:, -1]
    local = ndimage.maximum_filter1d(top, max(1, round(_LOCAL_SECONDS * pitches.rate)))
    usual = ndimage.uniform_filter1d(local, max(1, round(_LOCAL_SECONDS * pitches.rate)))
    floor = 0.02 * float(top.max())
    return np.asarray(1.5 * salient / np.maximum(usual, floor)[:, None], np.float32)


def _margin(salient: FloatArray, place: int) -> float:
    """How far a note's salience lies over that of the strongest other pitch class, 0 to 1."""
    away = (np.arange(len(salient)) - place) % 12
    others = salient[(away > 1) & (away < 11)]
    return float(np.clip(1 - others.max() / max(1e-9, float(salient[place])), 0, 1))


def _line(salient: FloatArray, tick: Tick) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
    """The MIDI note in each hop, 0 where there is none (Viterbi)."""
    count = salient.shape[1]
    steps = np.abs(np.arange(count)[:, None] - np.arange(count)[None])
    cost = np.where(steps == 0, 0.0, _JUMP + _SEMITONE * steps)
    score = np.concatenate([salient[0], [_VOICED]]).astype(np.float64)
    back = np.zeros((len(salient), count + 1), np.intp)
    costs = np.full((count + 1, count + 1), _ON_OFF)
    costs[:count, :count], costs[count, count] = cost, 0.0
    for hop in range(1, len(salient)):
        if hop % 512 == 0:
            tick()
        arriving = score[:, None] - costs
        back[hop] = arriving.argmax(axis=0)
        score = arriving.max(axis=0)
        score[:count] += salient[hop]
        score[count] += _VOICED
    line = np.zeros(len(salient), np.intp)
    state = int(score.argmax())
    for hop in range(len(salient) - 1, -1, -1):
        line[hop] = state + LOWEST_NOTE if state < count else 0
        state = int(back[hop, state])
    return line


def _runs(line: "np.ndarray[tuple[int], np.dtype[np.intp]]") -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(line)) + 1
    bounds = [0, *edges.tolist(), len(line)]
    return [(first, end) for first, end in pairwise(bounds) if end > first and line[first]]


def _struck_again(level: FloatArray, first: int, end: int) -> list[tuple[int, int]]:
    """A held pitch cut where its level doubles: the note was played again."""
    part = np.log(level[first:end] + 1e-7)
    if len(part) < 8:
        return [(first, end)]
    rise = np.zeros(len(part))
    rise[2:-2] = part[4:] - part[:-4]
    peaks = np.flatnonzero((rise > 0.7) & (rise == ndimage.maximum_filter1d(rise, 7)))
    cuts = [int(peak) + first for peak in peaks if 3 < peak < len(part) - 3]
    bounds = [first, *cuts, end]
    return list(pairwise(bounds))


def _snapped(time: float, envelope: Envelope, reach: float = 0.09) -> float:
    """The strongest onset near a time, else the time itself."""
    low, high = max(0, round((time - reach) * envelope.rate)), round((time + reach) * envelope.rate) + 1
    near = envelope.values[low:high]
    if not near.size or float(near.max()) < 1.0:
        return time
    return float((low + int(near.argmax())) / envelope.rate)
