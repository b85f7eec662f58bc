"""From a rendered note to a sample: where it starts, where it loops, how loud and how far out of tune it is."""

import io

import numpy as np
import soundfile
from scipy.signal import butter, correlate, sosfiltfilt

from engine.audio import FloatArray
from engine.backends.draft.loudness import gate_powers, integrated
from engine.backends.draft.pack.soundfont import RATE

ONSET_DB = -36.0
"""A sample starts where it first comes within so much of its peak."""
LOOP_SECONDS = (0.3, 1.0)
_CRC = 0x04C11DB7
_SERIAL = 1


def trimmed(note: FloatArray, seconds: float) -> FloatArray:
    """From the onset on, at most `seconds` long; raises ValueError for silence."""
    level = np.abs(note).max(axis=0)
    if level.max() < 1e-5:
        raise ValueError("nothing sounds")
    onset = int(np.argmax(level > level.max() * 10 ** (ONSET_DB / 20)))
    return note[:, max(0, onset - 8) :][:, : round(seconds * RATE)]


def loop_start(note: FloatArray, fade: int) -> int:
    """The frame whose past is most like the end's past, from which the note can go on."""
    mid = note.mean(axis=0).astype(np.float64)
    frames = len(mid)
    last = frames - min(round(LOOP_SECONDS[0] * RATE), frames * 2 // 5)
    first = max(fade, frames - round(LOOP_SECONDS[1] * RATE))
    end = mid[frames - fade :]
    past = mid[first - fade : last]
    energy = np.convolve(past**2, np.ones(fade), mode="valid")
    return first + int(np.argmax(correlate(past, end, mode="valid", method="fft") / np.sqrt(energy + 1e-12)))


def fall(note: FloatArray, start: int, fade: int) -> float:
    """Level at the end over the level at the loop's start, at most 1."""
    end, past = (np.sqrt(np.mean(note[:, at - fade : at].astype(np.float64) ** 2)) for at in (note.shape[1], start))
    return float(min(1.0, end / past))


def cents_off(note: FloatArray, hertz: float) -> float:
    """How far a note is from `hertz`, by autocorrelation some periods away from zero."""
    mid = note.mean(axis=0).astype(np.float64)
    body = mid[round(0.08 * RATE) : round(1.6 * RATE)]
    body = sosfiltfilt(butter(2, min(0.45, 5 * hertz / RATE) * 2, output="sos"), body)
    # An even number: an organ's lowest stop has half the frequency.
    periods = 2 * int(np.clip(round(0.015 * hertz), 1, 6))
    lag = periods * RATE / hertz
    likeness = correlate(body, body, method="fft")[len(body) - 1 :] / np.arange(len(body), 0, -1)
    near = np.arange(int(lag * 0.97), int(lag * 1.03) + 2)
    peak = int(near[np.argmax(likeness[near])])
    left, top, right = likeness[peak - 1 : peak + 2]
    exact = peak + 0.5 * (left - right) / (left - 2 * top + right)
    return float(1200 * np.log2(lag / exact))


def loudness(sample: FloatArray, seconds: float) -> float:
    """LUFS of the loudest `seconds`, heard on two channels."""
    padded = np.pad(np.broadcast_to(sample, (2, sample.shape[1])), ((0, 0), (0, RATE)))
    powers = gate_powers(padded, RATE, lambda _: None)
    count = max(1, round(seconds * 10))
    return integrated(np.full(4, np.convolve(powers, np.full(count, 1 / count), mode="valid").max()))


def encoded(sample: FloatArray, quality: float) -> bytes:
    """Ogg Vorbis, the same bytes for the same samples: the encoder draws its stream's serial number at random."""
    file = io.BytesIO()
    soundfile.write(file, sample.T, RATE, format="OGG", subtype="VORBIS", compression_level=1 - quality)
    data = bytearray(file.getvalue())
    table = _crc_table()
    place = 0
    while place < len(data):
        lacing = data[place + 27 : place + 27 + data[place + 26]]
        size = 27 + len(lacing) + sum(lacing)
        data[place + 14 : place + 18] = _SERIAL.to_bytes(4, "little")
        data[place + 22 : place + 26] = bytes(4)
        check = 0
        for byte in data[place : place + size]:
            check = (check << 8 & 0xFFFFFFFF) ^ table[check >> 24 ^ byte]
        data[place + 22 : place + 26] = check.to_bytes(4, "little")
        place += size
    return bytes(data)


def _crc_table() -> list[int]:
    """Of the Ogg page checksum (RFC 3533), a byte at a time."""
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 & 0xFFFFFFFF) ^ (_CRC if value >> 31 else 0)
        table.append(value)
    return table
