"""How the separator hears a spectrum: 256 bands, narrow where pitches lie close, wide above."""

import numpy as np
from scipy import fft

from engine.analysis.spectrum import FloatArray
from engine.units import SampleRate

BIN_HERTZ = 44_100 / 4096
"""A window of 4096 frames at 44.1 kHz, as long in seconds at every other rate."""
NARROW, WIDTH, BANDS = 128, 7, 256
"""Bands of one bin up to 1.4 kHz, then of seven."""
BINS = NARROW + WIDTH * (BANDS - NARROW)
"""Bins up to 11 kHz; what lies above follows the highest band."""
STARTS = np.concatenate([np.arange(NARROW), NARROW + WIDTH * np.arange(BANDS - NARROW)])
COUNTS = np.diff(np.append(STARTS, BINS))
HERTZ = STARTS * BIN_HERTZ
"""Where each band begins."""


def window_frames(rate: SampleRate) -> int:
    """Frames of a window of about 93 ms, a multiple of four that the Fourier transform is fast at."""
    return 4 * int(fft.next_fast_len(round(rate / BIN_HERTZ / 4), real=True))


def grouped(power: FloatArray) -> FloatArray:
    """Sum a power spectrogram [windows, bins] into [windows, 256]; bins that a low rate does not have count as zero."""
    inside = power[:, :BINS]
    if inside.shape[1] < BINS:
        inside = np.pad(inside, ((0, 0), (0, BINS - inside.shape[1])))
    return np.asarray(np.add.reduceat(inside, STARTS, axis=1), np.float32)


def spread(bands: FloatArray, bins: int) -> FloatArray:
    """Values of bands [windows, 256] as values of bins [windows, bins]; above 11 kHz the highest band's."""
    index = np.repeat(np.arange(BANDS), COUNTS)
    return bands[:, index[np.minimum(np.arange(bins), BINS - 1)]]
