"""The audio that the model sees: the window an engine hears, laid onto the model's frames and never too short for it."""

from dataclasses import dataclass
from math import ceil, floor

import numpy as np

from engine.audio import FloatArray
from engine.backends.base import Heard

PATCH = 2
"""Frames that the transformer takes together."""
SHORTEST_SECONDS = 10
"""Less was not in the model's training."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """Audio of a whole number of patches."""

    samples: FloatArray
    """[channels, latent frames * hop]"""
    offset: int
    """Sample of the canvas at which the window begins."""
    hop: int

    @property
    def frames(self) -> int:
        """Length in latent frames."""
        return int(self.samples.shape[1]) // self.hop

    def zone(self, first: int, end: int) -> tuple[int, int]:
        """The latent frames that hold the window's samples `first` to `end`."""
        return floor((self.offset + first) / self.hop), min(ceil((self.offset + end) / self.hop), self.frames)


def laid_out(heard: Heard, hop: int) -> Canvas:
    """Put a window onto the model's frames.

    A window that is too short is lengthened by repeating its source at an edge that the source touches, so that a loop of two
    bars is heard as the loop that it is; where it touches none, by silence.
    """
    step = hop * PATCH
    frames = heard.samples.shape[1]
    lacking = ceil(max(SHORTEST_SECONDS * heard.rate - frames, 0) / step) * step
    source = heard.samples[:, heard.source.first : heard.source.end]
    before = lacking if source.shape[1] and heard.source.first == 0 else 0
    samples = np.pad(heard.samples, ((0, 0), (before, lacking - before + -(frames + lacking) % step)))
    if before:
        samples[:, :before] = source[:, np.arange(-before, 0) % source.shape[1]]
    elif lacking and source.shape[1] and heard.source.end == frames:
        samples[:, frames : frames + lacking] = source[:, np.arange(lacking) % source.shape[1]]
    return Canvas(samples, before, hop)
