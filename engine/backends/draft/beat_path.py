"""The path through the beats of a piece that fits a hole best.

Source: unit selection with a target cost and a join cost (Hunt and Black, ICASSP 1996), over beats.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.analysis.spectrum import DoubleArray, FloatArray, Tick
from engine.backends.draft.beatwise import Beats, BoolArray, IndexArray
from engine.backends.draft.similarity import BLOCK_ROWS, REACH, Graph, context_unlike, graph_around, joins
from engine.spec import MAX_TAKES

ALTERNATIVES = MAX_TAKES
"""Neighbouring seeds that are kept apart; the first of each such run, a multiple, is the best fit."""
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
    graph = graph_around(beats, first, last, tick)
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


def _costs(beats: Beats, graph: Graph, hole: IndexArray, tick: Tick) -> _Costs:
    rows = graph.beats
    playable = beats.playable[rows]
    row_first, row_last = (int(np.searchsorted(rows, beat)) for beat in (hole[0], hole[-1]))
    left = context_unlike(graph, row_first, range(-REACH, 1))
    right = context_unlike(graph, row_last, range(REACH + 1))
    came_from, jump = joins(graph, playable, tick)
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


def _predicted(
    beats: Beats, graph: Graph, hole: IndexArray, left: FloatArray, right: FloatArray, tick: Tick
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
        if index % BLOCK_ROWS == 0:
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
