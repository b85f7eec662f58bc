from itertools import pairwise

import numpy as np
import pytest
from soundfile import SoundFile

from engine.analysis import beat_grid, chords, downbeats, estimate_key, melody
from engine.backends.draft.synth import sound

RECORDING = "bridge/demo/audio/escape_from_chaosland.ogg"
TRIADS = {"major": (0, 4, 7), "minor": (0, 3, 7)}
SONG = [(0, "major"), (9, "minor"), (5, "major"), (7, "major"), (2, "minor"), (4, "minor"), (5, "major"), (0, "major")]


def played(rate, notes, seconds, instrument="piano"):
    """[(start, length, MIDI note)] on an instrument of the draft engine: [1, frames]."""
    out = np.zeros((1, round(seconds * rate)), np.float32)
    for start, length, pitch in notes:
        samples = sound(instrument, pitch, 0.8, length, rate, lambda: None).mean(axis=0)
        at = round(start * rate)
        out[0, at : at + len(samples)] += samples[: out.shape[1] - at]
    return out * np.float32(0.2)


def song(rate, bar=1.6, shift=0, drums=True):
    """A triad a bar in quarter notes over a bass, with a kick on each beat and noise on two and four."""
    notes = []
    for index, (root, quality) in enumerate(SONG):
        bass = 36 + (root + shift) % 12
        for beat in range(4):
            at = index * bar + beat * bar / 4
            notes += [(at, bar / 4.2, 60 + (bass + step) % 12) for step in TRIADS[quality]]
            notes.append((at, bar / 4.2, bass))
    out = played(rate, notes, len(SONG) * bar)
    if drums:
        rng, time = np.random.default_rng(0), np.arange(rate // 6) / rate
        for beat in range(len(SONG) * 4):
            at = round(beat * bar / 4 * rate)
            hit = 0.5 * np.sin(2 * np.pi * (50 * time - 2 * np.exp(-30 * time))) * np.exp(-20 * time) * (beat % 4 == 0)
            hit = hit + 0.3 * rng.standard_normal(len(time)) * np.exp(-30 * time) * (beat % 2)
            out[0, at : at + len(hit)] += hit[: out.shape[1] - at].astype(np.float32)
    return out


def right(spans, shift, bar=1.6):
    """Share of the bars of which every half has its triad."""
    times = (np.arange(2 * len(SONG)) + 0.5) * bar / 2
    found = [next(each for each in spans if each.start <= time < each.end) for time in times]
    wanted = [((root + shift) % 12, quality) for root, quality in SONG for _ in range(2)]
    return np.mean([(each.root, each.quality) == want for each, want in zip(found, wanted, strict=True)])


@pytest.mark.parametrize(("rate", "shift"), [(8000, 5), (44100, 0), (44100, 10), (96000, 3)])
def test_chords_of_a_band_are_found_a_bar(rate, shift):
    spans = chords(song(rate, shift=shift), rate, np.arange(9) * 1.6)
    assert right(spans, shift) >= 0.93
    assert np.mean([each.confidence for each in spans]) > 0.5
    assert spans[0].start == 0
    assert spans[-1].end == pytest.approx(12.8)


def test_two_chords_in_a_bar_are_two_spans():
    spans = chords(song(44100), 44100, np.arange(5) * 3.2)
    assert right(spans, 0) >= 0.93
    assert len(spans) == 8


def test_an_instrument_out_of_tune_plays_the_same_chords():
    rate = 44100
    samples = song(rate, drums=False)[0].astype(np.float64)
    sharp = np.interp(np.arange(0, len(samples) - 1, 2 ** (35 / 1200)), np.arange(len(samples)), samples)
    bar = 1.6 / 2 ** (35 / 1200)
    spans = chords(sharp[None].astype(np.float32), rate, np.arange(9) * bar)
    assert right(spans, 0, bar) >= 0.93


@pytest.mark.parametrize(("shift", "key"), [(0, "C major"), (4, "E major"), (9, "A major")])
def test_the_key_is_read_from_the_chords(shift, key):
    assert estimate_key(song(44100, shift=shift), 44100) == key


def test_noise_and_silence_have_no_sure_chords():
    rate = 22050
    noise = np.random.default_rng(1).standard_normal((2, 8 * rate)).astype(np.float32) * np.float32(0.1)
    assert np.median([each.confidence for each in chords(noise, rate, np.arange(5) * 2.0)]) < 0.3
    assert chords(np.zeros((1, 8 * rate), np.float32), rate, np.arange(5) * 2.0) == ()
    assert melody(np.zeros((1, 8 * rate), np.float32), rate) == ()


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_bars_begin_where_the_chords_change(cut):
    rate, beat = 44100, 0.4
    samples = song(rate)[:, round(cut * beat * rate) :]
    beats = np.arange(0, samples.shape[1] / rate, beat)
    found = downbeats(samples, rate, beats)
    assert found[0] == pytest.approx((-cut % 4) * beat)
    assert np.diff(found) == pytest.approx(1.6)


def test_bars_of_three():
    rate, beat = 44100, 0.5
    waltz = [
        (bar * 1.5 + place * beat, 0.45, pitch)
        for bar, (root, quality) in enumerate(SONG)
        for place in range(3)
        for pitch in ([36 + root] if place == 0 else [60 + (root + step) % 12 for step in TRIADS[quality]])
    ]
    samples = played(rate, waltz, 12.0)[:, round(0.5 * rate) :]
    assert downbeats(samples, rate, np.arange(0, 11.4, beat), 3)[0] == pytest.approx(1.0)


@pytest.mark.parametrize("instrument", ["piano", "guitar_nylon"])
def test_a_solo_line_is_written_down(instrument):
    rng = np.random.default_rng(2)
    starts = 0.2 + np.cumsum(rng.choice([0.25, 0.4, 0.8], 24)) - 0.25
    pitches = np.clip(72 + np.cumsum(rng.choice([-4, -2, 2, 3, 5], 24)) % 15 - 5, 60, 84)
    lengths = np.diff(np.append(starts, starts[-1] + 0.8)) * 0.95
    notes = list(zip(starts.tolist(), lengths.tolist(), pitches.tolist(), strict=True))
    found = melody(played(44100, notes, starts[-1] + 1.5, instrument), 44100)
    hits = sum(
        any(abs(each.start - start) < 0.05 and each.pitch == pitch for each in found) for start, _, pitch in notes
    )
    assert hits >= 0.9 * len(notes)
    assert len(found) <= 1.15 * len(notes)
    assert all(first.end <= after.start for first, after in pairwise(found))


def test_a_melody_over_chords_is_less_sure_than_a_solo():
    line = [(0.4 * place, 0.38, 72 + (0, 4, 7, 12, 11, 7, 5, 2)[place % 8]) for place in range(30)]
    solo = played(44100, line, 12.8, "lead")
    alone, together = melody(solo, 44100), melody(3 * solo + song(44100), 44100)
    assert np.mean([each.confidence for each in together]) < np.mean([each.confidence for each in alone]) - 0.1
    hits = sum(any(abs(each.start - at) < 0.08 and each.pitch == pitch for each in together) for at, _, pitch in line)
    assert hits >= 0.5 * len(line)


def test_the_recording_has_steady_bars_and_a_key():
    with SoundFile(RECORDING) as file:
        rate, samples = file.samplerate, file.read(dtype="float32", always_2d=True).T
    beats = beat_grid(samples, rate, 135.0) / rate
    first = downbeats(samples, rate, beats)[0]
    # The bar found does not depend on where one begins to listen.
    for skipped in (1, 3):
        cut = round(beats[skipped] * rate) - 200
        later = downbeats(samples[:, cut:], rate, beats[skipped:] - cut / rate)[0] + cut / rate
        assert abs((later - first) % (4 * 60 / 135)) == pytest.approx(0.0, abs=1e-6) or later == pytest.approx(first)
    spans = chords(samples, rate, np.arange(first, samples.shape[1] / rate, 4 * 60 / 135))
    assert np.mean([each.confidence for each in spans]) > 0.4
    assert estimate_key(samples, rate) is not None
