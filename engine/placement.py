"""Where rendered audio goes: the window an engine hears, the exact cut, seams, levels. Pure functions on arrays.

All frames are counted at the clip's rate: from the source's start, or from the window's first frame once there is a window.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np

from engine.audio import FloatArray, loudness
from engine.backends.base import Heard, Span
from engine.units import Decibels, Frames, SampleRate, Seconds

MATCH_SECONDS = 1.5
"""How much audio on each side of a seam is compared in loudness."""
MATCH_LIMIT_DB = 12.0
"""No seam is matched by more than this."""
LOUDNESS_FLOOR_DB = -60.0
"""Below this there is nothing to match."""
LOUDNESS_BLOCK_SECONDS = 0.4
"""BS.1770 needs one block; shorter audio is compared by its RMS."""


@dataclass(frozen=True, slots=True)
class Part:
    """One clip's place in a window."""

    clip: Span
    """What the clip covers, without handles."""
    rendered: Span
    """What the engine fills: the clip, and whatever lies between it and the source or in handles that no source could fill."""


@dataclass(frozen=True, slots=True)
class Window:
    """What the engine hears for one or more clips."""

    start: int
    """Whole seconds from the source's start, so that the window begins on a frame at every sample rate."""
    frames: Frames
    parts: tuple[Part, ...]


def span_of(start: Seconds, end: Seconds, rate: SampleRate) -> Span:
    """Selection in seconds to frames: the clip has exactly `round((end - start) * rate)` of them."""
    return Span(Frames(round(start * rate)), Frames(round((end - start) * rate)))


def outside(start: Seconds, end: Seconds, source: Frames, rate: SampleRate) -> list[Span]:
    """The parts of a selection that lie before and after a source of `source` frames."""
    whole = span_of(start, end, rate)
    before = _from_to(whole.first, min(whole.end, 0))
    after = _from_to(max(whole.first, source), whole.end)
    return [span for span in (before, after) if span.frames > 0]


def windows(
    spans: Sequence[Span], source: Frames, rate: SampleRate, *, before: Seconds, after: Seconds, handles: Frames
) -> list[Window]:
    """Group clips whose surroundings overlap into the windows that an engine hears.

    A window is clip and context, clipped to the source; it reaches past the source only where a clip does.
    """
    planned: list[tuple[int, int, list[Part]]] = []
    for span in spans:
        part = Part(span, _to_render(span, source, handles))
        first = min(part.rendered.first, max(0, part.rendered.first - ceil(max(before * rate, handles))))
        end = max(part.rendered.end, min(source, part.rendered.end + ceil(max(after * rate, handles))))
        start = floor(first / rate)
        if planned and start * rate <= planned[-1][1]:
            earlier, reached, parts = planned.pop()
            planned.append((earlier, max(end, reached), [*parts, part]))
        else:
            planned.append((start, end, [part]))
    return [
        Window(
            start,
            Frames(end - start * rate),
            tuple(Part(_later(part.clip, -start * rate), _later(part.rendered, -start * rate)) for part in parts),
        )
        for start, end, parts in planned
    ]


def _to_render(span: Span, source: Frames, handles: Frames) -> Span:
    first = span.first - handles if span.first <= 0 else min(span.first, source)
    end = span.end + handles if span.end >= source else max(span.end, 0)
    return _from_to(first, end)


def _from_to(first: int, end: int) -> Span:
    return Span(Frames(first), Frames(end - first))


def _later(span: Span, frames: int) -> Span:
    return Span(Frames(span.first + frames), span.frames)


def place(
    heard: Heard, new: FloatArray, part: Part, *, crossfade: Frames, handles: Frames, plain: FloatArray | None = None
) -> FloatArray:
    """Cut one clip: `new` inside the selection, the source outside of it, equal-power seams inside the selection.

    `new` is [channels, window frames]; the result is [channels, clip frames + 2 * handles]. Where the source ends at the
    selection's edge (a continuation), it is mirrored about that edge for the length of the cross-fade, so that the clip
    begins where the source stopped. Frames outside the selection that hold source are the source's, bit for bit. Where
    `new` is quieter or emptier on purpose, `plain`, of the same shape, is what its level is matched by.
    """
    span = part.clip
    new = match_level(heard, new, span, plain)
    clip = _cut(heard.samples, span.first - handles, span.end + handles)
    for first, end in ((span.first - handles, span.first), (span.end, span.end + handles)):
        _fill_where_no_source(clip, first - (span.first - handles), heard, new, part.rendered, first, end)
    inside = _cut(new, span.first, span.end)
    seam = min(crossfade, span.frames // 2)
    if seam and _holds_source(heard, span.first - 1):
        fade_from(_source_mirrored(heard, span.first, seam), inside[:, :seam])
    if seam and _holds_source(heard, span.end):
        fade_from(_source_mirrored(heard, span.end - seam, seam)[:, ::-1], inside[:, ::-1][:, :seam])
    clip[:, handles : handles + span.frames] = inside
    return clip


def _holds_source(heard: Heard, frame: int) -> bool:
    return heard.source.first <= frame < heard.source.end


def _cut(samples: FloatArray, first: int, end: int) -> FloatArray:
    """Frames `first` to `end` as a copy, zeros where there are none."""
    left = min(max(-first, 0), end - first)
    inside = samples[:, max(first, 0) : max(end, 0)]
    return np.pad(inside, ((0, 0), (left, end - first - left - inside.shape[1])))


def _fill_where_no_source(
    clip: FloatArray, offset: int, heard: Heard, new: FloatArray, rendered: Span, first: int, end: int
) -> None:
    """Put rendered audio into the frames `first` to `end` of a handle that the source does not cover."""
    low, high = max(first, rendered.first), min(end, rendered.end)
    for start, stop in ((low, min(high, heard.source.first)), (max(low, heard.source.end), high)):
        if start < stop:
            clip[:, offset + start - first : offset + stop - first] = new[:, start:stop]


def _source_mirrored(heard: Heard, first: int, frames: int) -> FloatArray:
    """Source audio, mirrored about its first and last frame where it has ended."""
    last = heard.source.frames - 1
    index = np.abs(np.arange(first, first + frames) - heard.source.first)
    index = np.clip(np.where(index > last, 2 * last - index, index), 0, last)
    return heard.samples[:, heard.source.first + index]


def fade_from(old: FloatArray, new: FloatArray) -> None:
    """Equal-power cross-fade into `new`, in place; the first frame is the old audio alone."""
    angle = np.arange(old.shape[1]) / old.shape[1] * (np.pi / 2)
    new *= np.sin(angle).astype(np.float32)
    new += old * np.cos(angle).astype(np.float32)


def match_level(heard: Heard, new: FloatArray, span: Span, plain: FloatArray | None = None) -> FloatArray:
    """Scale new audio so that its loudness next to each seam is that of the source next to it.

    At an end where no source follows, as in a continuation, the level of the source as a whole is the aim, so that a
    piece that fades away is taken up again. The gain runs evenly in dB from end to end, at most 12 dB either way, and
    lifts no peak above full scale or the source's own peak, whichever is higher. Old audio is never scaled. The levels are
    read from `plain` where there is one.
    """
    reach = min(span.frames, round(MATCH_SECONDS * heard.rate))
    all_of_it = new[:, span.first : span.end]
    measured = (new if plain is None else plain)[:, span.first : span.end]
    at_start = _gain_db(heard, span.first - reach, span.first, measured[:, :reach])
    at_end = _gain_db(heard, span.end, span.end + reach, measured[:, span.frames - reach :])
    if at_start is None and at_end is None:
        return new
    overall = _gain_db(heard, heard.source.first, heard.source.end, measured) or Decibels(0.0)
    ends = [overall if gain is None else gain for gain in (at_start, at_end)]
    gain_db = np.interp(np.arange(new.shape[1]), [span.first, span.end - 1], ends)
    loudest_allowed = max(1.0, float(np.abs(heard.samples).max(initial=0.0)))
    peak = float(np.abs(all_of_it).max(initial=0.0))
    gain = np.minimum(10 ** (gain_db / 20), max(1.0, loudest_allowed / max(peak, 1e-9)))
    return new * gain.astype(np.float32)


def _gain_db(heard: Heard, first: int, end: int, new: FloatArray) -> Decibels | None:
    """Gain that brings `new` to the loudness of the source from frame `first` to `end`; None: nothing to match."""
    begin, end = max(first, heard.source.first), min(end, heard.source.end)
    if begin >= end:
        return None
    old_level, new_level = (
        _level(samples, heard.rate, min(end - begin, new.shape[1])) for samples in (heard.samples[:, begin:end], new)
    )
    if min(old_level, new_level) < LOUDNESS_FLOOR_DB:
        return None
    return Decibels(float(np.clip(old_level - new_level, -MATCH_LIMIT_DB, MATCH_LIMIT_DB)))


def _level(samples: FloatArray, rate: SampleRate, shorter: int) -> float:
    """Loudness, or RMS in dB where the shorter of two compared pieces has less than one loudness block."""
    if shorter >= LOUDNESS_BLOCK_SECONDS * rate:
        return loudness(samples, rate)
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-20))


def residual(source: FloatArray, stems: Sequence[FloatArray]) -> FloatArray:
    """What the stems leave of the source: stems and residual add up to it within float32 rounding."""
    rest = source.astype(np.float64)
    for stem in stems:
        rest -= stem
    return rest.astype(np.float32)
