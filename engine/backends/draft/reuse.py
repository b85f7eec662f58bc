"""Repaint and continue by re-using what the source already plays: no new notes, only other places of the same piece."""

from collections.abc import Sequence

import numpy as np

from engine.analysis.onsets import flux
from engine.analysis.rhythm import TempoCurve, aligned_phase, curve_of
from engine.analysis.spectrum import DoubleArray, FloatArray, Tick, mono_copy, quiet
from engine.backends.base import MIX, Heard, Rendering, Report, Span
from engine.backends.draft.beat_path import path
from engine.backends.draft.beatwise import PARTS, Beats, IndexArray, describe
from engine.backends.draft.progress import Ticks
from engine.backends.draft.splice import FADE_SECONDS, MARGIN_SECONDS, Run, aligned, write
from engine.backends.draft.texture import grains, patch
from engine.spec import RenderSpec
from engine.units import Frames, Seed

_LEAST_BARS = 2
_LEAST_SECONDS = 1.0
_HOST_REACH_SECONDS = 0.008
_HEARD_CLEARLY_SECONDS = 0.05
_ESTIMATED_REACH_SECONDS = 0.025
_SILENT = "the source is silent around the selection, and so is this"
_SHORT = "too little music around the selection to follow its beats: what there is was repeated"


def fill(heard: Heard, spec: RenderSpec, seed: Seed, report: Report) -> Rendering | None:
    """Fill every span with beats of the source that fit what surrounds it; None where there is too little to go by.

    What the spans hold now has no influence. Too little is less than two bars or less than a second of source outside
    the spans. A span shorter than a beat is one copy that fits it by its waveform. The result has the window's shape,
    with zeros away from the spans.
    """
    tick = Ticks(report)
    context = known(heard, tick)
    free = free_spans(heard)
    if not np.any(context):
        return Rendering({MIX: context}, _SILENT)
    seconds = sum(span.frames for span in free) / heard.rate
    if seconds < _LEAST_SECONDS:
        return None
    mono, rate = mono_copy(context, heard.rate, tick)
    envelope = flux(mono, rate, tick)
    curve = curve_of(envelope, spec.bpm, spec.tempo_map, heard.start)
    tick()
    bar = beats_a_bar(spec)
    beat_seconds = 60 / float(np.median(curve.bpms))
    if seconds < _LEAST_BARS * bar * beat_seconds:
        return None
    result = np.zeros(context.shape, np.float32)
    given = spec.bpm is not None or spec.tempo_map is not None
    beats: Beats | None = None
    for index, span in enumerate(heard.spans):
        rng = np.random.default_rng([seed, index])
        variation = 1.0 if spec.strength is None else spec.strength
        if span.frames < beat_seconds * heard.rate and patch(
            result, context, free, span, heard.rate, variation, rng, tick
        ):
            continue
        if beats is None:
            phase = aligned_phase(mono, rate, envelope, curve, tick)
            beats = _beats(mono, rate, heard, free, curve, phase, bar, tick)
        runs = _runs(beats, span, heard, variation, (seed, index), tick)
        if runs is None:
            grains(result, context, free, span, heard.rate, rng, tick)
            continue
        reach = _HOST_REACH_SECONDS if given else _ESTIMATED_REACH_SECONDS
        write(result, context, _joined(context, runs, span, heard, reach, tick), round(FADE_SECONDS * heard.rate), tick)
    return Rendering({MIX: result})


def texture_fill(heard: Heard, spec: RenderSpec, seed: Seed, report: Report) -> Rendering:
    """Fill every span from very little source: the copy that fits best, else pieces of the source one after another.

    The last resort after `fill`. Where there is no source, or only silence, the result is silent. The result has the
    window's shape, and a note says how it was made.
    """
    tick = Ticks(report)
    context = known(heard, tick)
    free = free_spans(heard)
    if not np.any(context):
        return Rendering({MIX: context}, _SILENT)
    result = np.zeros(context.shape, np.float32)
    variation = 1.0 if spec.strength is None else spec.strength
    for index, span in enumerate(heard.spans):
        rng = np.random.default_rng([seed, index])
        if not patch(result, context, free, span, heard.rate, variation, rng, tick):
            grains(result, context, free, span, heard.rate, rng, tick)
    return Rendering({MIX: result}, _SHORT)


def known(heard: Heard, tick: Tick = quiet) -> FloatArray:
    """What an engine may listen to: the window with zeros in the spans and outside of the source."""
    context = np.zeros(heard.samples.shape, np.float32)
    for span in free_spans(heard):
        write(context, heard.samples, [Run(span.first, span.end, 0)], 0, tick)
    return context


def has_surroundings(heard: Heard) -> bool:
    """Whether anything sounds outside of the spans."""
    return any(np.any(heard.samples[:, span.first : span.end]) for span in free_spans(heard))


def free_spans(heard: Heard) -> tuple[Span, ...]:
    """The stretches of source outside of the spans, in order."""
    first, end = max(0, heard.source.first), min(heard.samples.shape[1], heard.source.end)
    free = []
    for span in heard.spans:
        if span.first > first:
            free.append(Span(Frames(first), Frames(min(span.first, end) - first)))
        first = max(first, span.end)
    free.append(Span(Frames(first), Frames(end - first)))
    return tuple(span for span in free if span.frames > 0)


def beats_a_bar(spec: RenderSpec) -> float:
    """Quarter notes a bar, of the tempo map's first entry or of the meter."""
    numerator, denominator = spec.tempo_map[0][2:] if spec.tempo_map else spec.meter_parts
    return numerator * 4 / denominator


def _beats(
    mono: FloatArray,
    rate: float,
    heard: Heard,
    free: Sequence[Span],
    curve: TempoCurve,
    phase: float,
    bar: float,
    tick: Tick,
) -> Beats:
    seconds = heard.samples.shape[1] / heard.rate
    low, high = curve.beats(np.array([0.0, seconds])) - phase
    times = curve.seconds(np.arange(np.floor(low), np.ceil(high) + 1) + phase)
    edges = np.interp(np.arange((len(times) - 1) * PARTS + 1) / PARTS, np.arange(len(times)), times)
    # Windows of analysis that reach into a hole hear its silence, and an onset where it ends.
    inside = _within(edges, free, heard.rate, _HEARD_CLEARLY_SECONDS)
    playable = _within(times, free, heard.rate, FADE_SECONDS + _HOST_REACH_SECONDS)
    return Beats(times, *describe(mono, rate, times, tick), inside.reshape(-1, PARTS), playable, bar)


def _within(
    edges: DoubleArray, free: Sequence[Span], rate: int, margin: float
) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Which stretches between neighbouring edges (seconds) lie in one free span with a margin on both sides."""
    inside = np.zeros(len(edges) - 1, bool)
    for span in free:
        inside |= (edges[:-1] >= span.first / rate + margin - 1e-9) & (edges[1:] <= span.end / rate - margin + 1e-9)
    return inside


def _runs(
    beats: Beats, span: Span, heard: Heard, variation: float, seed: Sequence[int], tick: Tick
) -> list[Run] | None:
    """The stretches to copy, on the grid: a new one at each jump and where copy and place drift apart."""
    frames = np.round(beats.times * heard.rate).astype(np.intp)
    first = int(np.clip(np.searchsorted(frames, span.first, side="right") - 1, 0, len(frames) - 2))
    last = int(np.clip(np.searchsorted(frames, span.end, side="left") - 1, first, len(frames) - 2))
    chosen: IndexArray | None = path(beats, first, last, variation, seed, tick)
    if chosen is None:
        return None
    drift = 0.005 * heard.rate
    runs: list[Run] = []
    previous = -2
    for beat, source in zip(range(first, last + 1), chosen, strict=True):
        offset = int(frames[source] - frames[beat])
        begin, end = max(span.first, int(frames[beat])), min(span.end, int(frames[beat + 1]))
        if source == previous + 1 and abs(offset - runs[-1].offset) <= drift:
            runs[-1] = Run(runs[-1].first, end, runs[-1].offset)
        else:
            runs.append(Run(begin, end, offset))
        previous = int(source)
    return runs


def _joined(context: FloatArray, runs: list[Run], span: Span, heard: Heard, reach: float, tick: Tick) -> list[Run]:
    """The runs with their waveforms aligned, the outer ones reaching a little beyond the span where there is source."""
    done: list[Run] = []
    for run in runs:
        done.append(aligned(context, run, done[-1] if done else None, heard.rate, reach, run.end == span.end))
        tick()
    margin = round(MARGIN_SECONDS * heard.rate)
    first = max(min(span.first, heard.source.first), 0, span.first - margin)
    end = min(max(span.end, heard.source.end), heard.samples.shape[1], span.end + margin)
    done[0] = Run(first, done[0].end, done[0].offset)
    done[-1] = Run(done[-1].first, end, done[-1].offset)
    return done
