"""How often, and from where, an arrangement clip plays what it holds. Pure functions; all values are beats."""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Tuple

_SAME = 1e-6
MOST = 512


class Pass(NamedTuple):
    """One uninterrupted stretch: content `start` to `end` is heard from beat `at` of the song on."""

    at: float
    start: float
    end: float


def passes(at: float, length: float, start: float, loop: Optional[Tuple[float, float]]) -> List[Pass]:
    """The stretches of a clip that begins at beat `at`, lasts `length` beats, and starts at `start` of its content.

    `loop` is start and end of its loop, None where it does not loop. A clip that starts behind its loop never enters it.
    """
    if loop is None or loop[1] - loop[0] <= _SAME or start >= loop[1] - _SAME:
        return [Pass(at, start, start + length)]
    found: List[Pass] = []
    done = 0.0
    while length - done > _SAME and len(found) < MOST:
        end = min(loop[1], start + length - done)
        found.append(Pass(at + done, start, end))
        done += end - start
        start = loop[0]
    return found


def selected(found: List[Pass], start: float, end: float) -> List[Tuple[float, float]]:
    """The stretches of content that are heard between beats `start` and `end` of the song, without repetitions, in order."""
    parts = []
    for one in found:
        first, last = max(one.start, one.start + start - one.at), min(one.end, one.start + end - one.at)
        if last - first > _SAME:
            parts.append((first, last))
    return _joined(sorted(parts))


def _joined(parts: List[Tuple[float, float]]) -> List[Tuple[float, float]]:
    joined: List[Tuple[float, float]] = []
    for first, last in parts:
        if joined and first <= joined[-1][1] + _SAME:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined
