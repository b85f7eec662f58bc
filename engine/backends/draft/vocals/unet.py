"""Spleeter's net in numpy: what share of each bin is the net's instrument.

Source: Hennequin et al., Spleeter: a fast and efficient music source separation tool with pre-trained models (JOSS 2020);
Jansson et al., Singing voice separation with deep U-Net convolutional networks (ISMIR 2017).
"""

import numpy as np
import numpy.typing as npt

from engine.analysis.spectrum import FloatArray, Tick
from engine.backends.draft.vocals.weights import Weights

WINDOWS, BINS = 512, 1024
"""What the net was trained on: 12 s, up to 11 kHz."""
LAYERS = 13
_DEPTH = 6
_KERNEL = 5
_STABLE = np.float32(1e-3)
_LEAK = np.float32(0.2)


class UNet:
    """One net with its weights, float32. The same input gives the same output on the same machine."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    def shares(self, levels: FloatArray, tick: Tick) -> FloatArray:
        """Shares, 0 to 1, for magnitudes [2, 512, 1024] of windows in time, of the same shape; a tick after each layer."""
        skips: list[FloatArray] = []
        x = levels
        for layer in range(1, _DEPTH + 1):
            x = convolved(x, *self._pair(f"down{layer}_conv.1"))
            skips.append(x)
            if layer < _DEPTH:
                x = self._normalised(x, f"down{layer}_act.0")
                x = np.maximum(x, _LEAK * x)
            tick()
        for layer in range(1, _DEPTH + 1):
            if layer > 1:
                x = np.concatenate([skips[_DEPTH - layer], x])
            x = np.maximum(transposed(x, *self._pair(f"up{layer}.0")), 0)
            x = self._normalised(x, f"up{layer}.3")
            tick()
        x = dilated(x[0], *self._pair("up7.0"))
        tick()
        return np.asarray(1 / (1 + np.exp(-x)), np.float32)

    def _pair(self, name: str) -> tuple[FloatArray, FloatArray]:
        return self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]

    def _normalised(self, x: FloatArray, name: str) -> FloatArray:
        """Batch normalisation [channels, rows, columns] with the means and variances of training."""
        weight, bias = self._pair(name)
        gain = weight / np.sqrt(self._weights[f"{name}.running_var"] + _STABLE)
        offset = bias - gain * self._weights[f"{name}.running_mean"]
        return np.asarray(x * gain[:, None, None] + offset[:, None, None], np.float32)


def convolved(x: FloatArray, weight: FloatArray, bias: FloatArray) -> FloatArray:
    """Convolution [in, rows, columns] by 5 x 5 [out, in, 5, 5] in steps of two: half as many rows and columns."""
    inputs, rows, columns = x.shape[0], x.shape[1] // 2, x.shape[2] // 2
    # Even and odd rows and columns apart: what a step of two reads then lies side by side.
    padded = np.pad(x, ((0, 0), (1, 3), (1, 3)))
    phases = padded.reshape(inputs, rows + 2, 2, columns + 2, 2).transpose(2, 4, 0, 1, 3)
    heard = np.empty((_KERNEL, _KERNEL, inputs, rows, columns), np.float32)
    for i, j in np.ndindex(_KERNEL, _KERNEL):
        heard[i, j] = _shifted(phases, i, j, rows, columns)
    taps = weight.transpose(0, 2, 3, 1).reshape(len(weight), -1)
    return (taps @ heard.reshape(taps.shape[1], -1) + bias[:, None]).reshape(-1, rows, columns)


def transposed(x: FloatArray, weight: FloatArray, bias: FloatArray) -> FloatArray:
    """Transposed convolution [in, rows, columns] by 5 x 5 [in, out, 5, 5]: twice as many rows and columns."""
    inputs, rows, columns = x.shape
    outputs = len(bias)
    taps = weight.transpose(2, 3, 1, 0).reshape(-1, inputs)
    spread = (taps @ x.reshape(inputs, -1)).reshape(_KERNEL, _KERNEL, outputs, rows, columns)
    phases = np.zeros((2, 2, outputs, rows + 2, columns + 2), np.float32)
    for i, j in np.ndindex(_KERNEL, _KERNEL):
        place = _shifted(phases, i, j, rows, columns)
        place += spread[i, j]
    whole = phases.transpose(2, 3, 0, 4, 1).reshape(outputs, 2 * rows + 4, 2 * columns + 4)
    return whole[:, 1 : 1 + 2 * rows, 1 : 1 + 2 * columns] + bias[:, None, None]


def dilated(x: FloatArray, weight: FloatArray, bias: FloatArray) -> FloatArray:
    """Convolution of one channel [rows, columns] by 4 x 4 [out, 1, 4, 4] that skips every other place, of the same size."""
    rows, columns = x.shape
    padded = np.pad(x, 3)
    out = np.empty((len(bias), rows, columns), np.float32)
    out[:] = bias[:, None, None]
    for i, j in np.ndindex(*weight.shape[2:]):
        out += weight[:, 0, i, j, None, None] * padded[2 * i : 2 * i + rows, 2 * j : 2 * j + columns]
    return out


def _shifted(phases: npt.NDArray[np.float32], i: int, j: int, rows: int, columns: int) -> FloatArray:
    """Those places of [2, 2, channels, rows + 2, columns + 2] that tap (i, j) of a kernel in steps of two meets, as a view."""
    return phases[i % 2, j % 2, :, i // 2 : i // 2 + rows, j // 2 : j // 2 + columns]
