"""Masks from the trained net."""

from collections.abc import Callable
from importlib import resources
from typing import Any

import numpy as np

from engine.analysis.spectrum import FloatArray
from engine.backends.draft.separator.bands import BANDS

WINDOWS = 512
"""Windows that the net hears at once: 12 seconds."""
MARGIN = 64
"""Windows at either end of a stretch where its neighbour fades in."""
THREADS = 2


class Separator:
    """The net in onnxruntime. The same input gives the same masks. Raises ImportError without onnxruntime."""

    def __init__(self) -> None:
        import onnxruntime  # noqa: PLC0415  loaded by the worker when stems are asked for

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        options.inter_op_num_threads = 1
        # Threads that wait in a loop would take the processor from the DAW.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        model = resources.files(__package__).joinpath("separator.onnx").read_bytes()
        self._session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def masks(self, power: FloatArray) -> FloatArray:
        """Masks of drums, bass and the rest [3, windows, 256] for the power of middle and sides [2, windows, 256].

        Takes 1 to 512 windows of 93 ms, a quarter of that apart; the masks add up to one. Gain does not matter.
        """
        # A short stretch is repeated until the net has what it was trained on: zeros would change the mean level.
        index = np.arange(WINDOWS) % power.shape[1]
        found = self._session.run(None, {"power": power[None][:, :, index]})[0]
        return np.asarray(found[0, :, : power.shape[1]], np.float32)


def learned_masks(power: FloatArray, net: Separator, tick: Callable[[float], None]) -> FloatArray:
    """The net's masks of drums and bass [2, windows, 256] for any number of windows: stretches that fade into each other."""
    count = power.shape[1]
    total, weights = np.zeros((2, count, BANDS), np.float32), np.zeros((count, 1), np.float32)
    for start in range(0, max(1, count - 2 * MARGIN), WINDOWS - 2 * MARGIN):
        end = min(count, start + WINDOWS)
        first = max(0, end - WINDOWS)
        place = np.arange(end - first)
        weight = (np.minimum(np.minimum(place, place[::-1]) + 1, MARGIN) / np.float32(MARGIN)).astype(np.float32)[
            :, None
        ]
        total[:, first:end] += weight * net.masks(power[:, first:end])[:2]
        weights[first:end] += weight
        tick(end / count)
    return total / weights
