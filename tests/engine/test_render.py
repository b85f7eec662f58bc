"""Whole jobs through the worker on real files: exact, bit-identical where nothing had to change, clear where it cannot be."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from misbehaving import DESCRIPTION, Misbehaving

from engine import RenderSpec
from engine.errors import BadOutput, BadSource, DiskFull, InvalidSpec, TooLarge
from engine.render import render
from engine.units import JobId

RATES = (8000, 44100, 48000, 88200, 96000, 192000)


def rendered(folder, **values):
    spec = RenderSpec.parse({"seed": 1, **values})
    return render(JobId("job"), spec, Path(folder), DESCRIPTION, Misbehaving(), lambda *_: None)


def recorded(path, rate, channels, seconds, subtype="FLOAT", seed=0):
    samples = np.random.default_rng(seed).standard_normal((round(rate * seconds), channels)) * 0.1
    soundfile.write(path, samples.astype(np.float32), rate, subtype=subtype)
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


def written(clip):
    return soundfile.read(clip.temporary, dtype="float32", always_2d=True)[0]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_a_repaint_is_exact_at_every_rate_and_channel_count(tmp_path, rate, channels):
    source = recorded(tmp_path / "s.wav", rate, channels, 3.0)
    (clip,) = rendered(tmp_path, verb="repaint", source=str(tmp_path / "s.wav"), start=0.70001, end=1.91, handles=0.25)
    samples = written(clip)
    handle, first = round(0.25 * rate), round(0.70001 * rate)
    assert samples.shape == (round((1.91 - 0.70001) * rate) + 2 * handle, channels)
    assert clip.start == pytest.approx(0.70001 - 0.25, abs=1 / rate)
    assert np.array_equal(samples[:handle], source[first - handle : first])
    last = first + len(samples) - 2 * handle
    assert np.array_equal(samples[-handle:], source[last : last + handle])


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(RATES), st.floats(0, 1.5), st.floats(0.01, 1.0), st.floats(0, 0.5))
def test_a_part_of_a_file_as_source_is_exact_too(tmp_path_factory, rate, start, length, source_start):
    folder = tmp_path_factory.mktemp("part")
    source = recorded(folder / "s.wav", rate, 1, 3.0)
    (clip,) = rendered(
        folder, verb="repaint", source=str(folder / "s.wav"), start=start, end=start + length, source_start=source_start
    )
    samples = written(clip)
    assert len(samples) == clip.frames == round((start + length - start) * rate)
    first = round(source_start * rate) + round(start * rate)
    assert start * rate < 0.5 or np.array_equal(samples[0], source[first])
    shutil.rmtree(folder)


@pytest.mark.parametrize(("rate", "wanted"), [(44100, 48000), (48000, 44100), (8000, 96000), (192000, 44100)])
def test_another_sample_rate_keeps_length_and_place(tmp_path, rate, wanted):
    source = np.zeros((rate * 4, 1), np.float32)
    source[rate * 1] = 0.9
    source[rate * 3] = 0.9
    soundfile.write(tmp_path / "s.wav", source, rate, subtype="FLOAT")
    (clip,) = rendered(
        tmp_path, verb="repaint", source=str(tmp_path / "s.wav"), start=1.5, end=2.5, handles=0.75, sample_rate=wanted
    )
    samples = written(clip)[:, 0]
    assert len(samples) == round(1.0 * wanted) + 2 * round(0.75 * wanted)
    handle = round(0.75 * wanted)
    before, after = samples[:handle], samples[-handle:]
    assert np.argmax(np.abs(before)) == round(0.25 * wanted)
    assert np.argmax(np.abs(after)) == round(0.5 * wanted)


@pytest.mark.parametrize("name", ["wav32f", "wav24", "flac"])
def test_what_did_not_change_is_bit_identical_in_every_format(tmp_path, name):
    source = recorded(tmp_path / "s.wav", 44100, 2, 3.0, subtype="PCM_24")
    (clip,) = rendered(
        tmp_path, verb="repaint", source=str(tmp_path / "s.wav"), start=1, end=2, handles=0.5, format=name
    )
    samples = written(clip)
    assert np.array_equal(samples[:22050], source[22050:44100])
    assert clip.path.suffix == (".flac" if name == "flac" else ".wav")


def test_several_ranges_are_one_clip_each(tmp_path):
    recorded(tmp_path / "s.wav", 48000, 2, 6.0)
    clips = rendered(tmp_path, verb="repaint", source=str(tmp_path / "s.wav"), ranges="1-2,4.5-5.25", takes=2)
    assert [(clip.take, clip.start, clip.frames) for clip in clips] == [
        (1, 1.0, 48000),
        (1, 4.5, 36000),
        (2, 1.0, 48000),
        (2, 4.5, 36000),
    ]
    assert len({clip.path for clip in clips}) == 4


def test_a_whole_clip_is_the_source_with_the_selections_in_it(tmp_path):
    source = recorded(tmp_path / "s.wav", 44100, 2, 6.0)
    wanted = {"source": str(tmp_path / "s.wav"), "source_start": 0.5, "takes": 2, "whole": True}
    clips = rendered(tmp_path, verb="repaint", ranges="1.0-1.5,3.0-4.0", **wanted)
    assert [(clip.take, clip.seed, clip.start, clip.frames) for clip in clips] == [
        (1, 1, 0.0, 242550),
        (2, 2, 0.0, 242550),
    ]
    changed = np.any(written(clips[0]) != source[22050:], axis=1)
    assert not any(changed[:44100].tolist() + changed[66150:132300].tolist() + changed[176400:].tolist())
    assert changed[44100:66150].mean() > 0.9
    assert changed[132300:176400].mean() > 0.9


def test_a_whole_continuation_holds_the_source_and_both_sides(tmp_path):
    source = recorded(tmp_path / "s.wav", 48000, 1, 2.0)
    (clip,) = rendered(tmp_path, verb="continue", source=str(tmp_path / "s.wav"), start=-1.0, end=3.5, whole=True)
    assert (clip.start, clip.frames) == (-1.0, round(4.5 * 48000))
    assert np.array_equal(written(clip)[48000 : 3 * 48000], source)
    with pytest.raises(InvalidSpec, match="only repaint and continue"):
        RenderSpec.parse({"verb": "cover", "source": "/s.wav", "prompt": "jazz", "whole": True})


def test_selections_from_ten_milliseconds_to_ten_minutes(tmp_path):
    recorded(tmp_path / "s.wav", 8000, 1, 602)
    for start, end in ((5.0, 5.01), (1.0, 601.0)):
        (clip,) = rendered(tmp_path, verb="repaint", source=str(tmp_path / "s.wav"), start=start, end=end)
        assert clip.frames == round((end - start) * 8000)


def test_a_long_file_is_not_read_whole(tmp_path):
    rate = 8000
    with soundfile.SoundFile(tmp_path / "s.wav", "w", rate, 1, "PCM_U8") as file:
        for _ in range(60):
            file.write(np.full(rate * 60, 0.1, np.float32))
    spec = {"verb": "extract", "source": str(tmp_path / "s.wav"), "tracks": "drums"}
    with pytest.raises(TooLarge, match="source_start and source_length"):
        rendered(tmp_path, **spec)
    (clip,) = rendered(tmp_path, **spec, source_start=3000, source_length=10)
    assert clip.frames == 10 * rate
    (clip,) = rendered(tmp_path, **spec, start=3000, end=3010)
    assert (clip.frames, clip.start) == (10 * rate, 3000)


@pytest.mark.parametrize("rate", [44100, 48000])
def test_stems_of_a_selection_add_up_to_it(tmp_path, rate):
    source = recorded(tmp_path / "s.wav", rate, 2, 9.0)
    clips = rendered(
        tmp_path, verb="extract", source=str(tmp_path / "s.wav"), tracks="drums,bass,residual", start=3.30001, end=5.5,
        context_before=2,
    )  # fmt: skip
    first, frames = round(3.30001 * rate), round((5.5 - 3.30001) * rate)
    assert [clip.track for clip in clips] == ["drums", "bass", "residual"]
    assert {clip.frames for clip in clips} == {frames}
    assert all(clip.start == pytest.approx(first / rate, abs=1e-9) for clip in clips)
    added = sum(written(clip).astype(np.float64) for clip in clips)
    assert np.abs(added - source[first : first + frames]).max() < 10 ** (-90 / 20)


@pytest.mark.parametrize(
    ("verb", "values"), [("lego", {"track": "bass"}), ("complete", {"tracks": "drums"}), ("cover", {})]
)
def test_what_runs_beside_a_source_may_be_wanted_in_a_part_only(tmp_path, verb, values):
    recorded(tmp_path / "s.wav", 48000, 2, 9.0)
    common = {"verb": verb, "source": str(tmp_path / "s.wav"), "prompt": "noise"}
    for clip in rendered(tmp_path, **common, **values, start=2.0, end=4.5):
        assert (clip.frames, clip.start) == (round(2.5 * 48000), 2.0)
    with pytest.raises(BadSource, match=r"8-9\.5 s reaches beyond the source"):
        rendered(tmp_path, **common, **values, start=8.0, end=9.5)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.wav", b""),
        ("text.wav", b"no audio at all " * 64),
        ("header.wav", b"RIFF\x24\0\0\0WAVE"),
        ("ogg.ogg", b"OggS" + b"\0" * 64),
    ],
)
def test_files_that_are_no_audio(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadSource, match=name.replace(".", r"\.")):
        rendered(tmp_path, verb="repaint", source=str(tmp_path / name), start=0, end=1)
    assert {path.name for path in tmp_path.iterdir()} == {name}


def test_a_file_cut_short_while_it_is_worked_on(tmp_path):
    path = tmp_path / "s.wav"
    recorded(path, 44100, 2, 5.0)
    with path.open("r+b") as file:
        file.truncate(44100 * 4)
    with pytest.raises(BadSource):
        rendered(tmp_path, verb="repaint", source=str(path), start=3, end=4)


def test_nan_in_the_source_is_told(tmp_path):
    samples = np.zeros((44100, 1), np.float32)
    samples[1000] = np.nan
    soundfile.write(tmp_path / "s.wav", samples, 44100, subtype="FLOAT")
    with pytest.raises(BadSource, match="NaN"):
        rendered(tmp_path, verb="repaint", source=str(tmp_path / "s.wav"), start=0.5, end=0.9)


def test_a_format_that_would_clip_is_refused_rather_than_clipped(tmp_path):
    samples = np.random.default_rng(0).standard_normal((44100 * 3, 1)).astype(np.float32) * 0.5
    soundfile.write(tmp_path / "hot.wav", samples, 44100, subtype="FLOAT")
    hot = {"verb": "repaint", "source": str(tmp_path / "hot.wav"), "start": 1, "end": 2, "handles": 0.5}
    with pytest.raises(BadOutput, match="wav32f"):
        rendered(tmp_path, **hot, format="wav24")
    assert rendered(tmp_path, **hot)[0].peak_db > 0


@pytest.mark.parametrize(
    ("values", "known"), [({"bpm": 120.0, "position": 8.0}, True), ({"bpm": 120.0}, False), ({"position": 8.0}, False)]
)
def test_the_beat_error_is_told_where_the_grid_is_known(tmp_path, values, known):
    rate = 48000
    hit = np.random.default_rng(0).standard_normal(rate // 2) * np.exp(-np.arange(rate // 2) / 500) * 0.3
    soundfile.write(tmp_path / "s.wav", np.tile(hit, 12), rate, subtype="FLOAT")
    (clip,) = rendered(
        tmp_path, verb="repaint", source=str(tmp_path / "s.wav"), start=2.1, end=2.2, handles=1.9, **values
    )
    assert (clip.beat_error_ms >= 0) is known
    assert clip.beat_error_ms < 10


@pytest.fixture
def tiny_disk(tmp_path):
    """A real file system with 256 KiB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("name", ["wav32f", "wav24", "flac"])
def test_a_full_disk_leaves_no_file(tiny_disk, name):
    with pytest.raises(DiskFull, match="no room"):
        rendered(tiny_disk, verb="generate", prompt="noise", length=1.0, takes=3, format=name)
    assert list(tiny_disk.iterdir()) == []
