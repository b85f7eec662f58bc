"""Reading any region exactly, saying what is wrong with a file, writing bit for bit, never overwriting."""

import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import audio, riff
from engine.audio import Clip
from engine.errors import BadSource, DiskFull, EngineError
from engine.units import Bpm, Frames, SampleRate

RATES = (8000, 44100, 48000, 88200, 96000, 192000)
PLAIN = riff.Metadata()


def noise(channels, frames, seed=0, level=0.25):
    samples = np.random.default_rng(seed).standard_normal((channels, frames)) * level
    return np.clip(samples, -0.99, 0.99).astype(np.float32)


def refusal(path, first=0, frames=1):
    """The sentence that both ways to open a file end with."""
    with pytest.raises(BadSource) as probed:
        audio.probe(path)
    with pytest.raises(BadSource) as asked:
        audio.read(path, Frames(first), Frames(frames))
    assert str(probed.value) == str(asked.value)
    assert str(path) in str(probed.value)
    return str(probed.value)


# What is no source


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices are not in the file system elsewhere")
def test_what_is_not_a_file_is_refused_without_being_opened(tmp_path):
    fifo, link, loop = tmp_path / "fifo.wav", tmp_path / "link.wav", tmp_path / "loop.wav"
    os.mkfifo(fifo)
    link.symlink_to(tmp_path / "gone.wav")
    loop.symlink_to(loop)
    assert "no such file" in refusal(tmp_path / "missing.wav")
    assert "a folder" in refusal(tmp_path)
    assert "a pipe or a device" in refusal(fifo)
    assert "a pipe or a device" in refusal(Path("/dev/zero"))
    assert "a link to a file that is not there" in refusal(link)
    assert "symbolic links" in refusal(loop)
    assert "name too long" in refusal(tmp_path / ("n" * 300)).lower()


def test_a_path_with_a_zero_byte_is_refused():
    with pytest.raises(BadSource, match="null byte"):
        audio.probe(Path("/tmp/a\0b.wav"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"RIFF\x00\x00", "not audio, or damaged"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "not audio, or damaged"),
        (b"all of this is text\n" * 500, "not audio, or damaged"),
    ],
)
def test_a_file_that_holds_no_audio_is_refused(tmp_path, content, reason):
    path = tmp_path / "odd.wav"
    path.write_bytes(content)
    assert reason in refusal(path)


def test_raw_samples_without_a_header_are_refused(tmp_path):
    path = tmp_path / "tape.raw"
    path.write_bytes(bytes(4096))
    assert "without a header" in refusal(path)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a regular file that cannot be read")
def test_a_file_that_cannot_be_read_at_all_is_refused():
    assert "cannot read" in refusal(Path("/proc/self/mem"))


def test_channels_and_rates_beyond_the_legal_are_refused_with_the_legal_ones(make_wav):
    assert "9 channels, 1 to 8 are legal" in refusal(make_wav("nine.wav", channels=9))
    assert "hannel count is zero" in refusal(make_wav("none.wav", channels=0))
    assert "4000 Hz, 8000 to 384000 Hz are legal" in refusal(make_wav("slow.wav", rate=4000))
    assert "500000 Hz" in refusal(make_wav("fast.wav", rate=500000))
    assert audio.probe(make_wav("eight.wav", channels=8, frames=7)).channels == 8
    assert audio.probe(make_wav("slowest.wav", rate=8000)).rate == 8000


def test_a_file_with_no_frames_is_refused(make_wav):
    assert "0 frames" in refusal(make_wav("nothing.wav", frames=0))
    assert "0 frames" in refusal(make_wav("unfinished.wav", frames=1000, claimed=0))


def test_a_wav_that_was_cut_short_counts_what_is_there_and_says_where_it_ends(make_wav):
    path = make_wav("cut.wav", frames=4800, claimed=48000 * 2)
    assert audio.probe(path).frames == 4800
    clip = audio.read(path, Frames(4700), Frames(100))
    np.testing.assert_array_equal(clip.samples[0], np.arange(4700, 4800, dtype=np.float32) / 32768)
    with pytest.raises(BadSource, match=r"ends at 0\.100 s \(4800 frames\), its header says 1\.000 s"):
        audio.read(path, Frames(4700), Frames(101))


def test_a_streamed_wav_whose_size_is_unknown_is_read_to_its_end(make_wav):
    path = make_wav("streamed.wav", frames=4800, claimed=0xFFFFFFFF)
    assert audio.probe(path).frames == 4800
    assert audio.read(path, Frames(0), Frames(4800)).samples[0, -1] == np.float32(4799 / 32768)


def test_a_flac_that_was_cut_short_is_read_as_far_as_it_goes(make_source):
    samples = noise(2, 96000)
    path = make_source("cut.flac", samples, kind="FLAC", subtype="PCM_24")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    begin = audio.read(path, Frames(1000), Frames(5000))
    np.testing.assert_allclose(begin.samples, samples[:, 1000:6000], atol=2**-23)
    with pytest.raises(BadSource, match="damaged, or not readable to its end"):
        audio.read(path, Frames(60000), Frames(30000))


def test_a_flac_that_does_not_say_how_long_it_is_is_refused(make_source):
    path = make_source("stream.flac", noise(1, 9600), kind="FLAC", subtype="PCM_16")
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # the low 36 bits of STREAMINFO's bytes 13-17 count the samples
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert "does not say how long" in refusal(path)


def test_an_mp3_that_was_cut_short_counts_the_frames_that_can_be_decoded(make_source, minute):
    path = make_source("cut.mp3", minute[:, :480000], kind="MP3", subtype="MPEG_LAYER_III")
    assert audio.probe(path).frames == 480000
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    there = audio.probe(path).frames
    assert 200000 < there < 280000
    assert audio.read(path, Frames(0), there).frames == there
    with pytest.raises(BadSource, match=rf"ends at .* \({there} frames\), its header says 10\.000 s"):
        audio.read(path, Frames(0), Frames(there + 1))


def test_a_region_that_is_not_in_the_file_is_refused(make_source):
    path = make_source("short.wav", noise(1, 4800))
    for first, frames in ((-1, 10), (0, -1), (0, 4801), (4800, 1), (10**12, 1)):
        with pytest.raises(BadSource, match=r"ends at 0\.100 s \(4800 frames\)"):
            audio.read(path, Frames(first), Frames(frames))
    assert audio.read(path, Frames(4800), Frames(0)).samples.shape == (1, 0)


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused_with_their_place(make_source, poison):
    samples = noise(2, 4800)
    samples[1, 2400] = poison
    path = make_source("poison.wav", samples)
    assert audio.read(path, Frames(0), Frames(2400)).frames == 2400
    with pytest.raises(BadSource, match=r"sample at 0\.050 s"):
        audio.read(path, Frames(1000), Frames(3000))


# Reading


@pytest.mark.parametrize(
    ("kind", "subtype", "step"),
    [
        ("WAV", "PCM_U8", 2**-7),
        ("WAV", "PCM_16", 2**-15),
        ("WAV", "PCM_24", 2**-23),
        ("WAV", "PCM_32", 2**-24),
        ("WAV", "FLOAT", 0),
        ("WAV", "DOUBLE", 0),
        ("WAVEX", "PCM_24", 2**-23),
        ("RF64", "PCM_24", 2**-23),
        ("RF64", "FLOAT", 0),
        ("W64", "FLOAT", 0),
        ("AIFF", "PCM_24", 2**-23),
        ("AIFF", "FLOAT", 0),
        ("CAF", "FLOAT", 0),
        ("FLAC", "PCM_16", 2**-15),
        ("FLAC", "PCM_24", 2**-23),
    ],
)
def test_a_region_of_a_lossless_file_is_exact(make_source, kind, subtype, step):
    samples = noise(2, 150_000)
    path = make_source("source.wav", samples, 44100, kind=kind, subtype=subtype)
    assert audio.probe(path) == audio.SourceInfo(SampleRate(44100), 2, Frames(150_000))
    for first, frames in ((0, 150_000), (1, 70_000), (77_777, 3), (149_999, 1)):
        clip = audio.read(path, Frames(first), Frames(frames))
        assert clip.samples.dtype == np.float32
        assert clip.samples.shape == (2, frames)
        assert np.abs(clip.samples - samples[:, first : first + frames]).max() <= step


@pytest.mark.parametrize(
    ("kind", "subtype", "more"),
    [
        ("OGG", "VORBIS", {}),
        ("OGG", "OPUS", {}),
        ("MP3", "MPEG_LAYER_III", {"bitrate_mode": "CONSTANT"}),
        ("MP3", "MPEG_LAYER_III", {"bitrate_mode": "VARIABLE", "compression_level": 0.7}),
    ],
)
def test_a_region_of_a_lossy_file_is_what_decoding_from_the_start_gives(make_source, minute, kind, subtype, more):
    path = make_source("source.bin", minute, kind=kind, subtype=subtype, **more)
    with soundfile.SoundFile(path) as file:
        whole = file.read(dtype="float32")  # in one go: soundfile seeks after each read
    assert audio.probe(path).frames == len(whole) == 60 * 48000
    for first in np.random.default_rng(5).integers(0, len(whole) - 2000, 12):
        clip = audio.read(path, Frames(int(first)), Frames(2000))
        np.testing.assert_array_equal(clip.samples[0], whole[first : first + 2000])
    np.testing.assert_array_equal(audio.read(path, Frames(0), Frames(len(whole))).samples[0], whole)


def test_an_mp3_that_is_called_wav_is_read_as_what_it_is(make_source, minute):
    path = make_source("song.wav", minute[:, :96000], kind="MP3", subtype="MPEG_LAYER_III")
    assert audio.probe(path).frames == 96000
    clip = audio.read(path, Frames(24000), Frames(48000))
    original = minute[0, 24000:72000]
    assert np.corrcoef(clip.samples[0], original)[0, 1] > 0.99


def test_only_the_region_is_read(make_source, monkeypatch):
    path = make_source("long.wav", noise(1, 480_000))
    counts = []
    honest = soundfile.SoundFile.read

    def counting(self, frames=-1, **more):
        block = honest(self, frames, **more)
        counts.append(len(block))
        return block

    monkeypatch.setattr(soundfile.SoundFile, "read", counting)
    audio.read(path, Frames(400_000), Frames(1000))
    assert sum(counts) == 1000


def test_levels_above_full_scale_survive_in_float_files(make_source):
    path = make_source("hot.wav", np.array([[4.0, -3.5]], np.float32))
    np.testing.assert_array_equal(audio.read(path, Frames(0), Frames(2)).samples, [[4.0, -3.5]])


# Resampling


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("source_rate", RATES)
def test_resampling_has_no_delay_keeps_the_level_and_the_exact_length(source_rate, rate):
    frames = source_rate // 2 + 1
    time = np.arange(frames) / source_rate
    sine = 0.5 * np.sin(2 * np.pi * 997 * time)
    impulse = np.zeros(frames)
    impulse[source_rate // 4] = 0.5
    samples = np.stack([sine, impulse]).astype(np.float32)
    result = audio.resample(samples, SampleRate(source_rate), SampleRate(rate))
    assert result.dtype == np.float32
    assert result.shape == (2, round(frames * rate / source_rate))
    assert result[1].argmax() == rate // 4
    inside = slice(rate // 8, -rate // 8)
    expected = 0.5 * np.sin(2 * np.pi * 997 * np.arange(result.shape[1]) / rate)[inside]
    assert np.abs(result[0, inside] - expected).max() < 1e-5
    level = 20 * np.log10(np.linalg.norm(result[0, inside]) / np.linalg.norm(expected))
    assert abs(level) < 0.01


def test_the_same_rate_gives_the_input_itself():
    samples = noise(2, 100)
    assert audio.resample(samples, SampleRate(48000), SampleRate(48000)) is samples


@given(
    st.integers(1, 8),
    st.integers(0, 5000),
    st.sampled_from((*RATES, 11025, 44056, 47952, 384000)),
    st.sampled_from((*RATES, 22050, 44144, 384000)),
)
@settings(max_examples=60, deadline=None)
def test_resampled_length_is_exact_for_any_length_and_rate(channels, frames, source_rate, rate):
    result = audio.resample(np.ones((channels, frames), np.float32), SampleRate(source_rate), SampleRate(rate))
    assert result.shape == (channels, round(frames * rate / source_rate))
    assert np.isfinite(result).all()


# Level


def test_peak_in_decibels():
    assert audio.peak_db(np.array([[0.1, -0.5]], np.float32)) == pytest.approx(-6.0206, abs=1e-4)
    assert audio.peak_db(np.array([[2.0]], np.float32)) == pytest.approx(6.0206, abs=1e-4)
    assert audio.peak_db(np.zeros((2, 10), np.float32)) == -144.0
    assert audio.peak_db(np.full((1, 1), 1e-9, np.float32)) == -144.0
    assert audio.peak_db(np.zeros((2, 0), np.float32)) == -144.0


def sine(level_db, seconds, rate=48000, channels=1):
    frames = round(seconds * rate)
    wave = 10 ** (level_db / 20) * np.sin(2 * np.pi * 997 * np.arange(frames) / rate)
    return np.tile(wave, (channels, 1)).astype(np.float32)


def test_loudness_follows_the_reference_tone():
    # BS.1770-4: a 997 Hz sine at 0 dBFS in one front channel reads -3.01 LKFS, in two channels 0.
    assert audio.loudness(sine(-20, 5), SampleRate(48000)) == pytest.approx(-23.01, abs=0.05)
    assert audio.loudness(sine(-20, 5, channels=2), SampleRate(48000)) == pytest.approx(-20.0, abs=0.05)
    assert audio.loudness(sine(-20, 5, 96000), SampleRate(96000)) == pytest.approx(-23.01, abs=0.05)


@pytest.mark.parametrize("frames", [480, 4410, 19199, 19200, 19201])
def test_a_clip_shorter_than_a_gating_block_is_measured_by_itself(frames):
    short = sine(-20, 1)[:, :frames]
    assert audio.loudness(short, SampleRate(48000)) == pytest.approx(-23.0, abs=0.6)


@pytest.mark.parametrize("frames", [0, 1, 100, 48000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_the_loudness_of_silence_is_the_floor(channels, frames):
    assert audio.loudness(np.zeros((channels, frames), np.float32), SampleRate(48000)) == -70.0


def test_six_to_eight_channels_sum_the_powers_of_each():
    one, eight = sine(-30, 2), sine(-30, 2, channels=8)
    single = audio.loudness(one, SampleRate(48000))
    assert audio.loudness(eight, SampleRate(48000)) == pytest.approx(single + 10 * np.log10(8), abs=1e-6)
    eight[1:] = 0
    assert audio.loudness(eight, SampleRate(48000)) == pytest.approx(single, abs=1e-6)


def test_up_to_five_channels_are_measured_as_the_standard_says():
    samples = noise(5, 48000)
    whole = pyloudnorm.Meter(48000).integrated_loudness(samples.T.astype(np.float64))
    assert audio.loudness(samples, SampleRate(48000)) == pytest.approx(whole, abs=1e-9)


# Writing


def written(folder, samples, rate, file_format, metadata=PLAIN):
    path = Path(folder) / "clip.part"
    audio.write(path, Clip(samples, SampleRate(rate)), file_format, metadata)
    return path


@given(
    st.integers(1, 8),
    st.integers(1, 3000),
    st.sampled_from((*RATES, 11025, 47952, 384000)),
    st.sampled_from(("wav32f", "wav24", "flac")),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_what_is_written_comes_back(channels, frames, rate, file_format, seed):
    samples = noise(channels, frames, seed)
    with tempfile.TemporaryDirectory() as folder:
        path = written(folder, samples, rate, file_format)
        assert audio.probe(path) == audio.SourceInfo(SampleRate(rate), channels, Frames(frames))
        back = audio.read(path, Frames(0), Frames(frames))
        stored = soundfile.info(path).subtype
    if file_format == "wav32f":
        assert stored == "FLOAT"
        assert back.samples.tobytes() == samples.tobytes()
    else:
        assert stored == "PCM_24"
        assert np.abs(back.samples.astype(np.float64) - samples).max() <= 2**-24


def test_more_than_a_block_is_written_in_order(tmp_path):
    samples = noise(2, 200_001)
    for file_format in ("wav32f", "wav24", "flac"):
        path = written(tmp_path, samples, 48000, file_format)
        back = audio.read(path, Frames(0), Frames(200_001)).samples
        assert np.abs(back - samples).max() <= (0 if file_format == "wav32f" else 2**-24)


@pytest.mark.parametrize("file_format", ["wav24", "flac"])
def test_integer_formats_round_to_the_nearest_and_clamp(tmp_path, file_format):
    step = 2.0**-23
    samples = np.array([[0.6 * step, -0.6 * step, 0.4 * step, 1.0, 1.5, -1.0, -1.5]], np.float32)
    back = audio.read(written(tmp_path, samples, 48000, file_format), Frames(0), Frames(7)).samples
    np.testing.assert_array_equal(back[0] / step, [1, -1, 0, 2**23 - 1, 2**23 - 1, -(2**23), -(2**23)])


FULL = riff.Metadata(
    description="repaint: warm pads é",
    prompt="warm\x00 pads & <strings> 🎻",
    tempo=Bpm(97.5),
    is_loop=True,
    markers=((Frames(10), "odd"), (Frames(20), "")),
    extra={"key": "value"},
)


@pytest.mark.parametrize("file_format", ["wav32f", "wav24", "flac"])
def test_the_same_clip_gives_the_same_bytes(tmp_path, file_format):
    samples = noise(1, 4801)
    first = hashlib.sha256(written(tmp_path, samples, 44100, file_format, FULL).read_bytes()).hexdigest()
    (tmp_path / "later").mkdir()
    again = written(tmp_path / "later", samples, 44100, file_format, FULL)
    assert hashlib.sha256(again.read_bytes()).hexdigest() == first


def test_a_flac_says_how_it_was_made(tmp_path):
    path = written(tmp_path, noise(2, 100), 48000, "flac", FULL)
    with soundfile.SoundFile(path) as file:
        assert file.title == "repaint: warm pads é"
        assert "tempo: 97.5" in file.comment
        assert "key: value" in file.comment
        assert file.software.startswith("punchin")


def test_a_rate_that_flac_cannot_hold_is_an_error_that_says_what_to_ask_for(tmp_path):
    with pytest.raises(EngineError, match="ask for format wav32f"):
        written(tmp_path, noise(1, 100), 96001, "flac")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def file_size_limit():
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("file_format", ["wav32f", "wav24", "flac"])
def test_a_file_that_outgrows_its_limit_is_removed(tmp_path, file_size_limit, file_format):
    with pytest.raises(DiskFull, match=str(tmp_path)):
        written(tmp_path, noise(2, 48000), 48000, file_format)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("frames", [1, 48000])
def test_a_full_disk_is_told(tmp_path, frames):
    (tmp_path / "clip.part").symlink_to("/dev/full")
    with pytest.raises(DiskFull, match="no room left"):
        written(tmp_path, noise(1, frames), 48000, "wav32f")
    assert list(tmp_path.iterdir()) == []
    assert Path("/dev/full").exists()


def test_a_folder_that_is_gone_is_told(tmp_path):
    with pytest.raises(EngineError, match="gone: No such file") as told:
        written(tmp_path / "gone", noise(1, 10), 48000, "wav24")
    assert told.value.code == "engine_error"
