"""Audio files as producers have them, the broken ones included."""

import struct
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
import soundfile

from engine.audio import FloatArray


class MakeSource(Protocol):
    """Writes [channels, frames] with libsndfile, in blocks: its Vorbis encoder overflows the stack on long ones."""

    def __call__(
        self,
        name: str,
        samples: FloatArray,
        rate: int = 48000,
        *,
        kind: str = "WAV",
        subtype: str = "FLOAT",
        **more: object,
    ) -> Path: ...


class MakeWav(Protocol):
    """Writes a plain 16-bit WAV whose header says what it likes."""

    def __call__(
        self, name: str, *, frames: int = 1000, channels: int = 1, rate: int = 48000, claimed: int | None = None
    ) -> Path: ...


@pytest.fixture
def make_source(tmp_path: Path) -> MakeSource:
    def make(
        name: str, samples: FloatArray, rate: int = 48000, *, kind: str = "WAV", subtype: str = "FLOAT", **more: object
    ) -> Path:
        path = tmp_path / name
        with soundfile.SoundFile(path, "w", rate, samples.shape[0], subtype, format=kind, **more) as file:
            for first in range(0, samples.shape[1], 4096):
                file.write(samples[:, first : first + 4096].T)
        return path

    return make


@pytest.fixture
def make_wav(tmp_path: Path) -> MakeWav:
    def make(
        name: str, *, frames: int = 1000, channels: int = 1, rate: int = 48000, claimed: int | None = None
    ) -> Path:
        data = np.arange(frames * channels, dtype="<i2").tobytes()
        size = len(data) if claimed is None else claimed
        form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2, channels * 2, 16)
        path = tmp_path / name
        path.write_bytes(
            b"RIFF"
            + struct.pack("<I", min(36 + size, 0xFFFFFFFF))
            + b"WAVEfmt "
            + struct.pack("<I", len(form))
            + form
            + b"data"
            + struct.pack("<I", size)
            + data
        )
        return path

    return make


def music(seconds: float, rate: int = 48000, channels: int = 2, seed: int = 1) -> FloatArray:
    """A swept tone with pulsing noise, [channels, frames]: it drives lossy coders to vary their rate."""
    frames = round(seconds * rate)
    time = np.arange(frames) / rate
    tone = np.sin(2 * np.pi * 220 * time * (1 + 0.05 * np.sin(time))) * (1 + np.sin(4 * np.pi * time)) / 2
    noise = np.random.default_rng(seed).standard_normal((channels, frames)) * (np.sin(np.pi * time) > 0)
    return (0.4 * tone + 0.02 * noise).astype(np.float32)


@pytest.fixture(scope="session")
def minute() -> FloatArray:
    """One minute of mono at 48 kHz."""
    return music(60.0, channels=1)
