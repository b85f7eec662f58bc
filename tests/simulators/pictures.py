"""The pictures of the docs, held against what a simulated DAW shows: `PUNCHIN_DRAW=1 pytest` draws them anew."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

IMAGES = Path(__file__).parents[2] / "docs" / "images"


def compare(name, drawn):
    """The checked-in picture has the same size and, but for fonts and names of the day, the same pixels."""
    path = IMAGES / name
    if os.environ.get("PUNCHIN_DRAW"):
        drawn.quantize(64).save(path, optimize=True)
    kept = np.asarray(Image.open(path).convert("RGB"), dtype=int)
    fresh = np.asarray(drawn.quantize(64).convert("RGB"), dtype=int)
    assert kept.shape == fresh.shape
    assert np.mean(np.abs(kept - fresh).max(axis=2) > 60) < 0.03
