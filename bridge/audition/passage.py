"""What is heard of a take: alone or in its surroundings, in whole bars when it loops. Arrays, no sound device."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from bridge.audition.choice import is_beside
from bridge.audition.orders import Play
from engine import audio
from engine.audio import FloatArray
from engine.backends.base import Span
from engine.backends.draft.timing import Timing, constant, mapped
from engine.placement import Window
from engine.source import Source
from engine.spec import RenderSpec
from engine.units import Decibels, Frames, SampleRate

AROUND_BARS = 2
AROUND_SECONDS = 4.0
"""Surroundings where the tempo is not known."""
BAR_TOLERANCE = 0.02
"""Share of a bar by which a take may be longer than whole bars and still loop in so many."""
MATCH_LIMIT_DB = 12.0
SILENCE_LUFS = -60.0
"""What is quieter is no take to match."""


@dataclass(frozen=True, slots=True, eq=False)
class Passage:
    """Audio to play, as it is on disk; the gain is for the player to apply."""

    samples: FloatArray
    """[channels, frames]"""
    rate: SampleRate
    gain_db: Decibels


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """A clip without its handles, and its place at its own rate, from the source's start."""

    span: Span
    samples: FloatArray


class _Original(Protocol):
    def __call__(self, span: Span) -> FloatArray:
        """The source in a span, [channels, frames]; zeros where it does not reach."""
        ...


def passage(order: Play) -> Passage:
    """The audio of an order; raises BadSource where a file is gone or damaged."""
    rate, layers = _layers(order)
    source = original = None
    if order.context or not order.take or (order.rivals and order.spec.source):
        source = Source.of(order.spec.model_copy(update={"sample_rate": rate}))
        original = _reader(source)
    bars = Bars.of(order.spec)
    if order.context:
        assert source is not None
        assert original is not None
        window = _window(order, rate, layers, source.frames, bars)
        samples = _spliced(original(window), window, layers if order.take else [], beside=is_beside(order.spec.verb))
    else:
        groups = _side_by_side(layers)
        samples = np.concatenate([_alone(group, original, order.take) for group in groups], axis=1)
        if order.loop and bars:
            length = bars.whole(groups[0][0].span.first / rate, samples.shape[1] / rate)
            samples = _fitted(samples, Frames(round(length * rate)))
    return Passage(samples, rate, _gain(order, rate, layers, original))


def _layers(order: Play) -> tuple[SampleRate, list[_Layer]]:
    clips = [(part.start, _whole(part.path)) for part in order.parts]
    rate = clips[0][1].rate
    handles = round(order.spec.handles * rate) if order.spec.selections else 0
    return rate, [
        _Layer(
            Span(Frames(round(start * rate) + handles), Frames(clip.frames - 2 * handles)),
            clip.samples[:, handles : clip.frames - handles],
        )
        for start, clip in clips
    ]


def _whole(path: Path) -> audio.Clip:
    return audio.read(path, Frames(0), audio.probe(path).frames)


def _reader(source: Source) -> _Original:
    def read(span: Span) -> FloatArray:
        second = math.floor(span.first / source.rate)
        skip = span.first - second * source.rate
        return source.hear(Window(second, Frames(skip + span.frames), ())).samples[:, skip:]

    return read


def _side_by_side(layers: list[_Layer]) -> list[list[_Layer]]:
    """Layers that have the same place, in order of time."""
    spans = sorted({layer.span for layer in layers}, key=lambda span: span.first)
    return [[layer for layer in layers if layer.span == span] for span in spans]


def _alone(group: list[_Layer], original: _Original | None, take: int) -> FloatArray:
    if take:
        together: FloatArray = np.sum([layer.samples for layer in group], axis=0, dtype=np.float32)
        return together
    assert original is not None
    return original(group[0].span)


def _window(order: Play, rate: SampleRate, layers: list[_Layer], source: Frames, bars: "Bars | None") -> Span:
    """The stretch that is heard, within what there is to hear; whole bars when it loops."""
    first, end = min(layer.span.first for layer in layers), max(layer.span.end for layer in layers)
    if order.around is not None:
        before = after = order.around
    elif bars:
        before, after = bars.before(first / rate, AROUND_BARS), bars.after(end / rate, AROUND_BARS)
    else:
        before = after = AROUND_SECONDS
    begin = max(first - round(before * rate), min(first, 0))
    finish = min(end + round(after * rate), max(end, source))
    if order.loop and bars:
        finish = begin + round(bars.whole(begin / rate, (finish - begin) / rate) * rate)
    return Span(Frames(begin), Frames(finish - begin))


def _spliced(samples: FloatArray, window: Span, layers: list[_Layer], *, beside: bool) -> FloatArray:
    for layer in layers:
        first = layer.span.first - window.first
        frames = min(layer.span.frames, window.frames - first)
        place = samples[:, first : first + frames]
        if beside:
            place += layer.samples[:, :frames]
        else:
            place[:] = layer.samples[:, :frames]
    return samples


def _fitted(samples: FloatArray, frames: Frames) -> FloatArray:
    """Cut, or filled with silence, to a length."""
    missing = max(0, frames - samples.shape[1])
    return np.pad(samples[:, :frames], ((0, 0), (0, missing)))


def _gain(order: Play, rate: SampleRate, layers: list[_Layer], original: _Original | None) -> Decibels:
    """What brings the take down to the quietest of the takes and the original; 0 where levels are not to be matched."""
    if order.rivals is None:
        return Decibels(0.0)
    known = list(order.rivals)
    own = order.own_lufs
    if original is not None:
        old = audio.loudness(np.concatenate([original(group[0].span) for group in _side_by_side(layers)], 1), rate)
        known.append(old)
        own = old if own is None else own
    audible = [level for level in known if level > SILENCE_LUFS]
    if own is None or own <= SILENCE_LUFS:
        return Decibels(0.0)
    return Decibels(max(min(audible) - own, -MATCH_LIMIT_DB))


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars of a job whose tempo is known. Times are seconds from the source's start."""

    timing: Timing
    changes: tuple[tuple[float, float], ...]
    """From when on a bar has how many quarter notes."""

    @classmethod
    def of(cls, spec: RenderSpec) -> "Bars | None":
        """None where nobody told the tempo."""
        count, value = spec.meter_parts
        if spec.tempo_map:
            return cls(
                mapped(spec.tempo_map), tuple((change[0], change[2] * 4 / change[3]) for change in spec.tempo_map)
            )
        return cls(constant(spec.bpm), ((0.0, count * 4 / value),)) if spec.bpm else None

    def whole(self, start: float, seconds: float) -> float:
        """A length that holds so many seconds from `start` on in whole bars, at least one."""
        first, last = self.timing.beat_at(start), self.timing.beat_at(start + seconds)
        quarters = self._quarters(start)
        count = max(1, math.ceil((last - first) / quarters - BAR_TOLERANCE))
        return self.timing.seconds_at(first + count * quarters) - start

    def before(self, time: float, count: int) -> float:
        """How long the bars before a time last."""
        return time - self.timing.seconds_at(self.timing.beat_at(time) - count * self._quarters(time))

    def after(self, time: float, count: int) -> float:
        """How long the bars after a time last."""
        return self.timing.seconds_at(self.timing.beat_at(time) + count * self._quarters(time)) - time

    def _quarters(self, time: float) -> float:
        return next((quarters for at, quarters in reversed(self.changes) if at <= time), self.changes[0][1])
