"""Single notes out of a soundfont, rendered by the fluidsynth program: its filters, envelopes and layers as they are."""

import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

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
        song.write_bytes(_score(program, pitches, velocity, seconds, drums=drums))
        options = ["-q", "-n", "-i", "-R", "0", "-C", "0", "-g", "0.4", "-r", str(RATE), "-T", "wav", "-O", "float"]
        command = ["fluidsynth", *options, "-F", str(wave), str(soundfont), str(song)]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603
        audio, _ = soundfile.read(wave, dtype="float32", always_2d=True)
    lines = np.asarray(audio, dtype=np.float32).T
    starts = [round(place * slot * RATE) for place in range(len(pitches))]
    return [lines[:, start : start + round(slot * RATE)] for start in starts]


def _score(program: int, pitches: Sequence[int], velocity: int, seconds: float, *, drums: bool) -> bytes:
    """A Standard MIDI File, format 0."""
    channel = _DRUM_CHANNEL if drums else 0
    held, wait = _delta(round(seconds * _TICKS)), _delta(round(RELEASE_SECONDS * _TICKS))
    events = [bytes([0, 0xC0 | channel, program])]
    for pitch in pitches:
        # An undefined controller ends the silence that the release needs.
        events += [bytes([0, 0x90 | channel, pitch, velocity]), held + bytes([0x80 | channel, pitch, 64])]
        events.append(wait + bytes([0xB0 | channel, 3, 0]))
    track = b"".join(events) + b"\x00\xff\x2f\x00"
    return struct.pack(">4sIHHH4sI", b"MThd", 6, 0, 1, _TICKS // 2, b"MTrk", len(track)) + track


def _delta(ticks: int) -> bytes:
    """A variable-length quantity of seven bits a byte."""
    digits = [ticks & 0x7F]
    while ticks := ticks >> 7:
        digits.insert(0, ticks & 0x7F | 0x80)
    return bytes(digits)
