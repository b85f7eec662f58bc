"""Draws what was rendered by pitch: spectrograms on one time axis, marked as the waveforms are."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import fft

from bridge.demo.picture import BODY, CLIP_BODY, FINE, PANEL, Axis, Row, Shapes, axis_of, draw
from engine.units import SampleRate

LOWEST_HZ, HIGHEST_HZ = 40.0, 10_000.0
FLOOR_DB = -200.0
"""The level of silence, and of time without audio."""
_WINDOW_SECONDS = 0.06
_RANGE_DB = 55.0
_CELL = 3
"""Pixels, either way: a coarser grain makes a smaller file."""
_SHADES = 12
_DARKENED = 0.55
"""The loudest is so much of a waveform's colour, to stand out more."""


def spectrograms(rows: Sequence[Row], rate: SampleRate, *, title: str, out: Path) -> None:
    """Draw spectrograms one below another as a PNG: pitch upwards from 40 Hz to 10 kHz, 55 dB below the loudest of all rows.

    New clips have a colour of their own. Raises ValueError when there is nothing to draw: no row, or no stretch of time.
    """
    axis = axis_of(rows, rate)
    columns = (axis.right - axis.left) // _CELL
    loudest = max(float(levels(row, rate, axis, columns, 64).max(initial=FLOOR_DB)) for row in rows)

    def paint(shapes: Shapes, row: Row, lane: tuple[int, int]) -> None:
        found = levels(row, rate, axis, columns, (lane[1] - lane[0]) // _CELL)[::-1]
        shades = np.round(np.clip(1 + (found - loudest) / _RANGE_DB, 0, 1) * _SHADES) / _SHADES
        dark = np.where(_is_new(row, axis, columns)[:, None], CLIP_BODY, BODY) * _DARKENED
        colours = np.array(PANEL) + shades[..., None] * (dark - np.array(PANEL))
        cells = Image.fromarray(np.round(colours).astype(np.uint8))
        size = (cells.width * _CELL * FINE, cells.height * _CELL * FINE)
        shapes.image.paste(cells.resize(size, Image.Resampling.NEAREST), (axis.left * FINE, lane[0] * FINE))

    draw(rows, rate, paint, title=title, out=out)


def levels(row: Row, rate: SampleRate, axis: Axis, columns: int, bands: int) -> npt.NDArray[np.float64]:
    """Decibels of power a hertz: [bands, columns], low bands first, evenly spaced in pitch; columns share the axis evenly."""
    size = max(16, round(_WINDOW_SECONDS * rate))
    mono = np.pad(row.samples.mean(axis=0, dtype=np.float64), size)
    middles = np.round((_middles(axis, columns) - row.offset_s) * rate).astype(np.int64)
    inside = (middles >= 0) & (middles < row.samples.shape[1])
    windows = np.lib.stride_tricks.sliding_window_view(mono, size)[middles[inside] + size - size // 2]
    power = np.square(np.abs(fft.rfft(windows * np.hanning(size), axis=1)))
    edges = np.geomspace(LOWEST_HZ, min(HIGHEST_HZ, rate / 2), bands + 1)
    # Between the edges of a band the power's integral rises by what the band has, also where it is narrower than a bin.
    hertz = (np.arange(power.shape[1] + 1) - 0.5) * rate / size
    passed = np.pad(np.cumsum(power, axis=1), ((0, 0), (1, 0)))
    within = np.array([np.diff(np.interp(edges, hertz, line)) for line in passed]).reshape(-1, bands) / np.diff(edges)
    found = np.full((bands, columns), FLOOR_DB)
    found[:, inside] = 10 * np.log10(within.T + 10 ** (FLOOR_DB / 10))
    return found


def _middles(axis: Axis, columns: int) -> npt.NDArray[np.float64]:
    """The times of the middles of columns."""
    return axis.start + (np.arange(columns) + 0.5) / columns * (axis.end - axis.start)


def _is_new(row: Row, axis: Axis, columns: int) -> npt.NDArray[np.bool_]:
    times = _middles(axis, columns)
    new = np.zeros(columns, dtype=np.bool_)
    for region in row.regions:
        if region.kind == "clip":
            new |= (times >= region.start_s) & (times < region.end_s)
    return new
