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

from engine.analysis.spectrum import DoubleArray, FloatArray, Tick, magnitudes, mel_bank, power_of_two
from engine.analysis.tonality import chroma_bank
from engine.spec import MAX_TAKES

BoolArray: TypeAlias = npt.NDArray[np.bool_]
IndexArray: TypeAlias = npt.NDArray[np.intp]

PARTS = 4
"""Sixteenth notes a beat: the grain of comparison."""
REACH = 16
"""Beats of context that are compared on each side of a hole."""
ALTERNATIVES = MAX_TAKES
"""Neighbouring seeds that are kept apart; the first of each such run, a multiple, is the best fit."""
_BANDS = 40
_RANGE_DB = 60.0
_CHROMA_WEIGHT = 2.5
_PREDECESSORS = 24
_BLOCK_ROWS = 256
_MOST_BEATS = 2000
_DECAY = 0.7
_JOIN = ((-2, 0.4), (-1, 0.8), (0, 1.0), (1, 0.6))
_JUMP = 2.0
_EDGE = 20.0
_TARGET = 2.0
_SHARPNESS = 30.0
_JUST_HEARD = 0.3
_VARIATION = 0.2
_TAKEN = 4.0
_ALIKE = 0.3
_TICK_PLACES = 32


@dataclass(frozen=True, slots=True)
class Beats:
    """The beats of a window and what they sound like."""

    times: DoubleArray
    """[beats + 1] seconds from the window's first frame; beat i lasts from times[i] to times[i + 1]."""
    features: FloatArray
    """[beats, PARTS, dimensions], zeros where not known."""
    known: BoolArray
    """[beats, PARTS]: parts that lie in the source and outside of every hole."""
    playable: BoolArray
    """[beats]: beats that can be copied."""
    bar: float
    """Beats a bar."""


def describe(mono: FloatArray, rate: float, times: DoubleArray, tick: Tick) -> FloatArray:
    """Levels of mel bands and pitch classes of each sixteenth of each beat: [beats, PARTS, dimensions].

    Scaled so that a step of one is about a standard deviation of the piece.
    """
    edges = np.interp(np.arange((len(times) - 1) * PARTS + 1) / PARTS, np.arange(len(times)), times)
    size = power_of_two(0.046, rate)
    mel = _means(mono, rate, size, size // 4, mel_bank(_BANDS, size, rate), edges, tick)
    floor = max(1e-6, float(mel.max(initial=0.0))) * 10 ** (-_RANGE_DB / 20)
    level = 20 * np.log10(mel + floor)
    level = (level - level.mean(axis=0)) / max(1.0, float(level.std()))
    size = power_of_two(0.19, rate)
    pitch = _means(mono, rate, size, size // 4, chroma_bank(size, rate), edges, tick)
    pitch = pitch / np.maximum(np.linalg.norm(pitch, axis=1, keepdims=True), floor)
    joined = np.concatenate([level / np.sqrt(_BANDS), _CHROMA_WEIGHT * pitch / np.sqrt(12)], axis=1)
    return joined.astype(np.float32).reshape(len(times) - 1, PARTS, -1)


def _means(
    mono: FloatArray, rate: float, size: int, hop: int, bank: FloatArray, edges: DoubleArray, tick: Tick
) -> DoubleArray:
    """Mean over each stretch between `edges` (seconds) of a filter bank's output: [edges - 1, bands]."""
    parts = []
    for block in magnitudes(mono, size, hop):
        parts.append(block @ bank)
        tick()
    sums = np.concatenate([np.zeros((1, bank.shape[1])), np.cumsum(np.concatenate(parts), axis=0, dtype=np.float64)])
    # Window i is centred on frame i * hop and stands for half a hop on each side.
    places = np.clip(edges * rate / hop + 0.5, 0, len(sums) - 1)
    low = np.minimum(places.astype(np.intp), len(sums) - 2)
    at = sums[low] + (places - low)[:, None] * (sums[low + 1] - sums[low])
    return np.asarray(np.diff(at, axis=0) / np.maximum(np.diff(places), 1e-3)[:, None], np.float64)


@dataclass(frozen=True, slots=True)
class _Graph:
    """Beats around one hole with their distances, without the long unknown stretches between them."""

    beats: IndexArray
    """[n] which beat of the window each row is."""
    distance: FloatArray
    """[n, n] squared distance summed over the parts that are known of both."""
    parts: FloatArray
    """[n, n] how many parts that are."""
    typical: float
    """Mean squared distance of two parts."""


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
    values = beats.features[rows] * beats.known[rows][..., None]
    known = beats.known[rows].astype(np.float32)
    distance = np.zeros((len(rows), len(rows)), np.float32)
    for part in range(PARTS):
        square = np.square(values[:, part]).sum(axis=1)
        distance += np.outer(square, known[:, part]) + np.outer(known[:, part], square)
        distance -= 2 * values[:, part] @ values[:, part].T
        tick()
    parts = known @ known.T
    np.maximum(distance, 0, out=distance)
    return _Graph(rows, distance, parts, float(distance.sum() / max(1.0, float(parts.sum()))) or 1.0)


def _context(graph: _Graph, row: int, steps: range) -> FloatArray:
    """How unlike the surroundings of each beat are to those of one row: [n], 1 is typical of two random places."""
    size = len(graph.beats)
    distance = np.zeros(size)
    # A place of which little is known is taken for a typical one.
    parts = np.full(size, 2.0)
    distance += 2.0 * graph.typical
    for step in steps:
        if not 0 <= row + step < size:
            continue
        weight = _DECAY ** abs(step)
        low, high = max(0, -step), min(size, size - step)
        distance[low:high] += weight * graph.distance[row + step, low + step : high + step]
        parts[low:high] += weight * graph.parts[row + step, low + step : high + step]
    return np.asarray(distance / parts / graph.typical, np.float32)


def _joins(graph: _Graph, playable: BoolArray, tick: Tick) -> tuple[IndexArray, FloatArray]:
    """The best beats to come from when jumping to each beat, and what that costs: two of [n, predecessors]."""
    size = len(graph.beats)
    distance = np.full((size, size), graph.typical, np.float32)
    parts = np.ones((size, size), np.float32)
    for step, weight in _JOIN:
        inner = slice(max(0, -step), min(size, size - step))
        shifted = slice(max(0, step), min(size, size + step))
        distance[inner, inner] += weight * graph.distance[shifted, shifted]
        parts[inner, inner] += weight * graph.parts[shifted, shifted]
        tick()
    distance /= parts * graph.typical
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
    """Distance of every beat from what similar places let expect of each beat of the hole: [hole, n].

    Each shift of the piece against itself votes with how well it fits the hole's left and right context.
    """
    rows, size = graph.beats, len(beats.known)
    # Costs by the beat that would stand at the hole's first and last place.
    at_first, at_last = np.full(size, np.inf), np.full(size, np.inf)
    at_first[rows], at_last[rows] = left, right
    place = (np.arange(len(hole)) + 0.5) / len(hole)
    weights = np.zeros((len(hole), len(rows)), np.float32)
    for index in range(len(hole)):
        first, last = rows - index, rows + (len(hole) - 1 - index)
        fit_first = np.where((first >= 0), at_first[np.clip(first, 0, size - 1)], np.inf)
        fit_last = np.where((last < size), at_last[np.clip(last, 0, size - 1)], np.inf)
        share = np.clip(place[index], 0.15, 0.85)
        one, other = np.where(np.isfinite(fit_first), fit_first, 1.2), np.where(np.isfinite(fit_last), fit_last, 1.2)
        weights[index] = np.exp(-_SHARPNESS * ((1 - share) * one + share * other))
        if index % _BLOCK_ROWS == 0:
            tick()
    weights *= beats.known[rows].all(axis=1)
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-30)
    values = beats.features[rows].reshape(len(rows), -1)
    expected = weights @ values
    square = np.square(values).sum(axis=1)[None] + np.square(expected).sum(axis=1)[:, None] - 2 * expected @ values.T
    return np.asarray(np.maximum(square, 0) / PARTS / graph.typical, np.float32)


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
    alike = np.maximum(0, 1 - graph.distance / np.maximum(graph.parts, 1) / graph.typical / _ALIKE)
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
