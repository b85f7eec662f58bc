"""How unlike any two beats around a hole are, and what it costs to jump from one to the other.

Source: Perraudin et al., Inpainting of long audio segments with similarity graphs (arXiv 1607.06667).
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial.distance import cdist

from engine.analysis.spectrum import FloatArray, Tick
from engine.backends.draft.beatwise import PARTS, Beats, BoolArray, IndexArray

REACH = 16
"""Beats of context that are compared on each side of a hole."""
BLOCK_ROWS = 256
"""Rows that are worked on between two ticks."""
_ONSET_SHARE = 0.5
_PREDECESSORS = 24
_MOST_BEATS = 2000
_DECAY = 0.5
_PRIOR_BEATS = 0.3
_JOIN = ((-2, 0.4), (-1, 0.8), (0, 1.0), (1, 0.6))


@dataclass(frozen=True, slots=True)
class Graph:
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


def graph_around(beats: Beats, first: int, last: int, tick: Tick) -> Graph:
    """Compare what lies nearest to the hole from beat `first` to `last`, with as many unknown beats as contexts need."""
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
    return Graph(rows, distance / (shares or 1.0), parts)


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


def context_unlike(graph: Graph, row: int, steps: range) -> FloatArray:
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


def joins(graph: Graph, playable: BoolArray, tick: Tick) -> tuple[IndexArray, FloatArray]:
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
    for first in range(0, size, BLOCK_ROWS):
        blocks.append(np.argpartition(cost[first : first + BLOCK_ROWS], best, axis=1)[:, :best])
        tick()
    found = np.concatenate(blocks)
    return found, np.take_along_axis(cost, found, axis=1)
