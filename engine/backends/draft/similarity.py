"""Which beats of a piece sound alike, and the path through them that fits a hole best.

Source: Perraudin et al., Inpainting of long audio segments with similarity graphs (arXiv 1607.06667), as unit selection
with a target cost and a join cost (Hunt and Black, ICASSP 1996) over beats.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial.distance import cdist

from engine.analysis.spectrum import DoubleArray, FloatArray, Tick, magnitudes, mel_bank, power_of_two
from engine.analysis.tonality import chroma_bank
from engine.spec import MAX_TAKES

BoolArray: TypeAlias = npt.NDArray[np.bool_]
IndexArray: TypeAlias = npt.NDArray[np.intp]

PARTS = 8
"""Thirty-second notes a beat: the grain of comparison."""
REACH = 16
"""Beats of context that are compared on each side of a hole."""
ALTERNATIVES = MAX_TAKES
"""Neighbouring seeds that are kept apart; the first of each such run, a multiple, is the best fit."""
_BANDS = 48
_RANGE_DB = 60.0
_COMPRESSION = 20.0
_ONSET_SHARE = 0.5
_PREDECESSORS = 24
_BLOCK_ROWS = 256
_MOST_BEATS = 2000
_DECAY = 0.5
_PRIOR_BEATS = 0.3
_JOIN = ((-2, 0.4), (-1, 0.8), (0, 1.0), (1, 0.6))
_JUMP = 2.0
_EDGE = 15.0
_TARGET = 5.0
_VOTES = ((10.0, 0.6), (40.0, 0.2))
_OWN_FIT = 0.5
_OFF_PHRASE = 0.04
_PHRASE_BARS = 2
_FAR = 0.03
_UNKNOWN_FIT = 1.0
_DOUBT = 0.8
_JUST_HEARD = 0.3
_VARIATION = 0.2
_TAKEN = 4.0
_ALIKE = 0.55
_TICK_PLACES = 32


@dataclass(frozen=True, slots=True)
class Beats:
    """The beats of a window and what they sound like."""

    times: DoubleArray
    """[beats + 1] seconds from the window's first frame; beat i lasts from times[i] to times[i + 1]."""
    levels: FloatArray
    """[beats, PARTS, bands] dB."""
    pitches: FloatArray
    """[beats, PARTS, 12] pitch classes, of unit length or zero."""
    onsets: FloatArray
    """[beats, PARTS] how much sets in."""
    known: BoolArray
    """[beats, PARTS]: parts that lie in the source and outside of every hole."""
    playable: BoolArray
    """[beats]: beats that can be copied."""
    bar: float
    """Beats a bar."""


def describe(
    mono: FloatArray, rate: float, times: DoubleArray, tick: Tick
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Levels, pitch classes and onsets, as in `Beats`, of the beats between `times` (seconds)."""
    count = len(times) - 1
    edges = np.interp(np.arange(count * PARTS + 1) / PARTS, np.arange(count + 1), times)
    size = power_of_two(0.046, rate)
    mel = _filtered(mono, size, mel_bank(_BANDS, size, rate), 0.0, tick)
    floor = max(1e-6, float(mel.max(initial=0.0))) * 10 ** (-_RANGE_DB / 20)
    levels = _means(20 * np.log10(mel + floor), rate / (size // 4), edges)
    rises = np.zeros((len(mel), 1))
    # The difference over two windows belongs to the window between them.
    rises[1:-1, 0] = np.maximum(0, mel[2:] - mel[:-2]).mean(axis=1)
    onsets = np.sqrt(_means(rises, rate / (size // 4), edges))
    size = power_of_two(0.19, rate)
    loud = float(np.sqrt(np.mean(np.square(mono), dtype=np.float64)))
    pitch = _filtered(mono, size, chroma_bank(size, rate), _COMPRESSION / max(loud, 1e-6), tick)
    pitch = _means(pitch, rate / (size // 4), edges)
    pitch /= np.maximum(np.linalg.norm(pitch, axis=1, keepdims=True), 1e-6)
    return (
        levels.astype(np.float32).reshape(count, PARTS, -1),
        pitch.astype(np.float32).reshape(count, PARTS, -1),
        onsets.astype(np.float32).reshape(count, PARTS),
    )


def _filtered(mono: FloatArray, size: int, bank: FloatArray, scale: float, tick: Tick) -> DoubleArray:
    """A filter bank's output, four windows a `size`: [windows, bands]; with a scale, of log(1 + scale * magnitude)."""
    parts = []
    for block in magnitudes(mono, size, size // 4):
        parts.append((np.log1p(scale * block) if scale else block) @ bank)
        tick()
    return np.concatenate(parts).astype(np.float64)


def _means(values: DoubleArray, windows_a_second: float, edges: DoubleArray) -> DoubleArray:
    """Mean of [windows, dimensions] over each stretch between `edges` (seconds): [edges - 1, dimensions]."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    # Window i is centred on its time and stands for half a hop on each side.
    places = np.clip(edges * windows_a_second + 0.5, 0, len(sums) - 1)
    low = np.minimum(places.astype(np.intp), len(sums) - 2)
    at = sums[low] + (places - low)[:, None] * (sums[low + 1] - sums[low])
    return np.asarray(np.diff(at, axis=0) / np.maximum(np.diff(places), 1e-3)[:, None], np.float64)


@dataclass(frozen=True, slots=True)
class _Graph:
    """Beats around one hole with their distances, without the long unknown stretches between them."""

    beats: IndexArray
    """[n] which beat of the window each row is."""
    distance: FloatArray
    """[n, n] distance summed over the parts that are known of both; that of two parts is 1 on average."""
    parts: FloatArray
    """[n, n] how many parts that are."""

    @property
    def unlike(self) -> FloatArray:
        """[n, n] mean distance of two beats; 1 where they share no known part."""
        return np.where(self.parts > 0, self.distance / np.maximum(self.parts, 1), np.float32(1))


def _graph(beats: Beats, first: int, last: int, tick: Tick) -> _Graph:
    count = len(beats.known)
    some = beats.known.any(axis=1)
    near = np.flatnonzero(some)
    order = np.argsort(np.maximum(first - near, near - last), kind="stable")
    kept = np.zeros(count, bool)
    kept[near[order[:_MOST_BEATS]]] = True
    # Unknown beats between two known stretches keep contexts from reaching from one into the other.
    spread = ndimage.maximum_filter1d(kept, 2 * REACH + 3, mode="constant")
    spread[max(0, first - REACH) : first + 2] = True
    spread[max(0, last) : last + REACH + 2] = True
    rows = np.flatnonzero(spread)
    known = beats.known[rows].astype(np.float32)
    parts = known @ known.T
    distance = np.zeros((len(rows), len(rows)), np.float32)
    shares = 0.0
    for measure, share in ((_levels_apart, 1.0), (_pitches_apart, 1.0), (_onsets_apart, _ONSET_SHARE)):
        apart = np.zeros((len(rows), len(rows)), np.float32)
        for part in range(PARTS):
            apart += measure(beats, rows, part) * np.outer(known[:, part], known[:, part])
            tick()
        typical = float(apart.sum(dtype=np.float64) / max(1.0, float(parts.sum(dtype=np.float64))))
        if typical > 0:
            distance += share / typical * apart
            shares += share
    return _Graph(rows, distance / (shares or 1.0), parts)


def _levels_apart(beats: Beats, rows: IndexArray, part: int) -> FloatArray:
    """Mean difference of the bands, in dB, of one part of each two beats: [rows, rows]."""
    levels = beats.levels[rows, part]
    return np.asarray(cdist(levels, levels, "cityblock") / levels.shape[1], np.float32)


def _pitches_apart(beats: Beats, rows: IndexArray, part: int) -> FloatArray:
    """One minus the cosine of the pitch classes: [rows, rows]."""
    pitches = beats.pitches[rows, part]
    return np.asarray(np.maximum(0, 1 - pitches @ pitches.T), np.float32)


def _onsets_apart(beats: Beats, rows: IndexArray, part: int) -> FloatArray:
    """Squared difference of the onsets: [rows, rows]."""
    onsets = beats.onsets[rows, part]
    return np.asarray(np.square(onsets[:, None] - onsets[None]), np.float32)


def _context(graph: _Graph, row: int, steps: range) -> FloatArray:
    """How unlike the surroundings of each beat are to those of one row: [n], 1 is typical of two random places."""
    size = len(graph.beats)
    distance = np.zeros(size)
    # A place of which little is known is taken for a typical one.
    parts = np.full(size, _PRIOR_BEATS * PARTS)
    distance += _PRIOR_BEATS * PARTS
    for step in steps:
        if not 0 <= row + step < size:
            continue
        weight = _DECAY ** abs(step)
        low, high = max(0, -step), min(size, size - step)
        distance[low:high] += weight * graph.distance[row + step, low + step : high + step]
        parts[low:high] += weight * graph.parts[row + step, low + step : high + step]
    return np.asarray(distance / parts, np.float32)


def _joins(graph: _Graph, playable: BoolArray, tick: Tick) -> tuple[IndexArray, FloatArray]:
    """The best beats to come from when jumping to each beat, and what that costs: two of [n, predecessors]."""
    size = len(graph.beats)
    distance = np.full((size, size), PARTS, np.float32)
    parts = np.full((size, size), PARTS, np.float32)
    for step, weight in _JOIN:
        inner = slice(max(0, -step), min(size, size - step))
        shifted = slice(max(0, step), min(size, size + step))
        distance[inner, inner] += weight * graph.distance[shifted, shifted]
        parts[inner, inner] += weight * graph.parts[shifted, shifted]
        tick()
    distance /= parts
    # Row s + 1 stands for what would have followed s.
    cost = np.full((size, size), np.inf, np.float32)
    cost[:-1] = distance[1:]
    cost[~playable] = np.inf
    cost[np.arange(size - 1), np.arange(1, size)] = np.inf
    best = min(_PREDECESSORS, size - 1)
    cost = np.ascontiguousarray(cost.T)
    blocks = []
    for first in range(0, size, _BLOCK_ROWS):
        blocks.append(np.argpartition(cost[first : first + _BLOCK_ROWS], best, axis=1)[:, :best])
        tick()
    found = np.concatenate(blocks)
    return found, np.take_along_axis(cost, found, axis=1)


def _predicted(
    beats: Beats, graph: _Graph, hole: IndexArray, left: FloatArray, right: FloatArray, tick: Tick
) -> FloatArray:
    """How unlike every beat is to what is to be expected at each place of the hole: [hole, n].

    Each shift of the piece against itself votes with how well it fits the hole's left and right context, in a sharp
    and in a broad vote; a beat costs its mean distance from what is voted for. Added to this is how well its own
    shift fits on the better side, whether it is a whole phrase away, and how far away it is.
    """
    rows, size = graph.beats, len(beats.known)
    # Costs by the beat that would stand at the hole's first and last place.
    at_first, at_last = np.full(size, np.inf), np.full(size, np.inf)
    at_first[rows], at_last[rows] = left, right
    known = beats.known[rows].all(axis=1)
    votes = np.zeros((len(hole), len(rows)))
    own = np.zeros((len(hole), len(rows)))
    for index in range(len(hole)):
        first, last = rows - index, rows + (len(hole) - 1 - index)
        one = np.where(first >= 0, at_first[np.clip(first, 0, size - 1)], np.inf)
        other = np.where(last < size, at_last[np.clip(last, 0, size - 1)], np.inf)
        one, other = (np.where(np.isfinite(fit), fit, _UNKNOWN_FIT) for fit in (one, other))
        share = np.clip((index + 0.5) / len(hole), 0.15, 0.85)
        fit = np.where(known, (1 - share) * one + share * other, np.inf)
        own[index] = np.sqrt(np.minimum(one, other))
        # One more vote is for no place: where nothing fits, the joins alone decide.
        least = min(_DOUBT, float(fit.min()))
        for sharpness, weight in _VOTES:
            vote = np.exp(-sharpness * (fit - least))
            votes[index] += weight * vote / (vote.sum() + np.exp(-sharpness * (_DOUBT - least)))
        if index % _BLOCK_ROWS == 0:
            tick()
    shift = np.abs(rows[None] - hole[:, None]).astype(np.float64)
    phrase = _PHRASE_BARS * beats.bar
    off_phrase = np.abs((shift / phrase + 0.5) % 1.0 - 0.5) > 0.01 / phrase
    expected = votes.astype(np.float32) @ graph.unlike
    return np.asarray(expected + _OWN_FIT * own + _OFF_PHRASE * off_phrase + _FAR * np.log1p(shift), np.float32)


def _metrical(bar: float, shift: DoubleArray) -> FloatArray:
    """Penalty for a beat that comes from another place of the bar, by the distance in beats."""
    off = np.abs((shift / bar + 0.5) % 1.0 - 0.5)
    return np.where(off < 0.01, 0.0, np.where(off > 0.49, 0.35, 0.8)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Costs:
    """What each choice costs, before any variation."""

    target: FloatArray
    """[hole, n] beat n at each place of the hole, ends included; infinite where it cannot be copied."""
    came_from: IndexArray
    """[n, predecessors] the best beats to jump from."""
    jump: FloatArray
    """[n, predecessors] what such a jump costs."""
    metrical: FloatArray
    """[hole, n] what beginning at a beat costs at each place."""
    follows: BoolArray
    """[n] beats that follow the one before them without a gap."""


def path(beats: Beats, first: int, last: int, variation: float, seed: Sequence[int], tick: Tick) -> IndexArray | None:
    """For each beat from `first` to `last` of the window the beat to copy; None where nothing can be copied.

    Playing on costs nothing; a jump costs as much as the places differ; both ends pay for not fitting what is around
    the hole. `variation` from 0 to 1 scales what makes seeds differ: noise, and a surcharge on everything that sounds
    like one of the paths of the seeds before, up to a multiple of ALTERNATIVES, so that neighbouring seeds give takes
    that can be told apart.
    """
    graph = _graph(beats, first, last, tick)
    if not beats.playable[graph.beats].any():
        return None
    hole = np.arange(first, last + 1)
    costs = _costs(beats, graph, hole, tick)
    rng = np.random.default_rng(seed)
    phrases = rng.standard_normal((len(hole) // 4 + 2, len(beats.known) // 4 + 2)).astype(np.float32)
    surcharge = _VARIATION * variation * phrases[np.arange(len(hole))[:, None] // 4, graph.beats[None] // 4]
    alike = np.maximum(0, 1 - graph.unlike / _ALIKE)
    chosen = _cheapest(costs, surcharge, tick)
    for _ in range(seed[0] % ALTERNATIVES if variation else 0):
        if chosen is None:
            break
        surcharge += _TAKEN * variation * alike[chosen]
        chosen = _cheapest(costs, surcharge, tick)
    return None if chosen is None else graph.beats[chosen]


def _costs(beats: Beats, graph: _Graph, hole: IndexArray, tick: Tick) -> _Costs:
    rows = graph.beats
    playable = beats.playable[rows]
    row_first, row_last = (int(np.searchsorted(rows, beat)) for beat in (hole[0], hole[-1]))
    left = _context(graph, row_first, range(-REACH, 1))
    right = _context(graph, row_last, range(REACH + 1))
    came_from, jump = _joins(graph, playable, tick)
    tick()
    metrical = _metrical(beats.bar, (hole[:, None] - rows[None]).astype(np.float64))
    target = _TARGET * _predicted(beats, graph, hole, left, right, tick)
    target[:, ~playable] = np.inf
    target[0] += _EDGE * left + metrical[0]
    target[-1] += _EDGE * right + metrical[-1]
    before, after = beats.known[: hole[0] + 1].any(), beats.known[hole[-1] :].any()
    if not (before and after):
        ago = np.abs(hole[0] - rows) if before else np.abs(rows - hole[-1])
        target[0] += _JUST_HEARD * (ago <= min(len(hole), 4 * beats.bar))
    follows = np.concatenate([[False], (np.diff(rows) == 1) & playable[:-1]])
    return _Costs(target, came_from, jump, metrical, follows)


def _cheapest(costs: _Costs, surcharge: FloatArray, tick: Tick) -> IndexArray | None:
    """The path of least cost, as rows of the graph; None where every path is infinite."""
    places, size = costs.target.shape
    rows = np.arange(size)
    back = np.zeros((places, size), np.int32)
    cost = costs.target[0] + surcharge[0]
    for place in range(1, places):
        onward = np.where(costs.follows, np.concatenate([[np.inf], cost[:-1]]), np.inf)
        jumped = cost[costs.came_from] + costs.jump
        best = np.argmin(jumped, axis=1)
        leap = jumped[rows, best] + _JUMP + costs.metrical[place]
        back[place] = np.where(onward <= leap, rows - 1, costs.came_from[rows, best])
        cost = np.minimum(onward, leap) + costs.target[place] + surcharge[place]
        if place % _TICK_PLACES == 0:
            tick()
    row = int(np.argmin(cost))
    if not np.isfinite(cost[row]):
        return None
    chosen = np.zeros(places, np.intp)
    for place in range(places - 1, -1, -1):
        chosen[place] = row
        row = int(back[place, row])
    return chosen
