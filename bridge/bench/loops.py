"""Drum loops whose tempo is known from their length."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bridge.bench.songs import Song
from engine import audio
from engine.errors import BadSource
from engine.units import Bpm, Frames

BEATS = {
    "loop_3d_printer": 16, "loop_amen": 4, "loop_amen_full": 16, "loop_breakbeat": 4, "loop_compus": 16,
    "loop_electric": 4, "loop_garzul": 16, "loop_industrial": 2, "loop_mehackit1": 4, "loop_mehackit2": 4,
    "loop_mika": 16, "loop_perc1": 4, "loop_perc2": 4, "loop_safari": 16, "loop_weirdo": 8,
}  # fmt: skip
"""How many beats each loop of Debian's package sonic-pi-samples (CC0) lasts: the power of two that makes its length a tempo
from 80 to 160. Its drone and its tabla, which have no such number, are left out."""
_LEAST_SECONDS = 16.0


def loops(folder: Path) -> Iterator[Song]:
    """Every loop below a folder whose beats are known, repeated as it plays; raises BadSource where there is none."""
    paths = sorted(path for path in folder.rglob("*.flac") if path.stem in BEATS)
    if not paths:
        raise BadSource(f"{folder} holds none of the loops {', '.join(BEATS)}")
    for path in paths:
        clip = audio.read(path, Frames(0), audio.probe(path).frames)
        bpm = Bpm(60 * BEATS[path.stem] * clip.rate / clip.frames)
        times = int(np.ceil(_LEAST_SECONDS / clip.seconds))
        yield Song(path.stem, path, np.tile(clip.samples, times), clip.rate, bpm)
