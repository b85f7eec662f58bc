import numpy as np
import pytest

from engine.backends.base import Stage
from engine.backends.draft.separate import separate
from engine.errors import Cancelled

STEMS = ("drums", "bass", "other")


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
def test_stems_come_out_apart(rate):
    truth = parts(rate)
    mix = sum(truth.values())
    stems = separate(mix, rate, quiet)
    assert tuple(stems) == STEMS
    # The mix itself would score about -3 dB on each.
    floors = {"drums": 5.0, "bass": 5.0, "other": 10.0}
    scores = {name: sdr(truth[name], stems[name]) for name in STEMS}
    assert all(scores[name] > floors[name] for name in STEMS), scores


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000, 192000])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_stems_add_up_to_the_source(rate, channels):
    samples = (np.random.default_rng(rate).standard_normal((channels, 2 * rate // 3 + 17)) * 0.3).astype(np.float32)
    stems = separate(samples, rate, quiet)
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


def test_an_identical_channel_stays_identical():
    mono = parts(44100, 2.0)["drums"][:1]
    stems = separate(np.repeat(mono, 2, axis=0), 44100, quiet)
    for stem in stems.values():
        assert np.array_equal(stem[0], stem[1])


@pytest.mark.parametrize("frames", [1, 441, 5000])
def test_crumbs_and_silence(frames):
    stems = separate(np.zeros((2, frames), np.float32), 44100, quiet)
    assert all(not stem.any() for stem in stems.values())
    crumb = np.full((1, frames), 0.5, np.float32)
    assert np.array_equal(sum(separate(crumb, 44100, quiet).values()).shape, crumb.shape)


def test_a_cancel_gets_through():
    calls = []

    def cancel(fraction, stage):
        calls.append(fraction)
        if len(calls) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        separate(parts(44100, 2.0)["drums"], 44100, cancel)
    assert len(calls) == 3
