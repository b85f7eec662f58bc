"""Audio files: what Live takes, how long it is, and its samples. WAV by the standard library, others where soundfile is."""

import array
import os
import struct
import sys
from typing import NamedTuple

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE


class Sound(NamedTuple):
    """`first` is the place of the samples in a WAV file; it, `coding` and `bits` are None in others."""

    rate: int
    channels: int
    frames: int
    coding: object
    bits: object
    first: object


class NoAudio(Exception):
    """Live would not take this file."""


def look(path):
    """What a file holds, without its samples."""
    if not os.path.isabs(path):
        raise NoAudio(f"{path}: the path is not absolute")
    if not os.path.isfile(path):
        raise NoAudio(f"{path}: no such file")
    with open(path, "rb") as file:
        if file.read(4) == b"RIFF":
            return _look_at_wav(file, path)
    return _look_at_other(path)


def _look_at_wav(file, path):
    shape = None
    file.seek(12)
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise NoAudio(f"{path}: a WAV file without samples")
        name, size = struct.unpack("<4sI", head)
        if name == b"fmt ":
            body = file.read(size)
            shape = list(struct.unpack("<HHIIHH", body[:16]))
            if shape[0] == EXTENSIBLE:
                shape[0] = struct.unpack("<H", body[24:26])[0]
        elif name == b"data":
            break
        else:
            file.seek(size, 1)
        file.seek(size % 2, 1)
    if shape is None:
        raise NoAudio(f"{path}: samples before their format")
    coding, channels, rate, _, block, bits = shape
    # Live refuses 32 bits of integers in every version that can be asked for a file.
    if (coding, bits) not in {(PCM, 16), (PCM, 24), (FLOAT, 32), (FLOAT, 64)} or not 1 <= channels <= 2:
        raise NoAudio(f"{path}: {channels} channels of {bits} bits in coding {coding}")
    first = file.tell()
    there = min(size, os.path.getsize(path) - first)
    if not there // block:
        raise NoAudio(f"{path}: no frames")
    return Sound(rate, channels, there // block, coding, bits, first)


def _look_at_other(path):
    try:
        import soundfile
    except ImportError:
        raise NoAudio(f"{path}: this simulation reads WAV alone without soundfile") from None
    try:
        info = soundfile.info(path)
    except soundfile.LibsndfileError as error:
        raise NoAudio(str(error)) from error
    return Sound(info.samplerate, info.channels, info.frames, None, None, None)


def samples(path):
    """One array of float64 a channel, [frames], and the rate."""
    sound = look(path)
    if sound.first is None:
        import soundfile

        read, rate = soundfile.read(path, dtype="float64", always_2d=True)
        return [array.array("d", read[:, channel].tobytes()) for channel in range(sound.channels)], rate
    with open(path, "rb") as file:
        file.seek(sound.first)
        data = file.read(sound.frames * sound.channels * sound.bits // 8)
    flat = _decoded(data, sound)
    return [flat[channel :: sound.channels] for channel in range(sound.channels)], sound.rate


def _decoded(data, sound):
    if sound.bits == 24:
        wide = bytearray(len(data) // 3 * 4)
        for byte in range(3):
            wide[byte + 1 :: 4] = data[byte::3]
        data, code, scale = bytes(wide), "i", 2.0**31
    else:
        code, scale = {(PCM, 16): ("h", 2.0**15), (FLOAT, 32): ("f", 1.0), (FLOAT, 64): ("d", 1.0)}[
            sound.coding, sound.bits
        ]
    flat = array.array(code, data)
    if sys.byteorder == "big":
        flat.byteswap()
    return array.array("d", (value / scale for value in flat))


def write(path, channels, rate):
    """A WAV file of 32-bit floats; `channels` holds one list of samples each."""
    flat = array.array("f", [value for frame in zip(*channels) for value in frame])
    if sys.byteorder == "big":
        flat.byteswap()
    data, block = flat.tobytes(), 4 * len(channels)
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, FLOAT, len(channels), rate, rate * block, block, 32)
    body = b"WAVE" + head + struct.pack("<4sI", b"data", len(data)) + data
    with open(str(path), "wb") as file:
        file.write(struct.pack("<4sI", b"RIFF", len(body)) + body)
