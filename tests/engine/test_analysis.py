import numpy as np
import pytest

from engine.analysis import (
    TYPICAL_TEMPO,
    TempoCurve,
    beat_error_ms,
    beat_grid,
    beat_phase,
    chroma,
    estimate_key,
    estimate_tempo,
    onset_envelope,
    onsets,
)

RATES = (8000, 22050, 44100, 48000, 96000, 192000)


def band(rate, bpm, phase, seconds=12.0, seed=0):
    """Kick on beats one and three, snare on two and four, hats on eighths, the first of them at `phase` seconds."""
    rng = np.random.default_rng(seed)
    samples = np.zeros(round(seconds * rate), np.float32)
    length = rate // 4
    time = np.arange(length) / rate
    kick = np.sin(2 * np.pi * (50 * time - 20 * np.exp(-40 * time))) * np.exp(-14 * time)
    hat = rng.standard_normal(length) * np.exp(-70 * time) * 0.25
    snare = rng.standard_normal(length) * np.exp(-25 * time) * 0.5
    for eighth in range(int((seconds - 0.3 - phase) * bpm / 30)):
        at = round((phase + eighth * 30 / bpm) * rate)
        samples[at : at + length] += hat + (kick if eighth % 4 == 0 else snare if eighth % 4 == 2 else 0)
    return samples[None] * np.float32(0.3)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(("bpm", "phase"), [(93.0, 0.137), (120.0, 0.31), (150.0, 0.02)])
def test_planted_beats_are_found(rate, bpm, phase):
    samples = band(rate, bpm, phase)
    assert estimate_tempo(samples, rate) == pytest.approx(bpm, rel=5e-4)
    assert beat_phase(samples, rate, bpm) == pytest.approx(phase, abs=2e-3)
    grid = beat_grid(samples, rate, bpm)
    assert grid[0] == pytest.approx(phase * rate, abs=2e-3 * rate)
    assert np.diff(grid) == pytest.approx(60 / bpm * rate, abs=1e-6)
    assert 0 <= beat_error_ms(samples, rate, grid) < 1.0


@pytest.mark.parametrize("bpm", [80.0, 84.0, 160.0, 168.0])
def test_slow_and_fast_beats_are_not_taken_for_more_usual_ones(bpm):
    assert estimate_tempo(band(22050, bpm, 0.1, seconds=24.0), 22050) == pytest.approx(bpm, rel=1e-3)


@pytest.mark.parametrize("rate", RATES)
def test_onsets_are_exact_to_two_milliseconds(rate):
    samples = band(rate, 100.0, 0.25)
    times, strengths = onsets(samples, rate)
    planted = 0.25 + np.arange(len(times)) * 0.3
    assert len(times) == int((12 - 0.3 - 0.25) / 0.3)
    assert np.abs(times - planted).max() < 2e-3
    assert strengths.min() > 1.0


def test_a_shifted_grid_shows_as_that_many_milliseconds():
    samples = band(44100, 120.0, 0.25)
    grid = beat_grid(samples, 44100, 120.0)
    assert beat_error_ms(samples, 44100, grid + 0.020 * 44100) == pytest.approx(20.0, abs=1.5)


def test_clicks_are_no_onsets():
    samples = band(44100, 120.0, 0.25)
    grid = beat_grid(samples, 44100, 120.0)
    clicked = samples.copy()
    places = np.random.default_rng(1).integers(1000, samples.shape[1] - 1000, 15)
    clicked[0, places] += 0.9
    assert beat_error_ms(clicked, 44100, grid) < 2.0
    lonely = np.zeros((1, 5 * 44100), np.float32)
    lonely[0, np.arange(1, 9) * 22050] = 0.9
    assert len(onsets(lonely, 44100)[0]) == 0


def test_fewer_than_four_onsets_have_no_beat_error():
    samples = np.zeros((2, 44100), np.float32)
    assert beat_error_ms(samples, 44100, np.array([0.0, 22050.0])) == -1.0
    assert beat_error_ms(band(44100, 120.0, 0.1), 44100, np.array([])) == -1.0


def test_a_tempo_map_bends_the_grid():
    curve = TempoCurve.of([(0.0, 120.0, 4, 4), (4.0, 90.0, 4, 4)], start=-1.0)
    assert curve.seconds(np.array([0.0, 8.0, 11.0])) == pytest.approx([1.0, 5.0, 7.0])
    assert curve.beats(curve.seconds(np.linspace(-3, 30, 50))) == pytest.approx(np.linspace(-3, 30, 50))
    rate = 44100
    # The change comes 0.4 beats before a beat.
    samples = np.concatenate(
        [band(rate, 120.0, 0.2, seconds=4.0), band(rate, 90.0, 0.4 * 60 / 90, seconds=8.0)], axis=1
    )
    grid = beat_grid(samples, rate, tempo_map=[(10.0, 120.0, 4, 4), (14.0, 90.0, 4, 4)], start=10.0) / rate
    assert grid[:8] == pytest.approx(0.2 + np.arange(8) * 0.5, abs=2e-3)
    assert grid[8:] == pytest.approx(4 + (0.4 + np.arange(12)) * 60 / 90, abs=2e-3)


@pytest.mark.parametrize("frames", [0, 1, 100, 44100])
def test_silence_and_crumbs_have_no_tempo(frames):
    samples = np.zeros((2, frames), np.float32)
    assert estimate_tempo(samples, 44100) == TYPICAL_TEMPO
    assert onset_envelope(samples, 44100).values.max(initial=0) == 0
    assert estimate_key(samples, 44100) is None
    assert chroma(samples, 44100)[0].shape[1] == 12


def chord(rate, midi, seconds=0.8):
    time = np.arange(round(seconds * rate)) / rate
    notes = [440 * 2 ** ((note - 69) / 12) for note in midi]
    return sum(np.sin(2 * np.pi * hertz * k * time) / k for hertz in notes for k in (1, 2, 3)) * 0.1


@pytest.mark.parametrize("rate", [8000, 44100, 192000])
@pytest.mark.parametrize("tonic", [0, 3, 7, 10])
def test_a_cadence_gives_its_key(rate, tonic):
    major = [(0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7)]
    minor = [(0, 3, 7), (5, 8, 12), (7, 11, 14), (0, 3, 7)]
    names = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
    for mode, cadence in (("major", major), ("minor", minor)):
        song = np.concatenate([chord(rate, [60 + tonic + note for note in notes]) for notes in cadence])
        assert estimate_key(song[None].astype(np.float32), rate) == f"{names[tonic]} {mode}"


def test_chroma_peaks_at_the_pitch_class():
    values, _ = chroma(chord(44100, [69])[None].astype(np.float32), 44100)
    assert int(values.mean(axis=0).argmax()) == 9
