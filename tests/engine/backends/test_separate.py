import sys
from importlib import resources

import numpy as np
import pytest

from engine.backends.base import Heard, Span, Stage
from engine.backends.draft.backend import Draft
from engine.backends.draft.separate import median_masks, separate
from engine.backends.draft.separator.bands import BANDS, BINS, COUNTS, grouped, spread, window_frames
from engine.backends.draft.separator.masks import MARGIN, WINDOWS, Separator, learned_masks
from engine.errors import Cancelled
from engine.spec import RenderSpec

STEMS = ("drums", "bass", "other")


@pytest.fixture(scope="module")
def net():
    pytest.importorskip("onnxruntime")
    return Separator()


@pytest.fixture(params=["with the net", "without"])
def either(request):
    return request.getfixturevalue("net") if request.param == "with the net" else None


def quiet(fraction, stage):
    assert 0 <= fraction <= 1
    assert stage is Stage.RENDERING


def parts(rate, seconds=6.0):
    """Noise bursts and kicks, a low line of quarter notes, and held chords: [2, frames] each, equally loud."""
    rng = np.random.default_rng(3)
    frames = round(seconds * rate)
    drums, bass, other = np.zeros(frames), np.zeros(frames), np.zeros(frames)
    hit = np.arange(rate // 5) / rate
    for eighth in range(int(seconds * 4) - 1):
        at = round(eighth * rate / 4)
        sound = rng.standard_normal(len(hit)) * np.exp(-40 * hit)
        if eighth % 2 == 0:
            sound = sound * 0.3 + 2 * np.sin(2 * np.pi * (55 * hit - 2 * np.exp(-30 * hit))) * np.exp(-20 * hit)
        drums[at : at + len(hit)] += sound
    note = np.arange(rate // 2) / rate
    for beat in range(int(seconds * 2)):
        hertz = 41.2 * 2 ** ((0, 0, 7, 5)[beat % 4] / 12)
        sound = sum(np.sin(2 * np.pi * hertz * k * note) / k**2 for k in (1, 2, 3))
        bass[beat * len(note) : (beat + 1) * len(note)] += sound * np.minimum(1, (0.5 - note) * 50)
    time = np.arange(frames) / rate
    for midi in (57, 60, 64, 69):
        other += sum(np.sin(2 * np.pi * 440 * 2 ** ((midi - 69) / 12) * k * time + k) / k for k in (1, 2, 3, 4))
    spread = {"drums": (1.0, 1.0), "bass": (1.0, 1.0), "other": (1.0, 0.6)}
    made = {"drums": drums, "bass": bass, "other": other}
    return {
        name: (np.outer(spread[name], sound / np.sqrt(np.mean(sound**2))) * 0.08).astype(np.float32)
        for name, sound in made.items()
    }


def sdr(truth, estimate):
    return 10 * np.log10(np.sum(truth**2) / np.sum((truth - estimate) ** 2))


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_stems_come_out_apart(rate, either):
    truth = parts(rate)
    mix = sum(truth.values())
    stems = separate(mix, rate, quiet, either)
    assert tuple(stems) == STEMS
    # The mix itself would score about -3 dB on each.
    floors = {"drums": 5.0, "bass": 5.0, "other": 10.0}
    scores = {name: sdr(truth[name], stems[name]) for name in STEMS}
    assert all(scores[name] > floors[name] for name in STEMS), scores


def test_the_net_takes_short_plucked_notes_for_a_bass(net):
    rate, seconds = 44100, 12
    kicks, plucks = np.zeros(rate * seconds), np.zeros(rate * seconds)
    time = np.arange(rate // 4) / rate
    kick = np.sin(2 * np.pi * (50 * time - 4 * np.exp(-35 * time))) * np.exp(-14 * time)
    pitches = (33, 33, 40, 36, 38, 33, 45, 31)
    for eighth in range(4 * seconds):
        at = slice(eighth * len(time), (eighth + 1) * len(time))
        hertz = 440 * 2 ** ((pitches[eighth % 8] - 69) / 12)
        pluck = sum(np.sin(2 * np.pi * hertz * k * time) / k**2 for k in (1, 2, 3))
        plucks[at] = pluck * np.exp(-12 * time) * np.minimum(1, time * 300)
        kicks[at] = kick if eighth % 2 == 0 else 0
    bass = np.repeat((plucks / np.sqrt(np.mean(plucks**2)))[None], 2, axis=0).astype(np.float32) * 0.08
    drums = np.repeat((kicks / np.sqrt(np.mean(kicks**2)))[None], 2, axis=0).astype(np.float32) * 0.08
    made, alone = separate(bass + drums, rate, quiet, net), separate(bass + drums, rate, quiet)
    # Median filters take what is short for drums.
    assert sdr(bass, made["bass"]) > 0.1 + sdr(bass, alone["bass"])


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000, 192000])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_stems_add_up_to_the_source(rate, channels, either):
    samples = (np.random.default_rng(rate).standard_normal((channels, 2 * rate // 3 + 17)) * 0.3).astype(np.float32)
    stems = separate(samples, rate, quiet, either)
    for stem in stems.values():
        assert stem.shape == samples.shape
        assert stem.dtype == np.float32
    rest = np.abs(stems["drums"] + stems["bass"] + stems["other"] - samples).max()
    assert 20 * np.log10(rest + 1e-20) < -120


def test_blocks_leave_no_seam():
    rate = 44100
    truth = parts(rate, seconds=12.0)
    mix = sum(truth.values())
    whole = separate(mix, rate, quiet)
    # The same audio half a block later: what is far from both edges must come out the same but for the block grid.
    shift = 90 * 1024
    later = separate(mix[:, shift:], rate, quiet)
    inner = slice(2 * rate, 7 * rate)
    for name in STEMS:
        difference = later[name][:, inner] - whole[name][:, shift:][:, inner]
        assert 20 * np.log10(np.abs(difference).max() + 1e-20) < -90


def test_an_identical_channel_stays_identical(either):
    mono = parts(44100, 2.0)["drums"][:1]
    stems = separate(np.repeat(mono, 2, axis=0), 44100, quiet, either)
    for stem in stems.values():
        assert np.array_equal(stem[0], stem[1])


@pytest.mark.parametrize("frames", [1, 441, 5000])
def test_crumbs_and_silence(frames, either):
    stems = separate(np.zeros((2, frames), np.float32), 44100, quiet, either)
    assert all(not stem.any() for stem in stems.values())
    crumb = np.full((1, frames), 0.5, np.float32)
    assert np.array_equal(sum(separate(crumb, 44100, quiet, either).values()).shape, crumb.shape)


@pytest.mark.parametrize("last", [1, 3, 7])
def test_a_cancel_gets_through(last, either):
    calls = []

    def cancel(fraction, stage):
        calls.append(fraction)
        if len(calls) == last:
            raise Cancelled

    with pytest.raises(Cancelled):
        separate(parts(44100, 6.0)["drums"], 44100, cancel, either)
    assert len(calls) == last


def test_the_fraction_rises_to_one(either):
    heard = []
    separate(parts(44100, 14.0)["drums"], 44100, lambda fraction, _: heard.append(fraction), either)
    assert heard == sorted(heard)
    assert heard[-1] == 1
    assert max(np.diff(heard)) < 0.35


def test_the_same_source_gives_the_same_stems(net):
    mix = sum(parts(44100, 3.0).values())
    one, other = separate(mix, 44100, quiet, net), separate(mix, 44100, quiet, Separator())
    assert all(np.array_equal(one[name], other[name]) for name in STEMS)


def test_gain_does_not_matter_to_the_net(net):
    mix = sum(parts(44100, 3.0).values())
    loud, soft = separate(mix, 44100, quiet, net), separate(mix / 100, 44100, quiet, net)
    for name in STEMS:
        assert 20 * np.log10(np.abs(loud[name] - 100 * soft[name]).max()) < -60


def test_stretches_fade_into_each_other(net):
    rng = np.random.default_rng(0)
    shape = np.exp(-np.arange(BANDS) / 40)
    power = (rng.exponential(1, (2, 3 * WINDOWS + 100, BANDS)) * shape).astype(np.float32)
    medians = median_masks(np.sqrt(power.sum(axis=0) / COUNTS), lambda share: None)
    masks = learned_masks(power, medians, net, lambda share: None)
    assert masks.shape == (2, 3 * WINDOWS + 100, BANDS)
    assert masks.min() >= 0
    assert masks.sum(axis=0).max() < 1 + 1e-5
    # No jump where one stretch ends that is larger than the masks have anyway.
    steps = np.abs(np.diff(masks, axis=1)).mean(axis=(0, 2))
    joins = steps[np.arange(WINDOWS - MARGIN, 3 * WINDOWS, WINDOWS - 2 * MARGIN) - 1]
    assert joins.max() < 1.5 * np.percentile(steps, 99)


def test_the_models_are_small():
    folder = resources.files("engine.backends.draft.separator")
    sizes = [len(folder.joinpath(name).read_bytes()) for name in ("separator.onnx", "low.onnx")]
    assert 1_000_000 < sum(sizes) <= 6_000_000


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000, 192_000])
def test_a_window_lasts_93_ms_at_every_rate(rate):
    size = window_frames(rate)
    assert size % 4 == 0
    assert size / rate == pytest.approx(4096 / 44100, rel=0.04)


def test_bands_hold_all_power_below_11_khz():
    power = np.random.default_rng(1).exponential(1, (5, 2049)).astype(np.float32)
    assert grouped(power).sum(axis=1) == pytest.approx(power[:, :BINS].sum(axis=1), rel=1e-5)
    few = grouped(power[:, :373])
    assert few.shape == (5, BANDS)
    assert few.sum(axis=1) == pytest.approx(power[:, :373].sum(axis=1), rel=1e-5)
    wide = spread(np.arange(BANDS, dtype=np.float32)[None], 2049)[0]
    assert np.array_equal(wide[:128], np.arange(128))
    assert np.array_equal(wide[128:142], np.repeat([128, 129], 7))
    assert (wide[BINS:] == BANDS - 1).all()


def test_without_onnxruntime_the_note_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    source = sum(parts(44100, 1.0).values())
    span = Span(0, source.shape[1])
    spec = RenderSpec.parse({"verb": "extract", "source": "/song.wav", "tracks": "all"})
    made = Draft().render(spec, Heard(source, 44100, 0.0, span, (span,)), 0, lambda fraction, stage: None)
    assert "onnxruntime" in made.note
    expected = separate(source, 44100, quiet)
    assert all(np.array_equal(made.tracks[name], expected[name]) for name in STEMS)


def test_with_onnxruntime_the_net_is_heard(net):
    source = sum(parts(44100, 1.0).values())
    span = Span(0, source.shape[1])
    spec = RenderSpec.parse({"verb": "extract", "source": "/song.wav", "tracks": "all"})
    made = Draft().render(spec, Heard(source, 44100, 0.0, span, (span,)), 0, lambda fraction, stage: None)
    assert not made.note
    assert np.array_equal(made.tracks["bass"], separate(source, 44100, quiet, net)["bass"])
