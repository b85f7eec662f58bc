"""WAV chunks, read back by readers that are not ours: wavinfo, libsndfile, an XML parser."""

import os
import re
import struct
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from wavinfo import WavInfoReader

from engine import audio, riff
from engine.audio import Clip
from engine.units import Bpm, Frames, Lufs, SampleRate, Seed

RATE = SampleRate(44100)
FULL = riff.Metadata(
    description="repaint: café brass, 4 bars",
    originator_reference="job 17, take 2",
    time_reference=Frames(2**33 + 5),
    loudness=Lufs(-14.37),
    tempo=Bpm(97.5),
    beats=16,
    meter=(6, 8),
    is_loop=True,
    markers=((Frames(0), "start"), (Frames(22050), "drop é"), (Frames(44099), "end")),
    project="Album & Co",
    scene="bridge",
    take=2,
    track="Keys",
    note='says "more <air>"',
    verb="repaint",
    prompt="café brass\x00\x1b, wide ✨",
    seed=Seed(4294967295),
    engine="draft",
    model="none",
    extra={"odd key & <more>": "1 < 2", "steps": "8"},
)


def chunks(content):
    """Every chunk of a RIFF or RF64 file before and including data: (name, payload offset, size)."""
    assert content[8:12] == b"WAVE"
    at, found = 12, []
    while at < len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        found.append((name, at + 8, size))
        if name == b"data":
            break
        at += 8 + size + size % 2
    return found


def payload(content, wanted):
    return next(content[at : at + size] for name, at, size in chunks(content) if name == wanted)


@pytest.fixture(params=["wav32f", "wav24"])
def path(request, tmp_path):
    samples = np.linspace(-0.5, 0.5, 44100, dtype=np.float32)[None]
    target = tmp_path / "clip.wav"
    audio.write(target, Clip(samples, RATE), request.param, FULL)
    return target


def test_chunks_come_in_order_and_before_the_samples(path):
    names = [name for name, _, _ in chunks(path.read_bytes())]
    assert names == [b"fmt ", b"bext", b"fact", b"acid", b"smpl", b"cue ", b"LIST", b"iXML", b"data"]


def test_an_odd_number_of_sample_bytes_is_padded(tmp_path):
    target = tmp_path / "odd.wav"
    audio.write(target, Clip(np.zeros((1, 3), np.float32), RATE), "wav24", FULL)
    content = target.read_bytes()
    assert chunks(content)[-1][1:] == (len(content) - 10, 9)
    assert struct.unpack_from("<I", content, 4)[0] == len(content) - 8


def test_the_sizes_in_the_header_are_those_of_the_file(path):
    content = path.read_bytes()
    assert struct.unpack_from("<I", content, 4)[0] == len(content) - 8
    assert len(content) % 2 == 0
    _, at, size = chunks(content)[-1]
    assert at + size + size % 2 == len(content)


def test_libsndfile_reads_the_file_without_a_complaint(path):
    with soundfile.SoundFile(path) as file:
        assert (file.samplerate, file.channels, file.frames) == (44100, 1, 44100)
        log = file.extra_info
    assert "should be" not in log
    assert "***" not in log
    assert "Unknown" not in log


def test_an_independent_reader_finds_the_bext_fields(path):
    bext = WavInfoReader(path).bext
    assert bext.description == "repaint: cafe brass, 4 bars"
    assert bext.originator == "punchin"
    assert bext.originator_ref == "job 17, take 2"
    assert bext.time_reference == 2**33 + 5
    assert bext.version == 2
    assert bext.umid == bytes(64)
    assert bext.loudness_value == -14.37
    assert bext.loudness_range == bext.max_true_peak == 327.67  # 7FFFh: not measured
    assert bext.originator_date == bext.originator_time == ""


def test_an_independent_reader_finds_loop_and_markers(path):
    info = WavInfoReader(path, info_encoding="utf-8")
    (loop,) = info.smpl.sample_loops
    assert (loop.loop_type, loop.start, loop.end, loop.repetition_count) == (0, 0, 44099, 0)
    assert info.smpl.sample_period_ns == 22676
    assert [cue.sample_offset for cue in info.cues.cues] == [0, 22050, 44099]
    assert [info.cues.label_and_note(cue.name)[0] for cue in info.cues.cues] == ["start", "drop é", "end"]


def test_an_independent_reader_finds_the_ixml_fields(path):
    info = WavInfoReader(path).ixml
    assert (info.project, info.scene, info.take) == ("Album & Co", "bridge", "2")
    root = ET.fromstring(payload(path.read_bytes(), b"iXML"))
    assert root.tag == "BWFXML"
    assert root.findtext("NOTE") == 'says "more <air>"'
    made = root.find("PUNCHIN")
    found = {child.tag: child.text for child in made if child.tag != "EXTRA"}
    assert found == {
        "VERB": "repaint",
        "PROMPT": "café brass, wide ✨",
        "SEED": "4294967295",
        "ENGINE": "draft",
        "MODEL": "none",
        "TRACK": "Keys",
        "TEMPO": "97.5",
        "METER": "6/8",
    }
    extra = {child.attrib["NAME"]: child.text for child in made.iter("EXTRA")}
    assert extra == {"odd key & <more>": "1 < 2", "steps": "8"}


def test_the_acid_chunk_stands_as_published(path):
    acid = payload(path.read_bytes(), b"acid")
    assert len(acid) == 24
    flags, root = struct.unpack_from("<IH", acid, 0)
    assert flags == 0x04  # stretched; neither one-shot nor with a root note
    assert root == 60
    assert struct.unpack_from("<I", acid, 12)[0] == 16
    assert struct.unpack_from("<HH", acid, 16) == (6, 8)
    assert struct.unpack_from("<f", acid, 20)[0] == 97.5


def test_libsndfile_reads_tempo_and_beats_and_swaps_the_meter(path):
    with soundfile.SoundFile(path) as file:
        log = file.extra_info
    assert re.search(r"Beats\s*: 16\b", log)
    assert re.search(r"Tempo\s*: 97\.5", log)
    assert re.search(r"Meter\s*: 8/6\b", log)  # libsndfile issue 190


def test_a_clip_that_does_not_loop_is_a_one_shot_whose_beats_follow_from_its_length():
    metadata = riff.Metadata(tempo=Bpm(120))
    flags, *_ = struct.unpack_from("<I", riff.acid(metadata, RATE, Frames(88200)), 8)
    (beats,) = struct.unpack_from("<I", riff.acid(metadata, RATE, Frames(88200)), 20)
    assert (flags, beats) == (1, 4)
    assert riff.smpl(metadata, RATE, Frames(88200)) == b""


def test_what_is_not_known_is_not_written():
    content = riff.header(2, RATE, Frames(10), "float32", riff.Metadata())
    assert [name for name, _, _ in chunks(content)] == [b"fmt ", b"bext", b"fact", b"iXML", b"data"]
    assert riff.acid(riff.Metadata(is_loop=True), RATE, Frames(10)) == b""


def test_a_place_before_the_projects_zero_becomes_zero():
    for reference, expected in ((-1, 0), (-(2**40), 0), (None, 0), (48000, 48000)):
        body = riff.bext(riff.Metadata(time_reference=reference))[8:]
        assert struct.unpack_from("<Q", body, 338)[0] == expected
        assert len(body) == 602


@pytest.mark.parametrize(
    ("channels", "encoding", "size", "tag"),
    [(1, "float32", 18, 3), (2, "float32", 18, 3), (3, "float32", 40, 0xFFFE), (1, "pcm24", 40, 0xFFFE)],
)
def test_the_form_is_extensible_where_the_plain_one_is_not_defined(channels, encoding, size, tag):
    content = riff.fmt(channels, RATE, encoding)
    assert struct.unpack_from("<IHH", content, 4) == (size, tag, channels)


@pytest.mark.parametrize(("channels", "mask"), [(1, 4), (2, 3), (6, 0)])
def test_only_mono_and_stereo_name_their_speakers(channels, mask):
    assert struct.unpack_from("<I", riff.fmt(channels, RATE, "pcm24"), 8 + 20)[0] == mask


@pytest.mark.parametrize(("channels", "encoding"), [(2, "float32"), (1, "pcm24"), (8, "pcm24")])
def test_beyond_4_gib_the_header_is_rf64_and_both_readers_count_its_frames(tmp_path, channels, encoding):
    block = channels * riff.SAMPLE_BYTES[encoding]
    frames = 2**32 // block + 12345
    content = riff.header(channels, SampleRate(48000), Frames(frames), encoding, FULL)
    assert content[:4] == b"RF64"
    assert chunks(content)[0][0] == b"ds64"
    total = len(content) + frames * block + frames * block % 2
    assert struct.unpack_from("<QQQ", content, 20) == (total - 8, frames * block, frames)
    path = tmp_path / "long.wav"
    path.write_bytes(content)
    os.truncate(path, total)  # sparse: the zeros take no room on disk
    assert audio.probe(path).frames == frames
    tail = audio.read(path, Frames(frames - 10), Frames(10))
    assert tail.samples.shape == (channels, 10)
    assert WavInfoReader(path).bext.time_reference == 2**33 + 5


def test_riff_is_kept_up_to_its_limit():
    overhead = len(riff.header(1, RATE, Frames(0), "float32", riff.Metadata())) - 8
    largest = (0xFFFFFFFF - overhead) // 4
    for frames, kind in ((largest, b"RIFF"), (largest + 1, b"RF64")):
        assert riff.header(1, RATE, Frames(frames), "float32", riff.Metadata())[:4] == kind


TEXT = st.text(max_size=400)


def squeezed(text):
    return re.sub("\n+", "\n", text)


@given(TEXT, TEXT, TEXT, st.dictionaries(TEXT, TEXT, max_size=3), st.integers(0, 1000))
def test_any_text_gives_chunks_that_can_be_read(description, prompt, label, extra, frame):
    metadata = riff.Metadata(
        description=description,
        originator_reference=prompt,
        prompt=prompt,
        note=label,
        markers=((Frames(frame), label),),
        extra=extra,
        tempo=Bpm(120),
    )
    content = riff.header(1, RATE, Frames(1000), "pcm24", metadata)
    assert chunks(content)[-1][1:] == (len(content), 3000)
    payload(content, b"bext")[:256].decode("ascii")
    root = ET.fromstring(payload(content, b"iXML"))
    # What XML cannot hold is dropped; its parsers read a carriage return as a line feed.
    held = re.sub("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", prompt.replace("\r", "\n"))
    assert squeezed(root.find("PUNCHIN").findtext("PROMPT", "")) == squeezed(held)
    labels = payload(content, b"LIST")
    assert labels[:4] == b"adtl"
    assert labels[16:].rstrip(b"\0").decode("utf-8") == re.sub("[\x00-\x1f\x7f-\x9f]", " ", label).rstrip("\0")
