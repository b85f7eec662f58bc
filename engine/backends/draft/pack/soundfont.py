"""Single notes out of a soundfont, rendered by the fluidsynth program: its filters, envelopes and layers as they are."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import mido
import numpy as np
import soundfile

from engine.audio import FloatArray

RATE = 44100
RELEASE_SECONDS = 1.5
"""Silence between notes, long enough for the longest release."""
_TICKS = 1000
"""Ticks a second: 500 a beat at 120 beats a minute."""
_DRUM_CHANNEL = 9


def notes(
    soundfont: Path, program: int, pitches: Sequence[int], velocity: int, seconds: float, *, drums: bool = False
) -> list[FloatArray]:
    """Each pitch held for `seconds`: float32 [2, frames] at 44.1 kHz, from a little before its onset.

    Raises CalledProcessError where fluidsynth fails, FileNotFoundError where there is none.
    """
    slot = seconds + RELEASE_SECONDS
    with tempfile.TemporaryDirectory() as folder:
        song, wave = Path(folder) / "notes.mid", Path(folder) / "notes.wav"
        _score(program, pitches, velocity, seconds, drums=drums).save(song)
        options = ["-q", "-n", "-i", "-R", "0", "-C", "0", "-g", "0.4", "-r", str(RATE), "-T", "wav", "-O", "float"]
        command = ["fluidsynth", *options, "-F", str(wave), str(soundfont), str(song)]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603
        audio, _ = soundfile.read(wave, dtype="float32", always_2d=True)
    lines = np.asarray(audio, dtype=np.float32).T
    starts = [round(place * slot * RATE) for place in range(len(pitches))]
    return [lines[:, start : start + round(slot * RATE)] for start in starts]


def _score(program: int, pitches: Sequence[int], velocity: int, seconds: float, *, drums: bool) -> mido.MidiFile:
    channel = _DRUM_CHANNEL if drums else 0
    track = mido.MidiTrack([mido.Message("program_change", channel=channel, program=program)])
    for pitch in pitches:
        track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=velocity))
        track.append(mido.Message("note_off", channel=channel, note=pitch, time=round(seconds * _TICKS)))
        wait = round(RELEASE_SECONDS * _TICKS)
        track.append(mido.Message("control_change", channel=channel, control=3, time=wait))
    return mido.MidiFile(ticks_per_beat=_TICKS // 2, tracks=[track])
