"""The times at which the flow is evaluated: 1 is noise, 0 is music. Plain numbers."""

from collections.abc import Sequence
from itertools import pairwise


def times(steps: int, shift: float) -> tuple[float, ...]:
    """`steps` falling times from 1, without the 0 that they lead to; a larger shift spends more of them on noise.

    With 8 steps and shift 3: 1, .955, .9, .833, .75, .643, .5, .3 (the table that the turbo models were distilled with).
    """
    even = [1 - number / steps for number in range(steps)]
    return tuple(shift * time / (1 + (shift - 1) * time) for time in even)


def given(listed: Sequence[float]) -> tuple[float, ...]:
    """Times that a user wrote down, without a 0 at the end. Raises ValueError where they do not fall from at most 1."""
    wanted = tuple(listed[:-1] if listed and listed[-1] == 0 else listed)
    falling = all(later < earlier for earlier, later in pairwise(wanted))
    if not wanted or not falling or wanted[0] > 1 or wanted[-1] <= 0:
        raise ValueError("times must fall, from at most 1 to above 0")
    return wanted


def begun_late(whole: Sequence[float], noise: float) -> tuple[float, ...]:
    """The rest of a schedule from the time nearest to a noise level on: where a cover starts from its source, not from noise."""
    first = min(range(len(whole)), key=lambda number: abs(whole[number] - noise))
    return tuple(whole[first:])
