"""Basic Pitch's net, run by onnxruntime: which notes sound and begin, every 12 ms.

Source: Bittner et al., A lightweight instrument-agnostic model for polyphonic note transcription (ICASSP 2022).
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine.analysis.spectrum import FloatArray
from engine.audio import resample
from engine.errors import BadModel
from engine.units import SampleRate

RATE = SampleRate(22050)
HOP = 256
FRAME_SECONDS = HOP / RATE
LOWEST = 21
"""MIDI note of the first column: A0."""
_SHA256 = "2c3c1d144bfa61ad236e92e169c13535c880469a12a047d4e73451f2c059a0ec"
_OUTPUTS = ("StatefulPartitionedCall:1", "StatefulPartitionedCall:2")
"""Notes that sound, and notes that begin; the third, finer than semitones, is not asked for."""
_WINDOW = 43844
_FRAMES, _MARGIN = 172, 15
"""Frames of a window, and how many at each end do not see enough of what surrounds them."""
_STEP = _FRAMES - 2 * _MARGIN


class Heard(NamedTuple):
    """Likelihoods, each [frames, 88]; frame i is at i * FRAME_SECONDS."""

    sounding: FloatArray
    beginning: FloatArray


class Net:
    """Raises BadModel unless the file is the very one that was looked at."""

    def __init__(self, path: Path) -> None:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != _SHA256:
            raise BadModel(f"{path} is damaged or of another version: its sha256 is not {_SHA256}")
        import onnxruntime  # noqa: PLC0415  only who asks for notes waits for it

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2  # the DAW needs the others
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def hear(self, samples: FloatArray, rate: SampleRate, advance: Callable[[float], object]) -> Heard:
        """Hear [channels, frames]; `advance` is told how far it is, 0 to 1, and may raise."""
        mono = resample(samples.mean(axis=0, keepdims=True, dtype=np.float32), rate, RATE)[0]
        count = max(1, -(-(len(mono) // HOP + 1) // _STEP))
        padded = np.pad(mono, (_MARGIN * HOP, count * _STEP * HOP + _WINDOW - len(mono)))
        parts: list[tuple[FloatArray, FloatArray]] = []
        for number in range(count):
            advance(number / count)
            first = number * _STEP * HOP
            window = padded[None, first : first + _WINDOW, None]
            sounding, beginning = self._session.run(_OUTPUTS, {self._input: window})
            parts.append((sounding[0, _MARGIN:-_MARGIN], beginning[0, _MARGIN:-_MARGIN]))
        frames = len(mono) // HOP + 1
        return Heard(*(np.concatenate(each)[:frames] for each in zip(*parts, strict=True)))
