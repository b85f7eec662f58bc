"""Pieces of music whose stems are known: projects rendered track by track."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine import audio
from engine.audio import FloatArray
from engine.errors import BadSource
from engine.spec import OTHER
from engine.units import Frames, SampleRate

STEMS = ("drums", "bass", OTHER)
EXCERPT_SECONDS = 40.0
_AUDIO = (".wav", ".flac", ".ogg", ".aiff", ".aif")
_DRUMS = (
    "drum|drums|kick|kicker|bd|bassdrum|snare|sn|sd|rimshot|rim|clap|claps|hat|hats|hh|hihat|hihats|hihhat|openhat|cymbal|"
    "crash|ride|tom|toms|perc|percussion|shaker|tambourine|conga|bongo|cowbell|kit|break|breakbeat|808|909|clave|stick|loop|noise"
)
_BASS = "bass|basses|bassline|sub|subbass|contrabass"
_WORDS = {"drums": re.compile(rf"\b({_DRUMS})\b"), "bass": re.compile(rf"\b({_BASS})\b")}
_PLAYS = 10 ** (-30 / 20)
"""A stem plays in a second that is at most 30 dB under its loudest."""


@dataclass(frozen=True, slots=True)
class Project:
    """The stretch of a project in which all stems play most, up to 40 s."""

    name: str
    stems: FloatArray
    """Drums, bass and other: [3, channels, frames]."""
    rate: SampleRate


def projects(folder: Path) -> Iterator[Project]:
    """Every project below a folder that has drums, a bass and something else, in order of their names.

    A project is a folder with a file a track; a track's name tells its stem (`5_BD 03.wav` is of the drums), and what
    names neither drums nor bass is other. `lmms rendertracks` writes such files. Raises BadSource where there is none.
    """
    parents = sorted({path.parent for path in folder.rglob("*") if path.suffix.lower() in _AUDIO})
    found = False
    for parent in parents:
        tracks: dict[str, list[Path]] = {stem: [] for stem in STEMS}
        for path in sorted(parent.iterdir()):
            if path.suffix.lower() in _AUDIO:
                tracks[stem_of(path.stem)].append(path)
        if all(tracks.values()):
            found = True
            yield _excerpt(parent.name, tracks)
    if not found:
        raise BadSource(f"{folder}: no folder in it has tracks named as drums and as bass, and others beside them")


def stem_of(name: str) -> str:
    """The stem that a track's name belongs to."""
    words = re.sub(r"[^a-z0-9]+|(?<=[a-z])(?=[0-9])", " ", name.lower())
    return next((stem for stem, pattern in _WORDS.items() if pattern.search(words)), OTHER)


def _excerpt(name: str, tracks: dict[str, list[Path]]) -> Project:
    rate = audio.probe(tracks[OTHER][0]).rate
    summed = []
    for paths in tracks.values():
        clips = [audio.read(path, Frames(0), audio.probe(path).frames) for path in paths]
        if any(clip.rate != rate for clip in clips):
            raise BadSource(f"{name}: its tracks differ in sample rate")
        stem = np.zeros((2, max(clip.frames for clip in clips)), np.float32)
        for clip in clips:
            stem[:, : clip.frames] += clip.samples
        summed.append(stem)
    frames = max(stem.shape[1] for stem in summed)
    stems = np.stack([np.pad(stem, ((0, 0), (0, frames - stem.shape[1]))) for stem in summed])
    first, end = busiest(stems, rate)
    return Project(name, np.ascontiguousarray(stems[:, :, first:end]), rate)


def busiest(stems: FloatArray, rate: SampleRate) -> tuple[int, int]:
    """Frames of the first 40 s of stems [3, channels, frames] in which the stem that plays least plays most."""
    seconds = stems.shape[2] // rate
    squares = np.square(stems[:, :, : seconds * rate]).reshape(len(stems), stems.shape[1], seconds, rate)
    levels = np.sqrt(squares.mean(axis=(1, 3)))
    plays = levels > _PLAYS * levels.max(axis=1, keepdims=True, initial=0)
    length = min(seconds, round(EXCERPT_SECONDS))
    counts = np.cumsum(np.pad(plays, ((0, 0), (1, 0))), axis=1)
    least = (counts[:, length:] - counts[:, : counts.shape[1] - length]).min(axis=0)
    first = int(np.argmax(least))
    return first * rate, (first + length) * rate
