"""Masks from the trained nets."""

from collections.abc import Callable
from importlib import resources
from typing import Any

import numpy as np

from engine.analysis.spectrum import FloatArray
from engine.backends.draft.separator.bands import BANDS
from engine.backends.draft.separator.repeats import LOW, low_cues

WINDOWS = 512
"""Windows that the nets hear at once: 12 seconds."""
MARGIN = 32
"""Windows at either end of a stretch where its neighbour fades in."""
THREADS = 2
_BROAD_WORK = 0.75
"""Share of the time that goes by before the low bands are decided again."""


class Separator:
    """The nets in onnxruntime. The same input gives the same masks. Raises ImportError without onnxruntime."""

    def __init__(self) -> None:
        import onnxruntime  # noqa: PLC0415  loaded by the worker when stems are asked for

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        options.inter_op_num_threads = 1
        # Threads that wait in a loop would take the processor from the DAW.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._broad, self._low = (
            onnxruntime.InferenceSession(
                resources.files(__package__).joinpath(name).read_bytes(), options, providers=["CPUExecutionProvider"]
            )
            for name in ("separator.onnx", "low.onnx")
        )

    def masks(self, power: FloatArray) -> FloatArray:
        """Masks of drums, bass and the rest [3, windows, 256] for the power of middle and sides [2, windows, 256].

        Takes 1 to 512 windows of 93 ms, a quarter of that apart; the masks add up to one. Gain does not matter.
        """
        return _asked(self._broad, "power", power)

    def low_masks(self, cues: FloatArray) -> FloatArray:
        """The same below 172 Hz, decided again [3, windows, 16] for what `repeats.low_cues` tells [10, windows, 16]."""
        return _asked(self._low, "cues", cues)


def _asked(session: Any, name: str, heard: FloatArray) -> FloatArray:
    # A short stretch is repeated until the net has what it was trained on: zeros would change the mean level.
    index = np.arange(WINDOWS) % heard.shape[1]
    found = session.run(None, {name: heard[None][:, :, index]})[0]
    return np.asarray(found[0, :, : heard.shape[1]], np.float32)


def learned_masks(power: FloatArray, medians: FloatArray, net: Separator, tick: Callable[[float], None]) -> FloatArray:
    """The nets' masks of drums and bass [2, windows, 256] for any number of windows.

    `power` [2, windows, 256] is of middle and sides, `medians` [2, windows, 256] are the masks of median filters.
    """
    masks = _stretched(power, BANDS, net.masks, lambda share: tick(_BROAD_WORK * share))
    cues = low_cues(power.sum(axis=0), masks, medians)
    masks[:, :, :LOW] = _stretched(
        cues, LOW, net.low_masks, lambda share: tick(_BROAD_WORK + (1 - _BROAD_WORK) * share)
    )
    return masks[:2]


def _stretched(
    heard: FloatArray, bands: int, found: Callable[[FloatArray], FloatArray], tick: Callable[[float], None]
) -> FloatArray:
    """Masks [3, windows, bands] for any number of windows: stretches that fade into each other."""
    count = heard.shape[1]
    total, weights = np.zeros((3, count, bands), np.float32), np.zeros((count, 1), np.float32)
    for start in range(0, max(1, count - 2 * MARGIN), WINDOWS - 2 * MARGIN):
        end = min(count, start + WINDOWS)
        first = max(0, end - WINDOWS)
        place = np.arange(end - first)
        weight = (np.minimum(np.minimum(place, place[::-1]) + 1, MARGIN) / np.float32(MARGIN)).astype(np.float32)[
            :, None
        ]
        total[:, first:end] += weight * found(heard[:, first:end])
        weights[first:end] += weight
        tick(end / count)
    return total / weights
