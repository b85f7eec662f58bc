import numpy as np
import pytest

from engine.backends.draft.score import Note
from engine.backends.draft.separator.training import effects, electronic, voices

RATE = 22_050
EFFECTS = sorted({effect for stem in effects.CHANCES.values() for effect, _ in stem}, key=lambda each: each.__name__)


def music(seed=0):
    """Two seconds of a decaying chord a beat, wider on the right: [2, frames]."""
    time = np.arange(2 * RATE) / RATE
    sound = sum(np.sin(2 * np.pi * hertz * time + seed) for hertz in (110, 277, 660, 3000)) * np.exp(-6 * (time % 0.5))
    return np.stack([sound, 0.5 * sound + 0.1 * np.roll(sound, 30)]).astype(np.float32) * 0.1


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.__name__)
def test_an_effect_changes_the_sound_and_keeps_its_shape(effect):
    for seed in range(5):
        dry = music()
        wet = effect(dry, RATE, np.random.default_rng(seed))
        assert wet.shape == dry.shape
        assert wet.dtype == np.float32
        assert np.isfinite(wet).all()
        assert -30 < 20 * np.log10(effects.level(wet) / effects.level(dry)) < 45
        assert np.array_equal(dry, music())
    assert not np.allclose(wet, dry, atol=1e-3)


@pytest.mark.parametrize("stem", ["drums", "bass", "other"])
def test_treated_parts_have_one_level_and_follow_the_seed(stem):
    for seed in range(6):
        one, two = (effects.treated(music(), stem, RATE, np.random.default_rng(seed)) for _ in range(2))
        assert np.array_equal(one, two)
        assert effects.level(one) == pytest.approx(0.1, rel=1e-3)
    assert not effects.treated(np.zeros((2, 100), np.float32), stem, RATE, np.random.default_rng(0)).any()


@pytest.mark.parametrize("seed", range(20))
def test_a_bass_line_fills_its_beats_and_follows_the_seed(seed):
    lines = [electronic.bass_notes(24.0, 33, (0, 4, 8, 12), np.random.default_rng(seed)) for _ in range(2)]
    assert lines[0] == lines[1]
    assert len(lines[0]) >= 3
    assert all(0 <= note.start < 24 and 0.1 <= note.length <= 8.5 for note in lines[0])
    assert all(33 - 5 - 5 <= note.pitch <= 33 + 7 + 12 for note in lines[0])


@pytest.mark.parametrize("seed", range(12))
def test_the_synthesizer_plays_the_pitch_when_the_note_sounds(seed):
    line = electronic.synth_line([Note(2.0, 2.0, 45, 1.0)], 0.5, 4 * RATE, RATE, np.random.default_rng(seed))
    assert line.shape == (2, 4 * RATE)
    assert line.dtype == np.float32
    assert np.isfinite(line).all()
    assert effects.level(line[:, :RATE]) < 0.01 * effects.level(line[:, RATE : 2 * RATE])
    power = np.square(np.abs(np.fft.rfft(line[0, RATE : 2 * RATE] * np.hanning(RATE))))
    # What sounds is 110 Hz, its harmonics or an octave below, give or take a detuned voice.
    near = np.abs((np.arange(len(power)) + 27.5) % 55 - 27.5) < np.maximum(8, 0.02 * np.arange(len(power)))
    assert power[near].sum() > 0.9 * power.sum()


def test_a_sampler_plays_an_octave_up_at_twice_the_speed():
    time = np.arange(RATE) / RATE
    sample = np.repeat(np.sin(2 * np.pi * 110 * time)[None], 2, axis=0).astype(np.float32)
    for seed in range(8):
        note = electronic.sampled(sample, 45, RATE, np.random.default_rng(seed))(57, 1.0, 0.2)
        length = note.shape[1] / RATE
        assert length == pytest.approx(0.5, abs=0.001) or length == pytest.approx(0.205, abs=0.001)
        peak = np.argmax(np.abs(np.fft.rfft(note[0], RATE)))
        assert peak == pytest.approx(220, abs=4)


@pytest.mark.parametrize("root", range(26, 46))
def test_kicks_settle_where_kicks_do(root):
    for seed in range(10):
        assert 36 <= electronic.settled_hertz(root, np.random.default_rng(seed)) <= 75


@pytest.mark.parametrize(
    "voice", [voices.dice_string, voices.dice_resonant, voices.dice_sub], ids=lambda each: each.__name__
)
@pytest.mark.parametrize("seed", range(8))
def test_a_struck_voice_plays_its_pitch_and_follows_the_seed(voice, seed):
    one, two = (voice(np.random.default_rng(seed), RATE)(45, 0.5, 1.0) for _ in range(2))
    assert np.array_equal(one, two)
    assert one.dtype == np.float32
    assert one.shape[0] == 2
    assert np.isfinite(one).all()
    assert 0.05 < np.abs(one).max() < 2
    late = one[0, RATE // 8 : RATE // 2]
    power = np.square(np.abs(np.fft.rfft(late * np.hanning(len(late)), RATE)))
    # After a knock, a click or a fall what sounds is 110 Hz, its harmonics or an octave below.
    near = np.abs((np.arange(len(power)) + 27.5) % 55 - 27.5) < 10
    assert power[near].sum() > 0.75 * power.sum()


@pytest.mark.parametrize("seed", range(5))
def test_a_long_kick_hums_where_it_settles(seed):
    hit = voices.dice_long_kick(np.random.default_rng(seed), RATE, 50.0)(36, 1.0, 0.1)
    late = np.atleast_2d(hit)[0, RATE // 10 :]
    power = np.square(np.abs(np.fft.rfft(late * np.hanning(len(late)), RATE)))
    assert abs(int(np.argmax(power)) - 50) <= 6
