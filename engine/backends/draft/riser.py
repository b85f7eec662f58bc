"""A riser: noise and a tone that climb and grow into the moment they end on."""

from collections.abc import Sequence

import numpy as np
from scipy import fft

from engine.analysis.spectrum import FloatArray
from engine.units import SampleRate

_HERTZ = (250.0, 7000.0)
_OCTAVES = 0.6
"""Width of the noise band, standard deviation."""
_START_DB = -30.0
_TONE = 0.25
_SIZE_SECONDS = 0.046
_END_SECONDS = 0.004


def riser(channels: int, frames: int, rate: SampleRate, seed: Sequence[int]) -> FloatArray:
    """Float32 [channels, frames], its RMS near 1 at the end and 30 dB less at the start; the channels' noise differs."""
    rng = np.random.default_rng([*seed, 5])
    size = 2 * max(16, round(_SIZE_SECONDS * rate / 2))
    hop = size // 2
    count = frames // hop + 2
    window = np.hanning(size + 1)[:-1]
    hertz = np.maximum(fft.rfftfreq(size, 1 / rate), 1.0)
    climb = np.linspace(0, 1, count)[:, None]
    high = min(_HERTZ[1], 0.4 * rate)
    centre = _HERTZ[0] * (high / _HERTZ[0]) ** climb
    shape = np.exp(-0.5 * (np.log2(hertz / centre) / _OCTAVES) ** 2)
    made = np.zeros((channels, (count + 1) * hop))
    for channel in made:
        noise = fft.rfft(rng.standard_normal((count, size)), axis=1) * shape
        pieces = fft.irfft(noise, size, axis=1)
        pieces *= window / np.sqrt(np.mean(np.square(pieces), axis=1, keepdims=True))
        for index, piece in enumerate(pieces):
            channel[index * hop : index * hop + size] += piece
    time = np.linspace(0, 1, frames)
    # The tone ends two octaves above where it began, well below the noise.
    phase = 2 * np.pi * np.cumsum(220.0 * 4.0**time) / rate
    made = made[:, hop : hop + frames] + _TONE * np.sqrt(2) * np.sin(phase)
    made *= 10 ** (_START_DB * (1 - time) / 20)
    fade = min(frames, max(2, round(_END_SECONDS * rate)))
    made[:, frames - fade :] *= np.linspace(1, 0, fade)
    return np.asarray(made, np.float32)
