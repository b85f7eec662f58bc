import numpy as np
import pytest

from engine.backends.draft.separator.bands import BANDS
from engine.backends.draft.separator.repeats import CUES, LOW, low_cues, repeated_masks

EVERY = 20
KICK = np.exp(-np.arange(12) / 4).astype(np.float32)


def groove(hits, louder=lambda index: 0.0):
    """Power of a kick every 20 windows, and of a bass on other pitches under some, as [windows, 256] each."""
    drums = np.full((EVERY * (hits + 1), BANDS), 1e-9, np.float32)
    bass = drums.copy()
    for index in range(hits):
        at = EVERY * index + 10
        drums[at : at + len(KICK), :6] += KICK[:, None]
        drums[at : at + 2, 100:] += 1
        bass[at : at + len(KICK), index % 6] += louder(index)
    return drums, bass


def shared(drums, bass, mistaken):
    """The net's masks where it gives so much of the bass to the drums."""
    given = (drums + mistaken * bass) / (drums + bass)
    return np.stack([given, 1 - given, 0 * given])


@pytest.mark.parametrize("hits", [12, 400])
def test_what_a_bass_adds_to_some_hits_is_not_of_the_drum(hits):
    drums, bass = groove(hits, lambda index: 1.0 * (index % 5 == 0))
    often, _, _ = repeated_masks(drums + bass, shared(drums, bass, mistaken=0.5))
    assert often.shape == (len(drums), LOW)
    for index in (0, 5, 10):
        at, band = EVERY * index + 11, index % 6
        assert often[at, band] == pytest.approx(drums[at, band] / (drums + bass)[at, band], abs=0.02)
        assert often[at + EVERY, band] > 0.98


def test_the_net_is_outvoted_where_it_is_wrong_once():
    drums, bass = groove(12, lambda index: 1.0 * (index == 5))
    masks = shared(drums, bass, mistaken=1.0)
    at = EVERY * 5 + 11
    for found in repeated_masks(drums + bass, masks):
        assert found[at, 5] == pytest.approx(drums[at, 5] / (drums + bass)[at, 5], abs=0.02)
    assert masks[0, at, 5] == pytest.approx(1)


def test_what_the_net_takes_for_a_drum_once_between_hits_is_not():
    drums, bass = groove(12)
    bass[EVERY * 4 + 3 : EVERY * 4 + 5, 4] += 1
    masks = shared(drums, bass, mistaken=0.5)
    given, always = masks[0, EVERY * 4 + 3, 4], repeated_masks(drums + bass, masks)[0, EVERY * 4 + 3, 4]
    assert given > 0.4
    assert always < 0.1


@pytest.mark.parametrize("hits", [0, 1, 3])
def test_too_few_hits_say_nothing(hits):
    drums, bass = groove(hits)
    masks = shared(drums, bass, mistaken=0.5)
    assert np.array_equal(repeated_masks(drums + bass, masks), np.repeat(masks[:1, :, :LOW], 3, axis=0))


def test_silence_and_a_single_window():
    for count in (1, 50):
        power = np.zeros((count, BANDS), np.float32)
        masks = np.full((3, count, BANDS), 1 / 3, np.float32)
        cues = low_cues(power, masks, masks[:2])
        assert cues.shape == (CUES, count, LOW)
        assert np.isfinite(cues).all()


def test_cues_keep_their_order():
    rng = np.random.default_rng(0)
    power = rng.exponential(1, (100, BANDS)).astype(np.float32)
    masks = rng.dirichlet((1, 1, 1), (100, BANDS)).transpose(2, 0, 1).astype(np.float32)
    medians = rng.random((2, 100, BANDS)).astype(np.float32)
    cues = low_cues(power, masks, medians)
    assert np.array_equal(cues[0], power[:, :LOW])
    assert cues[1, 7] == pytest.approx(np.full(LOW, (masks[0, 7, LOW:] * power[7, LOW:]).sum()), rel=1e-5)
    assert np.array_equal(cues[2:5], masks[:, :, :LOW])
    assert np.array_equal(cues[5:8], repeated_masks(power, masks))
    assert np.array_equal(cues[8:], medians[:, :, :LOW])
    assert 0 <= cues[5:8].min() <= cues[5:8].max() <= 1
