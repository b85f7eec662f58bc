"""The part of a file that a job works on, heard at the clip's rate."""

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Self

import numpy as np

from engine import audio, placement
from engine.audio import FloatArray
from engine.backends.base import Heard, Span
from engine.errors import BadSource, TooLarge
from engine.placement import Part, Window
from engine.spec import MAX_SECONDS, RenderSpec
from engine.units import Frames, SampleRate, Seconds


@dataclass(frozen=True, slots=True)
class Source:
    """A region of a file. Frames are counted from its start at `rate` unless a name says `file`."""

    path: Path
    file_first: Frames
    file_frames: Frames
    file_rate: SampleRate
    rate: SampleRate
    channels: int

    @classmethod
    def of(cls, spec: RenderSpec) -> Self:
        """Look at the file's header; raises BadSource where it does not hold what the spec names."""
        assert spec.source is not None
        info = audio.probe(spec.source)
        first = round(spec.source_start * info.rate)
        there = info.frames - first
        if there <= 0:
            raise BadSource(
                f"source_start {spec.source_start:g} s lies beyond the end of {spec.source.name} ({info.frames / info.rate:g} s)"
            )
        frames = there if spec.source_length is None else round(spec.source_length * info.rate)
        if frames > there:
            raise BadSource(
                f"source_length {spec.source_length:g} s is more than {spec.source.name} holds "
                f"from source_start ({there / info.rate:g} s)"
            )
        return cls(
            spec.source,
            Frames(first),
            Frames(frames),
            info.rate,
            SampleRate(spec.sample_rate or info.rate),
            info.channels,
        )

    @property
    def frames(self) -> Frames:
        """Its length at `rate`."""
        return Frames(round(self.file_frames * self.rate / self.file_rate))

    def beside(self, spec: RenderSpec, *, before: Seconds, after: Seconds) -> Window:
        """The whole source, or the selection with so much context.

        Raises BadSource where the selection reaches beyond the source, TooLarge for more than a job takes.
        """
        whole = Span(Frames(0), self.frames)
        window = Window(0, self.frames, (Part(whole, whole),))
        if spec.selections:
            ((start, end),) = spec.selections
            span = placement.span_of(start, end, self.rate)
            if span.first < 0 or span.end > self.frames:
                raise BadSource(
                    f"{start:g}-{end:g} s reaches beyond the source (0-{self.frames / self.rate:g} s): "
                    f"{spec.verb} needs a part of it"
                )
            (window,) = placement.windows([span], self.frames, self.rate, before=before, after=after, handles=Frames(0))
        if window.frames > MAX_SECONDS * self.rate:
            raise TooLarge(
                f"the source lasts {window.frames / self.rate:.0f} s and {MAX_SECONDS:.0f} s is the most: "
                "choose a part with start and end, or with source_start and source_length"
            )
        return window

    def hear(self, window: Window) -> Heard:
        """Read a window; zeros where the source does not reach."""
        begin = max(0, window.start) * self.rate
        end = min(window.start * self.rate + window.frames, self.frames)
        held = Span(Frames(begin - window.start * self.rate), Frames(max(end - begin, 0)))
        samples = np.zeros((self.channels, window.frames), np.float32)
        if held.frames:
            samples[:, held.first : held.end] = self._read(begin, end)
        return Heard(
            samples, self.rate, Seconds(float(window.start)), held, tuple(part.rendered for part in window.parts)
        )

    def _read(self, begin: int, end: int) -> FloatArray:
        """Frames `begin`, which lies on a whole second, to `end`.

        Where the rate changes, a second more is read on both sides: the filter must not see an edge that the file has not.
        """
        if self.rate == self.file_rate:
            return audio.read(self.path, Frames(self.file_first + begin), Frames(end - begin)).samples
        second = begin // self.rate
        lead = min(second, 1)
        low = (second - lead) * self.file_rate
        high = min(self.file_frames, ceil(end * self.file_rate / self.rate) + self.file_rate)
        around = audio.read(self.path, Frames(self.file_first + low), Frames(high - low)).samples
        return audio.resample(around, self.file_rate, self.rate)[:, lead * self.rate :][:, : end - begin]
