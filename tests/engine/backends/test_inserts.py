import numpy as np
import pytest

from engine.backends.draft.inserts import chorus, compression

RATE = 44100


def steady(hertz, seconds=2.0):
    time = np.arange(round(seconds * RATE)) / RATE
    return np.sin(2 * np.pi * hertz * time).astype(np.float32) * np.ones((2, 1), np.float32)


def decibels(value):
    return 20 * np.log10(value)


def test_a_chorus_keeps_the_level_and_opens_the_stereo_field():
    wet = chorus(steady(440), RATE, loop=False)
    body = wet[:, RATE // 10 :]
    assert np.sqrt(np.mean(body**2, axis=1)) == pytest.approx(np.full(2, np.sqrt(0.5)), rel=0.02)
    assert abs(np.corrcoef(body)[0, 1]) < 0.95
    # Nothing can be heard before the shortest delay.
    assert np.abs(wet[:, : round(0.008 * RATE)]).max() == 0


@pytest.mark.parametrize("seconds", [0.005, 1.0, 3.3])
def test_effects_of_a_loop_have_no_seam(seconds):
    frames = round(seconds * RATE)
    cycles = max(1, round(330 * seconds))
    tone = np.sin(2 * np.pi * cycles * np.arange(frames) / frames).astype(np.float32) * np.ones((2, 1), np.float32)
    wet = chorus(tone, RATE, loop=True)
    steps = np.abs(np.diff(wet, axis=1)).max()
    assert np.abs(wet[:, 0] - wet[:, -1]).max() <= 1.05 * steps
    swell = tone * np.linspace(0.1, 1, frames, dtype=np.float32)
    gain = compression(swell, 4.0, RATE, loop=True)
    assert abs(gain[0] - gain[-1]) <= 1.05 * np.abs(np.diff(gain)).max() + 1e-6


def test_a_compressor_brings_loud_and_usual_closer_together():
    tone = steady(220, 4.0)
    tone[:, : 3 * RATE] *= 0.1
    gain = compression(tone, 2.0, RATE, loop=False)
    quiet, loud = gain[RATE], gain[3 * RATE + RATE // 2]
    assert quiet == pytest.approx(1.0, abs=0.05)
    # Twenty decibels over: ten remain.
    assert decibels(quiet / loud) == pytest.approx(10, abs=1)
    assert gain.max() <= 1.0
    # It is gentle: at most a decibel a millisecond.
    assert np.abs(np.diff(decibels(gain.astype(float)))).max() * RATE / 1000 < 1.0


def test_silence_stays_silence():
    silence = np.zeros((2, 1000), np.float32)
    assert np.isfinite(compression(silence, 2.0, RATE, loop=False)).all()
    assert np.abs(chorus(silence, RATE, loop=True)).max() == 0
