"""Real songs from a folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mido

from engine import audio
from engine.audio import FloatArray
from engine.errors import BadSource
from engine.units import Bpm, Frames, SampleRate

_AUDIO = (".ogg", ".wav", ".flac", ".mp3", ".aiff", ".aif")
_NOTES, _BACKING = "notes.mid", "song.ogg"
_STEMS = ("song.ogg", "guitar.ogg", "rhythm.ogg", "bass.ogg", "drums.ogg")


@dataclass(frozen=True, slots=True)
class Song:
    """One whole song."""

    name: str
    path: Path
    samples: FloatArray
    """[channels, frames]"""
    rate: SampleRate
    bpm: Bpm | None
    """Its constant tempo, where a file tells it."""

    @property
    def frames(self) -> int:
        """Its length."""
        return int(self.samples.shape[1])


def songs(folder: Path) -> Iterator[Song]:
    """Every song below a folder, in order of their names, read one at a time; raises BadSource where there is none.

    A folder of Frets on Fire (`song.ogg` and what belongs to it, `notes.mid`) is one song, mixed from its files at their
    own levels; elsewhere each audio file is one.
    """
    names = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _AUDIO)
    if not names:
        raise BadSource(f"{folder} holds no audio file")
    for parent in sorted({path.parent for path in names}):
        files = [path for path in names if path.parent == parent]
        if (parent / _NOTES).is_file() and parent / _BACKING in files:
            yield _mixed([path for path in files if path.name in _STEMS], tempo(parent / _NOTES))
        else:
            yield from (_mixed([path], None) for path in files)


def _mixed(files: list[Path], bpm: Bpm | None) -> Song:
    clips = [audio.read(path, Frames(0), audio.probe(path).frames) for path in files]
    rate, frames = clips[0].rate, min(clip.frames for clip in clips)
    if any(clip.rate != rate or clip.channels != clips[0].channels for clip in clips):
        raise BadSource(f"{files[0].parent.name}: its files differ in rate or channels")
    total = clips[0].samples[:, :frames].copy()
    for clip in clips[1:]:
        total += clip.samples[:, :frames]
    name = files[0].stem if len(files) == 1 and bpm is None else files[0].parent.name
    return Song(name, files[0], total, rate, bpm)


def tempo(path: Path) -> Bpm | None:
    """The tempo of a MIDI file; None where it changes or is not told."""
    messages = mido.merge_tracks(mido.MidiFile(path, clip=True).tracks)
    found = {message.tempo for message in messages if message.type == "set_tempo"}
    return Bpm(mido.tempo2bpm(found.pop())) if len(found) == 1 else None
