"""Draws what was rendered: waveforms on one time axis, with selections, new clips and seams marked.

Long because a picture is a sum of small marks; the arithmetic is apart from the drawing and can be used alone.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from engine.units import SampleRate, Seconds

Kind = Literal["selection", "kept", "clip"]
Samples: TypeAlias = npt.NDArray[np.float32]
Colour = tuple[int, int, int]

WIDTH = 1600
HEIGHT = 500
"""Of a picture with up to two rows; more rows make it higher."""
FINE = 2
"""Shapes are drawn twice as large and averaged down, which smooths their edges."""

PAPER: Colour = (253, 252, 250)
PANEL: Colour = (245, 244, 240)
INK: Colour = (44, 48, 54)
PALE_INK: Colour = (120, 124, 130)
GRID = (44, 48, 54, 16)  # laid over what is beneath
SEAM: Colour = (178, 58, 88)
SHADES: dict[Kind, Colour] = {"selection": (252, 236, 205), "kept": (228, 237, 240), "clip": (249, 226, 214)}
EDGES: dict[Kind, Colour] = {"selection": (226, 184, 108), "kept": (158, 186, 198), "clip": (220, 150, 118)}
PEAK: Colour = (143, 177, 199)
BODY: Colour = (62, 112, 146)
CLIP_PEAK: Colour = (232, 164, 132)
CLIP_BODY: Colour = (196, 96, 58)

_START = Seconds(0.0)
_TOP, _BOTTOM, _GAP, _STRIP, _BORDER = 70, 52, 14, 26, 6
_LEFT, _LABELLED_LEFT, _RIGHT = 36, 190, 36
_LEAST_ROW = 170


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of time to be shaded; a `clip` is new material and colours the waveform as well."""

    start_s: Seconds
    end_s: Seconds
    label: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Row:
    """One waveform: a take, a stem, or the piece before and after."""

    label: str
    samples: Samples
    """[channels, frames]"""
    offset_s: Seconds = _START
    """Time of the first frame."""
    regions: tuple[Region, ...] = ()
    seams: tuple[Seconds, ...] = ()


@dataclass(frozen=True, slots=True)
class Axis:
    """Time against pixel columns: `start` lies on the left edge of column `left`, `end` on the left edge of `right`."""

    start: Seconds
    end: Seconds
    left: int
    right: int

    def x(self, time: Seconds) -> float:
        """The place of a time, in pixels."""
        return self.left + (time - self.start) / (self.end - self.start) * (self.right - self.left)

    def column(self, time: Seconds) -> int:
        """The pixel column that a time falls into; times outside fall onto the nearest one."""
        return min(max(math.floor(self.x(time)), self.left), self.right - 1)

    def covered(self, region: Region) -> tuple[int, int]:
        """The first pixel column of a region and the one after its last."""
        return round(self.x(region.start_s)), round(self.x(region.end_s))

    def edges(self) -> npt.NDArray[np.float64]:
        """The times of the edges of all columns, one more than there are columns."""
        return np.linspace(self.start, self.end, self.right - self.left + 1)


@dataclass(frozen=True, slots=True)
class Outline:
    """Lowest and highest sample and RMS of each column, all [channels, columns]; NaN before and after the audio."""

    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    rms: npt.NDArray[np.float64]


def outline(samples: Samples, rate: SampleRate, offset_s: Seconds, axis: Axis) -> Outline:
    """Reduce [channels, frames] to one column of the axis each; a column narrower than a frame repeats the frame."""
    channels, frames = samples.shape
    columns = axis.right - axis.left
    low, high, rms = (np.full((channels, columns), np.nan) for _ in range(3))
    # rounding keeps a column edge that lies on a frame from slipping to the frame before
    places = np.round((axis.edges() - offset_s) * rate, 6)
    edges = np.floor(places).astype(np.int64)
    inside = (places[1:] > 0) & (places[:-1] < frames)
    if frames and inside.any():
        first = np.clip(edges[:-1][inside], 0, frames - 1)
        last = np.maximum(np.clip(edges[1:][inside], 0, frames), first + 1)
        for channel in range(channels):
            heard = samples[channel, : last[-1]]
            low[channel, inside] = np.minimum.reduceat(heard, first)
            high[channel, inside] = np.maximum.reduceat(heard, first)
            energy = np.add.reduceat(np.square(heard, dtype=np.float64), first)
            rms[channel, inside] = np.sqrt(energy / (last - first))
    return Outline(low, high, rms)


def ticks(start: Seconds, end: Seconds, at_most: int = 12) -> list[Seconds]:
    """Round times (steps of 1, 2 or 5 times a power of ten) within a span, its ends included."""
    span = end - start
    power = 10.0 ** math.floor(math.log10(span / at_most))
    step = next(power * factor for factor in (1, 2, 5, 10, 20) if span / (power * factor) <= at_most)
    first, last = math.ceil(start / step - 1e-9), math.floor(end / step + 1e-9)
    return [Seconds(round(number * step, 9)) for number in range(first, last + 1)]


def waveform(
    samples: Samples,
    rate: SampleRate,
    *,
    title: str,
    regions: Sequence[Region],
    seams: Sequence[Seconds],
    out: Path,
    offset_s: Seconds = _START,
) -> None:
    """Draw one waveform, [channels, frames] starting at `offset_s`, as a PNG of WIDTH by HEIGHT pixels."""
    waveforms([Row("", samples, offset_s, tuple(regions), tuple(seams))], rate, title=title, out=out)


def waveforms(rows: Sequence[Row], rate: SampleRate, *, title: str, out: Path) -> None:
    """Draw several waveforms one below another on a common time axis and at a common scale, as a PNG.

    The loudest sample of all rows fills its channel's height. Raises ValueError when there is nothing to draw: no row, or
    no stretch of time.
    """
    loudest = max((float(np.abs(row.samples).max(initial=0.0)) for row in rows), default=0.0) or 1.0
    draw(rows, rate, lambda shapes, row, lane: shapes.wave(row, rate, lane, loudest), title=title, out=out)


def draw(
    rows: Sequence[Row],
    rate: SampleRate,
    paint: Callable[["Shapes", Row, tuple[int, int]], None],
    *,
    title: str,
    out: Path,
) -> None:
    """Draw a panel a row on a common time axis, as a PNG; `paint` fills its lane, of which it gets top and bottom.

    Raises ValueError when there is nothing to draw: no row, or no stretch of time.
    """
    axis = axis_of(rows, rate)
    height = max(HEIGHT, _TOP + _BOTTOM + len(rows) * (_LEAST_ROW + _GAP) - _GAP)
    panels = list(_panels(len(rows), height))
    image = Image.new("RGB", (WIDTH * FINE, height * FINE), PAPER)
    labelled = any(region.label for row in rows for region in row.regions)
    lanes = [(top + (_STRIP if labelled else _BORDER), bottom - _BORDER) for top, bottom in panels]
    shapes = Shapes(image, axis)
    for row, panel, lane in zip(rows, panels, lanes, strict=True):
        shapes.ground(row, panel)
        paint(shapes, row, lane)
        shapes.seams(row, panel)
    image = image.reduce(FINE)
    texts = ImageDraw.Draw(image)
    _write_title(texts, title, rows)
    _write_axis(texts, axis, panels[-1][1])
    for row, panel, lane in zip(rows, panels, lanes, strict=True):
        _write_row(texts, axis, row, panel[0], sum(lane) / 2)
    image.save(out, format="PNG", optimize=True)


def axis_of(rows: Sequence[Row], rate: SampleRate) -> Axis:
    """The axis that holds every row with its regions and seams. Raises ValueError when it would have no length."""
    times = [_START] if not rows else []
    for row in rows:
        times += [row.offset_s, Seconds(row.offset_s + row.samples.shape[1] / rate), *row.seams]
        times += [time for region in row.regions for time in (region.start_s, region.end_s)]
    start, end = min(times), max(times)
    if not start < end:
        raise ValueError("there is no audio to draw")
    return Axis(start, end, _LABELLED_LEFT if any(row.label for row in rows) else _LEFT, WIDTH - _RIGHT)


def _panels(count: int, height: int) -> Iterator[tuple[int, int]]:
    """Top and bottom of each row, in pixels."""
    each = (height - _TOP - _BOTTOM + _GAP) / count
    for number in range(count):
        yield round(_TOP + number * each), round(_TOP + (number + 1) * each) - _GAP


class Shapes:
    """Everything that is not text, drawn FINE times as large."""

    def __init__(self, image: Image.Image, axis: Axis) -> None:
        self.image = image
        self.axis = axis
        self._draw = ImageDraw.Draw(image, "RGBA")
        self._fine = Axis(axis.start, axis.end, axis.left * FINE, axis.right * FINE)

    def ground(self, row: Row, panel: tuple[int, int]) -> None:
        """A row's panel between two pixels, its regions and the grid."""
        self._box(self.axis.left, panel[0], self.axis.right, panel[1], PANEL)
        for region in row.regions:
            self._region(region, panel)
        for time in ticks(self.axis.start, self.axis.end):
            x = self.axis.column(time)
            self._box(x, panel[0], x + 1, panel[1], GRID)

    def seams(self, row: Row, panel: tuple[int, int]) -> None:
        """A row's seams."""
        for seam in row.seams:
            self._seam(seam, panel)

    def _region(self, region: Region, panel: tuple[int, int]) -> None:
        left, right = self.axis.covered(region)
        self._box(left, panel[0], right, panel[1], SHADES[region.kind])
        self._box(left, panel[0], right, panel[0] + 3, EDGES[region.kind])

    def wave(self, row: Row, rate: SampleRate, lane: tuple[int, int], loudest: float) -> None:
        """A row's waveform between two pixels; `loudest` is the amplitude that fills a channel's height."""
        drawn = outline(row.samples, rate, row.offset_s, self._fine)
        new = self._new_columns(row)
        channels = row.samples.shape[0]
        each = (lane[1] - lane[0]) / channels
        scale = 0.46 * each * FINE / loudest
        for channel in range(channels):
            middle = round(lane[0] + (channel + 0.5) * each) * FINE
            for column in np.flatnonzero(~np.isnan(drawn.rms[channel])):
                x = self._fine.left + int(column)
                high, low, rms = (float(of[channel, column]) for of in (drawn.high, drawn.low, drawn.rms))
                peak, body = (CLIP_PEAK, CLIP_BODY) if new[column] else (PEAK, BODY)
                self._stroke(x, middle - high * scale, middle - low * scale, peak)
                # the body is no taller than the peaks: a lopsided wave has more RMS than room on one side
                self._stroke(x, middle - min(rms, max(high, 0)) * scale, middle + min(rms, max(-low, 0)) * scale, body)

    def _new_columns(self, row: Row) -> npt.NDArray[np.bool_]:
        middles = (self._fine.edges()[1:] + self._fine.edges()[:-1]) / 2
        new = np.zeros(len(middles), dtype=np.bool_)
        for region in row.regions:
            if region.kind == "clip":
                new |= (middles >= region.start_s) & (middles < region.end_s)
        return new

    def _stroke(self, x: int, top: float, bottom: float, colour: Colour) -> None:
        """One column, never thinner than a pixel of the picture, so that silence is a line."""
        first = round(top)
        self._draw.line((x, first, x, max(round(bottom), first + FINE - 1)), fill=colour)

    def _seam(self, seam: Seconds, panel: tuple[int, int]) -> None:
        x = self.axis.column(seam)
        self._box(x, panel[0], x + 1, panel[1], SEAM)
        middle, top, bottom = (x + 0.5) * FINE, panel[0] * FINE, panel[1] * FINE
        wide, deep = 6 * FINE, 9 * FINE
        for base, point in ((top, top + deep), (bottom, bottom - deep)):
            self._draw.polygon([(middle - wide, base), (middle + wide, base), (middle, point)], fill=SEAM)

    def _box(self, left: int, top: int, right: int, bottom: int, colour: tuple[int, ...]) -> None:
        if right > left:
            corners = (left * FINE, top * FINE, right * FINE - 1, bottom * FINE - 1)
            self._draw.rectangle(corners, fill=colour)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)


def _write_title(draw: ImageDraw.ImageDraw, title: str, rows: Sequence[Row]) -> None:
    right = float(WIDTH - _RIGHT)
    for name, colour in reversed(_legend(rows)):
        draw.text((right, 36), name, PALE_INK, _font(17), anchor="rm")
        right -= draw.textlength(name, _font(17)) + 8
        draw.rounded_rectangle((right - 18, 29, right, 43), 3, fill=colour)
        right -= 18 + 26
    draw.text((_LEFT, 36), fitted(draw, title, _font(26), right - _LEFT), INK, _font(26), anchor="lm")


def _legend(rows: Sequence[Row]) -> list[tuple[str, Colour]]:
    kinds = {region.kind for row in rows for region in row.regions}
    colours: dict[Kind, Colour] = {"kept": EDGES["kept"], "selection": EDGES["selection"], "clip": CLIP_BODY}
    names: dict[Kind, str] = {"kept": "kept", "selection": "selection", "clip": "new clip"}
    marks: list[tuple[str, Colour]] = [(names[kind], colour) for kind, colour in colours.items() if kind in kinds]
    return [*marks, ("seam", SEAM)] if any(row.seams for row in rows) else marks


def _write_axis(draw: ImageDraw.ImageDraw, axis: Axis, bottom: int) -> None:
    times = ticks(axis.start, axis.end)
    step = times[1] - times[0] if len(times) > 1 else 1.0
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    for time in times:
        x = axis.column(time)
        draw.line((x, bottom + 2, x, bottom + 8), fill=PALE_INK)
        name = f"{time:.{decimals}f} s"
        half = draw.textlength(name, _font(17)) / 2 + 4
        draw.text((min(max(x, half), WIDTH - half), bottom + 13), name, PALE_INK, _font(17), anchor="mt")


def _write_row(draw: ImageDraw.ImageDraw, axis: Axis, row: Row, top: int, middle: float) -> None:
    room = axis.left - _LEFT - 16
    draw.text((_LEFT, middle), fitted(draw, row.label, _font(19), room), INK, _font(19), anchor="lm")
    for region in row.regions:
        left, right = axis.covered(region)
        label = fitted(draw, region.label, _font(16), right - left - 24)
        draw.text((left + 12, top + 16), label, INK, _font(16), anchor="lm")


def fitted(
    draw: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, room: float
) -> str:
    """The text, or as much of its beginning as fits into `room` pixels with three dots after it, or nothing."""
    if draw.textlength(text, font) <= room:
        return text
    cuts = (f"{text[:length].rstrip()}..." for length in range(len(text) - 1, 0, -1))
    return next((cut for cut in cuts if draw.textlength(cut, font) <= room), "")
