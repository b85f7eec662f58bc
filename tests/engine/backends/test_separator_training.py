import numpy as np
import pytest

from engine.backends.draft.separator.training import effects

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
