"""Warp maps: pairs of (seconds in the file, beat in the clip), the last of which only fixes the tempo of the end."""

SHADOW = 1 / 32
"""Beats from the last real marker to the hidden one."""


def straight(tempo):
    """The map of a file at one tempo."""
    return [(0.0, 0.0), (SHADOW * 60 / tempo, SHADOW)]


def with_shadow(real, tempo):
    """Real markers, and after them the hidden one that says `tempo`."""
    seconds, beat = real[-1]
    return [*real, (seconds + SHADOW * 60 / tempo, beat + SHADOW)]


def end_tempo(markers):
    """Beats a minute after the last real marker."""
    (first, low), (last, high) = markers[-2], markers[-1]
    return (high - low) * 60 / (last - first)


def seconds_at(markers, beat):
    """Seconds in the file at a beat; the outer pieces go on for ever."""
    return _through([(marker[1], marker[0]) for marker in markers], beat)


def beat_at(markers, seconds):
    """Inverse of `seconds_at`."""
    return _through(markers, seconds)


def _through(points, place):
    for piece in range(len(points) - 1):
        if place < points[piece + 1][0] or piece == len(points) - 2:
            (x, y), (right, up) = points[piece], points[piece + 1]
            return y + (place - x) * (up - y) / (right - x)
    raise AssertionError("a map has two markers")
