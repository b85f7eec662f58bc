"""Audio files: read any region exactly, resample, measure, write.

Sources are read by libsndfile, which goes by a file's content and not by its name: an MP3 that is called .wav is read
as the MP3 it is.
"""

import contextlib
import io
import math
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, TypeAlias

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from engine import riff
from engine.errors import BadSource, DiskFull, EngineError
from engine.files import NO_ROOM
from engine.spec import FileFormat
from engine.units import Decibels, Frames, Lufs, SampleRate, Seconds

FloatArray: TypeAlias = npt.NDArray[np.float32]
"""Samples, [channels, frames], full scale at 1."""

MAX_CHANNELS = 8
MIN_RATE, MAX_RATE = 8000, 384000
PEAK_FLOOR = Decibels(-144.0)
"""The peak of digital silence: the range of 24 bits."""
LOUDNESS_FLOOR = Lufs(-70.0)
"""The loudness of silence: BS.1770's absolute gate, below which nothing is measured."""

_BLOCK = 65536
_GATING_BLOCK = 0.4
_INEXACT_SEEK = {"MP3", "OGG"}
"""A seek gives wrong samples at times in MP3 and in Vorbis: these are decoded from their start."""
_ESTIMATED_LENGTH = {"MP3"}
"""MP3 headers may only estimate the length, so the frames are counted."""
_UNKNOWN_LENGTH = 2**63 - 1
_CUT_SHORT = re.compile(r"\b(?:data|SSND) *: (\d+) \(should be (\d+)\)")


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Audio in memory: float32 samples [channels, frames] and their rate."""

    samples: FloatArray
    rate: SampleRate

    @property
    def channels(self) -> int:
        """How many channels there are."""
        return int(self.samples.shape[0])

    @property
    def frames(self) -> Frames:
        """The length in frames."""
        return Frames(self.samples.shape[1])

    @property
    def seconds(self) -> Seconds:
        """The length in seconds."""
        return Seconds(self.frames / self.rate)


class _Stream(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file that is read straight on: soundfile seeks after every read, which breaks MP3's bit reservoir."""

    def seekable(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source is, without its samples."""

    rate: SampleRate
    channels: int
    frames: Frames
    """What can be read: of a WAV that was cut short, the part that is there."""


# Reading


def probe(path: Path) -> SourceInfo:
    """Rate, channels and frames of a file, from its header; an MP3 is decoded once to count its frames.

    Raises BadSource, in one sentence with file and reason, for all that is no readable audio file of 1-8 channels at
    8-384 kHz. Pipes and devices are never opened.
    """
    with _opened(path) as file:
        frames = _skip(file, Frames(file.frames)) if file.format in _ESTIMATED_LENGTH else file.frames
        return SourceInfo(SampleRate(file.samplerate), file.channels, Frames(frames))


def read(path: Path, first: Frames, frames: Frames) -> Clip:
    """Read the region of `frames` frames that begins at frame `first`, and nothing else of the file.

    Raises BadSource as `probe` does, and where the region is not wholly inside the file, the file ends before its
    header says, or samples are NaN or infinite.
    """
    with _opened(path) as file:
        rate = SampleRate(file.samplerate)
        if first < 0 or frames < 0 or first + frames > file.frames:
            asked = f"{first / rate:.3f} s to {(first + frames) / rate:.3f} s was asked for"
            raise BadSource(f"cannot read {path}: {_end(file, file.frames)}; {asked}")
        begin = _skip(file, first) if file.format in _INEXACT_SEEK else Frames(file.seek(first))
        samples = np.empty((file.channels, frames), dtype=np.float32)
        done = 0
        while begin == first and done < frames:
            block = file.read(min(_BLOCK, frames - done), dtype="float32", always_2d=True)
            if not len(block):
                break
            samples[:, done : done + len(block)] = block.T
            done += len(block)
        if done < frames:
            raise BadSource(f"cannot read {path}: {_end(file, begin + done)}")
    finite = np.isfinite(samples).all(axis=0)
    if not finite.all():
        at = first + int(np.argmin(finite))
        raise BadSource(f"cannot use {path}: the sample at {at / rate:.3f} s is NaN or infinite")
    return Clip(samples, rate)


def _refuse_what_is_no_file(path: Path) -> None:
    try:
        status = path.stat()
    except FileNotFoundError:
        reason = "it is a link to a file that is not there" if path.is_symlink() else "there is no such file"
    except OSError as error:
        reason = str(error.strerror)
    except ValueError as error:
        reason = str(error)
    else:
        if stat.S_ISDIR(status.st_mode):
            reason = "it is a folder"
        elif not stat.S_ISREG(status.st_mode):
            reason = "it is a pipe or a device, not a file"
        elif status.st_size == 0:
            reason = "it is empty (0 bytes)"
        else:
            return
    raise BadSource(f"cannot read {path}: {reason}")


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    _refuse_what_is_no_file(path)
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(_Stream(str(path)))
        except soundfile.LibsndfileError as error:
            raise BadSource(f"cannot read {path}: not audio, or damaged ({_reason(error)})") from None
        except TypeError:  # how soundfile refuses the name ending .raw
            raise BadSource(f"cannot read {path}: a file without a header does not say what it holds") from None
        except (OSError, UnicodeError) as error:
            raise BadSource(f"cannot read {path}: {error}") from None
        reason = _unusable(file)
        if reason:
            raise BadSource(f"cannot read {path}: {reason}")
        try:
            yield file
        except soundfile.LibsndfileError as error:
            raise BadSource(f"cannot read {path}: damaged, or not readable to its end ({_reason(error)})") from None


def _unusable(file: soundfile.SoundFile) -> str:
    if not 1 <= file.channels <= MAX_CHANNELS:
        return f"it has {file.channels} channels, 1 to {MAX_CHANNELS} are legal"
    if not MIN_RATE <= file.samplerate <= MAX_RATE:
        return f"its rate is {file.samplerate} Hz, {MIN_RATE} to {MAX_RATE} Hz are legal"
    if file.frames == _UNKNOWN_LENGTH:
        return "its header does not say how long it is; save it once more"
    if file.frames < 1:
        return "it holds no audio (0 frames)"
    return ""


def _reason(error: soundfile.LibsndfileError) -> str:
    return str(error.error_string).removeprefix("Error : ").rstrip(".")


def _skip(file: soundfile.SoundFile, frames: Frames) -> Frames:
    """Decode `frames` frames and drop them; the count that could be decoded."""
    done = 0
    while done < frames:
        block = file.read(min(_BLOCK, frames - done), dtype="float32", always_2d=True)
        if not len(block):
            break
        done += len(block)
    return Frames(done)


def _end(file: soundfile.SoundFile, frames: int) -> str:
    """Where the file ends, and where its header claims that it ends, if that is later."""
    claimed = file.frames
    cut = _CUT_SHORT.search(file.extra_info)
    if cut and int(cut[2]) > 0:
        claimed = max(claimed, round(file.frames * int(cut[1]) / int(cut[2])))
    text = f"it ends at {frames / file.samplerate:.3f} s ({frames} frames)"
    return text if claimed <= frames else f"{text}, its header says {claimed / file.samplerate:.3f} s"


# Arithmetic


def resample(samples: FloatArray, source_rate: SampleRate, rate: SampleRate) -> FloatArray:
    """Change the rate of [channels, frames] with no delay, to exactly round(frames * rate / source_rate) frames.

    Linear phase, soxr's very high quality. The same rate gives the input back.
    """
    if source_rate == rate:
        return samples
    frames = round(samples.shape[1] * rate / source_rate)
    if frames == 0:
        return np.zeros((samples.shape[0], 0), dtype=np.float32)
    # soxr rounds the length its own way: zeros behind the end make sure that there is something to cut off.
    padding = math.ceil(2 * source_rate / rate) + 1
    padded = np.pad(samples, ((0, 0), (0, padding)))
    return np.ascontiguousarray(soxr.resample(padded.T, source_rate, rate, quality="VHQ").T[:, :frames])


def peak_db(samples: FloatArray) -> Decibels:
    """The largest absolute sample in dBFS, -144 for digital silence or no frames."""
    peak = float(np.abs(samples).max(initial=0.0))
    return Decibels(max(20 * math.log10(peak), PEAK_FLOOR)) if peak > 0 else PEAK_FLOOR


def loudness(samples: FloatArray, rate: SampleRate) -> Lufs:
    """Integrated loudness of [channels, frames] after ITU-R BS.1770-4, never below -70 LUFS.

    A clip shorter than a gating block of 0.4 s is measured as one block of its own length. Beyond 5 channels, where
    BS.1770's weights do not apply to stems of unknown layout, the powers of the channels' own loudness are summed: an
    approximation, for every channel is gated alone.
    """
    import pyloudnorm  # noqa: PLC0415  brings most of scipy, a second that whoever only reads or plays need not wait

    channels, frames = samples.shape
    if frames == 0:
        return LOUDNESS_FLOOR
    if channels > 5:
        powers = [10 ** (loudness(samples[channel : channel + 1], rate) / 10) for channel in range(channels)]
        silence = 10 ** (LOUDNESS_FLOOR / 10)
        total = sum(power for power in powers if power > silence)
        return Lufs(10 * math.log10(total)) if total > 0 else LOUDNESS_FLOOR
    block = min(_GATING_BLOCK, frames / rate)
    if block * rate > frames:  # rounding alone would make the block longer than the clip
        block = math.nextafter(block, 0)
    meter = pyloudnorm.Meter(rate, block_size=block)
    measured = float(meter.integrated_loudness(samples.T.astype(np.float64)))
    return Lufs(max(measured, LOUDNESS_FLOOR))


# Writing


def write(path: Path, clip: Clip, file_format: FileFormat, metadata: riff.Metadata) -> None:
    """Write a clip to exactly `path`, down to the disk; the same clip and metadata give the same bytes.

    `wav32f` keeps every bit; `wav24` and `flac` round to the nearest of 24 bits and clamp beyond full scale. FLAC holds
    the metadata as Vorbis comments, as far as those go. A file that could not be finished is removed. Raises DiskFull
    where there is no room, else EngineError; both name the folder.
    """
    with whole_file(path) as file:
        if file_format == "flac":
            file.write(_flac(clip, metadata))
        else:
            _write_wav(file, clip, "float32" if file_format == "wav32f" else "pcm24", metadata)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file that is down on the disk when the block ends, or removed if it could not be finished; raises as `write` does."""
    try:
        with _told(path.parent), path.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise


@contextlib.contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Turn what the system says of a folder into what the user is told."""
    try:
        yield
    except soundfile.LibsndfileError as error:
        raise EngineError(f"cannot write to {folder}: {_reason(error)}; ask for format wav32f") from None
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFull(f"no room left in {folder}: {error.strerror}") from None
        raise EngineError(f"cannot write to {folder}: {error.strerror}") from None


def _blocks(samples: FloatArray) -> Iterator[FloatArray]:
    for first in range(0, samples.shape[1], _BLOCK):
        yield samples[:, first : first + _BLOCK]


def _to_24_bit(block: FloatArray) -> npt.NDArray[np.int32]:
    """Interleaved 24-bit integers [frames, channels]: rounded to the nearest, clamped at full scale."""
    return np.clip(np.rint(block.T.astype(np.float64) * 2**23), -(2**23), 2**23 - 1).astype("<i4")


def _write_wav(file: IO[bytes], clip: Clip, encoding: riff.Encoding, metadata: riff.Metadata) -> None:
    file.write(riff.header(clip.channels, clip.rate, clip.frames, encoding, metadata))
    for block in _blocks(clip.samples):
        if encoding == "float32":
            file.write(block.T.astype("<f4").tobytes())
        else:
            file.write(np.ascontiguousarray(_to_24_bit(block)).view(np.uint8).reshape(-1, 4)[:, :3].tobytes())
    file.write(b"\0" * (clip.frames * clip.channels * riff.SAMPLE_BYTES[encoding] % 2))


def _flac(clip: Clip, metadata: riff.Metadata) -> bytes:
    """The bytes of a 24-bit FLAC file; in memory, because libsndfile does not pass on why a write failed."""
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", clip.rate, clip.channels, "PCM_24", format="FLAC") as file:
        values = {**riff.provenance(metadata), **metadata.extra}
        texts = {
            "title": metadata.description,
            "software": metadata.originator,
            "comment": "\n".join(f"{name}: {text}" for name, text in values.items()),
        }
        for name, text in texts.items():
            if text:
                setattr(file, name, text.replace("\0", "").encode("utf-8", "replace").decode())
        for block in _blocks(clip.samples):
            file.write(_to_24_bit(block) << 8)
    return buffer.getvalue()
