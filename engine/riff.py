"""The bytes of a WAV file around its samples: format, and the chunks that tell a DAW what the clip is.

Pure functions. Every chunk stands before `data`, so that a reader that stops there has seen them all.
Sources: EBU Tech 3285 v2 (bext), EBU Tech 3306 (RF64, ds64), Microsoft's RIFF MCI (fmt, fact, cue, adtl, smpl),
iXML 1.61.
"""

import re
import struct
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from xml.sax.saxutils import escape, quoteattr

from engine.units import Bpm, Frames, Lufs, SampleRate, Seed

Encoding: TypeAlias = Literal["float32", "pcm24"]
SAMPLE_BYTES: dict[Encoding, int] = {"float32": 4, "pcm24": 3}

_WAVE_FORMAT_PCM, _WAVE_FORMAT_IEEE_FLOAT, _WAVE_FORMAT_EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
_SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_SPEAKERS = {1: 0x4, 2: 0x3}
"""Front centre; front left and right. Wider clips are stems of unknown layout: no speaker is claimed for them."""
_SIZE_LIMIT = 0xFFFFFFFF
_UNUSED_LOUDNESS = 0x7FFF
_MIDDLE_C = 60
_ACID_ONE_SHOT, _ACID_STRETCH = 0x01, 0x04
_XML_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a clip's file says of itself; fields left empty are not written."""

    description: str = ""
    originator: str = "punchin"
    originator_reference: str = ""
    time_reference: Frames | None = None
    """Frames from the project's zero to the clip's first frame, at the clip's rate."""
    loudness: Lufs | None = None
    tempo: Bpm | None = None
    beats: float | None = None
    """Length in quarter notes; None: what tempo and length make of it."""
    meter: tuple[int, int] = (4, 4)
    """Beats a bar and the note value of a beat."""
    is_loop: bool = False
    markers: tuple[tuple[Frames, str], ...] = ()
    """Frame from the clip's start and label, in order."""
    project: str = ""
    scene: str = ""
    take: int | None = None
    track: str = ""
    note: str = ""
    verb: str = ""
    prompt: str = ""
    seed: Seed | None = None
    engine: str = ""
    model: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)


def provenance(metadata: Metadata) -> dict[str, str]:
    """How the clip came to be, as names and texts in a fixed order; what is empty is left out."""
    values = {
        "verb": metadata.verb,
        "prompt": metadata.prompt,
        "seed": _number(metadata.seed),
        "engine": metadata.engine,
        "model": metadata.model,
        "track": metadata.track,
        "tempo": "" if metadata.tempo is None else f"{metadata.tempo:.9g}",
        "meter": "" if metadata.tempo is None else "{}/{}".format(*metadata.meter),
    }
    return {name: value for name, value in values.items() if value}


def chunk(identifier: bytes, payload: bytes) -> bytes:
    """A RIFF chunk: four letters, the size of the payload, the payload, padded to an even length."""
    return identifier + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) % 2)


def fmt(channels: int, rate: SampleRate, encoding: Encoding) -> bytes:
    """The `fmt ` chunk; WAVE_FORMAT_EXTENSIBLE where the plain form is not defined: over 2 channels, or 24-bit."""
    width = SAMPLE_BYTES[encoding]
    code = _WAVE_FORMAT_IEEE_FLOAT if encoding == "float32" else _WAVE_FORMAT_PCM
    extensible = channels > 2 or encoding == "pcm24"
    tag = _WAVE_FORMAT_EXTENSIBLE if extensible else code
    block = channels * width
    plain = struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, width * 8)
    if not extensible:
        return chunk(b"fmt ", plain + struct.pack("<H", 0))
    extension = struct.pack("<HHIH", 22, width * 8, _SPEAKERS.get(channels, 0), code) + _SUBFORMAT_TAIL
    return chunk(b"fmt ", plain + extension)


def bext(metadata: Metadata) -> bytes:
    """The `bext` chunk, version 2 with an empty UMID.

    Text becomes ASCII, as the standard demands; iXML keeps the full text. The date stays empty, so that the same clip
    gives the same bytes. A negative time reference has no form and becomes 0.
    """
    loudness = _UNUSED_LOUDNESS if metadata.loudness is None else round(metadata.loudness * 100)
    return chunk(
        b"bext",
        struct.pack(
            "<256s32s32s10s8sQH64s5h180x",
            _ascii(metadata.description),
            _ascii(metadata.originator),
            _ascii(metadata.originator_reference),
            b"",
            b"",
            max(metadata.time_reference or 0, 0),
            2,
            b"",
            loudness,
            *(_UNUSED_LOUDNESS,) * 4,
        ),
    )


def acid(metadata: Metadata, rate: SampleRate, frames: Frames) -> bytes:
    """The `acid` chunk (24 bytes), or nothing where the tempo is not known.

    The meter's beats come before its note value, as REAPER and Kontakt read it; libsndfile takes the two the other way
    round (libsndfile issue 190).
    """
    if metadata.tempo is None:
        return b""
    beats = metadata.beats if metadata.beats is not None else frames * metadata.tempo / (60 * rate)
    flags = _ACID_STRETCH if metadata.is_loop else _ACID_ONE_SHOT
    return chunk(
        b"acid", struct.pack("<IHHfIHHf", flags, _MIDDLE_C, 0, 0.0, round(beats), *metadata.meter, metadata.tempo)
    )


def smpl(metadata: Metadata, rate: SampleRate, frames: Frames) -> bytes:
    """The `smpl` chunk of a loop: one endless forward loop over the clip; nothing for a clip that does not loop."""
    if not metadata.is_loop or frames < 1:
        return b""
    sampler = struct.pack("<9I", 0, 0, round(1e9 / rate), _MIDDLE_C, 0, 0, 0, 1, 0)
    return chunk(b"smpl", sampler + struct.pack("<6I", 0, 0, 0, frames - 1, 0, 0))


def cue(metadata: Metadata) -> bytes:
    """The `cue ` chunk with a point a marker, and the `LIST adtl` chunk with their labels in UTF-8."""
    if not metadata.markers:
        return b""
    points, labels = b"", b""
    for number, (frame, label) in enumerate(metadata.markers, start=1):
        points += struct.pack("<II4sIII", number, frame, b"data", 0, 0, frame)
        labels += chunk(b"labl", struct.pack("<I", number) + _one_line(label).encode("utf-8", "replace") + b"\0")
    return chunk(b"cue ", struct.pack("<I", len(metadata.markers)) + points) + chunk(b"LIST", b"adtl" + labels)


def ixml(metadata: Metadata) -> bytes:
    """The `iXML` chunk: project, scene, take and note, and a PUNCHIN block that says how the clip was made."""
    fields = {
        "PROJECT": metadata.project,
        "SCENE": metadata.scene,
        "TAKE": _number(metadata.take),
        "NOTE": metadata.note,
    }
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<BWFXML>", "<IXML_VERSION>1.61</IXML_VERSION>"]
    lines += [f"<{name}>{_xml(text)}</{name}>" for name, text in fields.items() if text]
    lines.append("<PUNCHIN>")
    lines += [f"<{name.upper()}>{_xml(text)}</{name.upper()}>" for name, text in provenance(metadata).items()]
    lines += [
        f"<EXTRA NAME={quoteattr(_XML_ILLEGAL.sub('', name))}>{_xml(text)}</EXTRA>"
        for name, text in metadata.extra.items()
    ]
    lines += ["</PUNCHIN>", "</BWFXML>", ""]
    text = "\n".join(lines).encode()
    # An even length of its own: libsndfile does not skip the pad byte of this chunk in RF64 and loses the samples.
    return chunk(b"iXML", text + b"\n" * (len(text) % 2))


def header(channels: int, rate: SampleRate, frames: Frames, encoding: Encoding, metadata: Metadata) -> bytes:
    """All of a WAV file that comes before its samples, up to and including the header of the `data` chunk.

    RF64 with a `ds64` chunk where the file would be too long for RIFF's 32-bit sizes. Who writes the samples adds one
    zero byte when their size is odd.
    """
    data_size = frames * channels * SAMPLE_BYTES[encoding]
    chunks = fmt(channels, rate, encoding) + bext(metadata)
    chunks += chunk(b"fact", struct.pack("<I", min(frames, _SIZE_LIMIT)))
    chunks += acid(metadata, rate, frames) + smpl(metadata, rate, frames) + cue(metadata) + ixml(metadata)
    riff_size = len(b"WAVE") + len(chunks) + 8 + data_size + data_size % 2
    if riff_size <= _SIZE_LIMIT:
        return b"RIFF" + struct.pack("<I", riff_size) + b"WAVE" + chunks + b"data" + struct.pack("<I", data_size)
    sizes_length = 8 + struct.calcsize("<QQQI")
    sizes = chunk(b"ds64", struct.pack("<QQQI", riff_size + sizes_length, data_size, frames, 0))
    unknown = struct.pack("<I", _SIZE_LIMIT)
    return b"RF64" + unknown + b"WAVE" + sizes + chunks + b"data" + unknown


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _one_line(text: str) -> str:
    return "".join(" " if unicodedata.category(character) == "Cc" else character for character in text)


def _ascii(text: str) -> bytes:
    """ASCII with accents taken off; what has no ASCII form becomes a question mark."""
    letters = unicodedata.normalize("NFKD", _one_line(text))
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).encode("ascii", "replace")


def _xml(text: str) -> str:
    return escape(_XML_ILLEGAL.sub("", text))
