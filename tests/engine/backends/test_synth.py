import hashlib

import numpy as np
import pyloudnorm
import pytest
from scipy.signal import resample_poly

from engine.backends.draft.arranger import arrange
from engine.backends.draft.compose import compose
from engine.backends.draft.loudness import gate_powers, integrated
from engine.backends.draft.mixing import ducking, impulse_response
from engine.backends.draft.sampler import Sampler
from engine.backends.draft.samples import Pack
from engine.backends.draft.score import Note, Part, Score
from engine.backends.draft.stylebook import DRUM_NOTES, load_styles
from engine.backends.draft.synth import add, drum_kits, pitched_instruments, render, sound
from engine.backends.draft.timbres import TIMBRES
from engine.errors import Cancelled
from engine.spec import RenderSpec

STYLES = tuple(load_styles())
PACK = Pack()


def quiet(_=0.0):
    return None


def made(prompt="pop", seconds=6.0, rate=44100, seed=1, **values):
    spec = RenderSpec(verb="generate", prompt=prompt, length=seconds, **values)
    return compose(spec, seed, round(seconds * rate), rate, quiet, PACK)


def digest(audio):
    return hashlib.sha256(audio.tobytes()).hexdigest()


def decibels(value):
    return 20 * np.log10(value + 1e-30)


@pytest.mark.parametrize("rate", [22050, 44100, 48000, 96000])
@pytest.mark.parametrize("style", ["house", "techno", "rock", "drum and bass"])
def test_kicks_lie_on_the_grid(style, rate):
    spec = RenderSpec(verb="generate", prompt=style, bpm=120, bars=4)
    score = arrange(spec, 3)
    kicks = [note for part in score.parts for note in part.notes if part.name == "drums" and note.pitch == 36]
    instrument = next(part.instrument for part in score.parts if part.name == "drums")
    alone = Score(
        score.style, score.bpm, score.meter, score.key, (Part("drums", instrument, tuple(kicks)),), score.beats
    )
    heard = np.abs(render(alone, 8 * rate, rate, loop=False, report=quiet)["drums"][0])
    ear = round(0.0005 * rate)
    assert len(kicks) >= 8
    for note in kicks:
        assert note.start * 4 == round(note.start * 4)
        frame = round(note.start * 0.5 * rate)
        before = heard[max(0, frame - ear) : frame].max(initial=0)
        rises = np.flatnonzero(heard[frame : frame + rate // 20] > before + 0.02)
        assert rises[0] <= 0.001 * rate


@pytest.mark.parametrize("style", STYLES)
def test_loudness_peak_and_sum(style):
    mixed, stems, score = made(style)
    assert mixed.dtype == np.float32
    assert mixed.shape == (2, 6 * 44100)
    assert np.isfinite(mixed).all()
    assert set(stems) == {part.name for part in score.parts}
    assert pyloudnorm.Meter(44100).integrated_loudness(mixed.T.astype(float)) == pytest.approx(-16.0, abs=1.0)
    assert decibels(np.abs(resample_poly(mixed, 4, 1, axis=1)).max()) < -1.0
    assert decibels(np.abs(sum(stem.astype(float) for stem in stems.values()) - mixed).max()) < -90.0
    assert all(np.sqrt(np.mean(stem**2)) > 1e-4 for stem in stems.values())


def test_the_loudness_is_the_meter_s():
    for rate in (8000, 44100, 96000):
        rng = np.random.default_rng(1)
        audio = (rng.standard_normal((2, 7 * rate)) * np.linspace(0.001, 0.4, 7 * rate)).astype(np.float32)
        expected = pyloudnorm.Meter(rate).integrated_loudness(audio.T.astype(float))
        assert integrated(gate_powers(audio, rate, quiet)) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("rate", [8000, 11025, 32000, 88200, 192000])
def test_all_rates(rate):
    mixed, _, _ = made("pop", seconds=2.0, rate=rate)
    assert mixed.shape == (2, 2 * rate)
    assert np.isfinite(mixed).all()
    assert pyloudnorm.Meter(rate).integrated_loudness(mixed.T.astype(float)) == pytest.approx(-16.0, abs=1.0)
    assert decibels(np.abs(resample_poly(mixed, 4, 1, axis=1)).max()) < -1.0


@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.39, 1.0])
@pytest.mark.parametrize("loop", [False, True])
def test_short_pieces(seconds, loop):
    mixed, _, _ = made("ambient", seconds=seconds, loop=loop)
    assert np.isfinite(mixed).all()
    assert 0.01 < np.abs(mixed).max() < 0.9


@pytest.mark.parametrize("style", ["ambient", "house", "pop", "drum and bass", "jazz"])
def test_a_loop_has_no_seam(style):
    mixed, _, _ = made(style, bpm=120, seconds=8.0, loop=True)
    steps = np.abs(np.diff(mixed, axis=1))
    seam = np.abs(mixed[:, 0] - mixed[:, -1])
    assert seam.max() <= np.percentile(steps, 99.99)
    # Tails wrap: with what sounded at the end, the start is not silent before the first attack.
    assert np.abs(mixed[:, :32]).max() > 1e-4


def test_a_piece_fades_to_nothing():
    mixed, _, _ = made("rock", seconds=5.0)
    assert np.abs(mixed[:, -1]).max() == 0
    assert np.abs(mixed[:, :2]).max() < 0.02


def test_samples_repeat_and_seeds_differ():
    first, again, other = (made(seconds=3.0, seed=seed) for seed in (1, 1, 2))
    assert digest(first[0]) == digest(again[0])
    assert {name: digest(stem) for name, stem in first[1].items()} == {n: digest(s) for n, s in again[1].items()}
    assert digest(first[0]) != digest(other[0])
    assert first[2] == again[2] != other[2]


@pytest.mark.parametrize("instrument", sorted(pitched_instruments(PACK)))
def test_notes_start_and_end_at_zero(instrument):
    rate = 48000
    for pitch in (52, 69):
        note = sound(instrument, pitch, 0.8, 1.0, rate, quiet, Sampler(PACK, rate))
        assert np.abs(note[:, 0]).max() == 0
        assert np.abs(note[:, -1]).max() < 1e-6
        assert np.abs(np.diff(note[:, :8])).max() < 0.05


@pytest.mark.parametrize("instrument", sorted(TIMBRES))
def test_synthesised_notes_are_in_tune(instrument):
    rate = 48000
    for pitch in (52, 69):
        note = sound(instrument, pitch, 0.8, 1.0, rate, quiet)
        spectrum = np.abs(np.fft.rfft(note[0] * np.hanning(note.shape[1]), 1 << 19))
        expected = 440 * 2 ** ((pitch - 69) / 12)
        frequency = np.fft.rfftfreq(1 << 19, 1 / rate)
        near = (frequency > expected * 0.96) & (frequency < expected * 1.04)
        found = frequency[near][spectrum[near].argmax()]
        assert abs(1200 * np.log2(found / expected)) < 6 + max(TIMBRES[instrument].detune) + TIMBRES[instrument].vibrato


@pytest.mark.parametrize("instrument", ["synth_bass", "lead", "pad", "fm_piano"])
@pytest.mark.parametrize("rate", [16000, 48000])
def test_nothing_aliases(instrument, rate):
    pitch = 93
    note = sound(instrument, pitch, 1.0, 1.0, rate, quiet)[0].astype(float)
    body = note[rate // 4 : rate // 4 + rate // 2]
    spectrum = np.abs(np.fft.rfft(body * np.blackman(len(body)))) ** 2
    frequency = np.fft.rfftfreq(len(body), 1 / rate)
    base = 440 * 2 ** ((pitch - 69) / 12)
    number = np.maximum(np.round(frequency / base), 1)
    harmonic = np.abs(frequency - number * base) < 0.02 * number * base + 20
    share = 10 * np.log10(spectrum[~harmonic].sum() / spectrum.sum())
    assert share < -55


@pytest.mark.parametrize("kit", sorted(drum_kits(PACK)))
@pytest.mark.parametrize(
    ("rate", "softest"), [(8000, 0.01), (48000, 0.02)], ids=["8 kHz keeps little of a triangle", "48 kHz"]
)
def test_hits_start_at_zero_and_die_away(kit, rate, softest):
    for pitch in DRUM_NOTES.values():
        hit = sound(kit, pitch, 1.0, 0.1, rate, quiet, Sampler(PACK, rate))
        assert hit[0, 0] == 0
        assert hit[0, -1] == 0
        assert softest < np.abs(hit).max() < 1.5
        assert np.abs(hit[0, -round(0.02 * rate) :]).max() < 0.05 * np.abs(hit).max()


def test_equal_notes_are_equal_samples():
    notes = tuple(Note(start, 0.5, 60, 0.75) for start in (0.0, 1.0, 2.0))
    score = Score("pop", 60.0, (4, 4), "C major", (Part("keyboard", "piano", notes),), 4.0)
    stem = render(score, 4 * 8000, 8000, loop=False, report=quiet)["keyboard"]
    assert np.abs(stem[:, :8000]).max() > 0.01
    np.testing.assert_array_equal(stem[:, :8000], stem[:, 8000:16000])
    np.testing.assert_array_equal(stem[:, :8000], stem[:, 16000:24000])


def test_tails_wrap_or_are_cut():
    ring = np.zeros((2, 4), np.float32)
    add(ring, np.arange(1, 11, dtype=np.float32)[None], 3, loop=True)
    assert ring.tolist() == [[2 + 6 + 10, 3 + 7, 4 + 8, 1 + 5 + 9]] * 2
    line = np.zeros((2, 4), np.float32)
    add(line, np.arange(1, 11, dtype=np.float32)[None], 3, loop=False)
    assert line.tolist() == [[0, 0, 0, 1]] * 2


@pytest.mark.parametrize("seconds", [0.6, 1.5])
def test_the_room_falls_by_sixty_decibels(seconds):
    response = impulse_response(seconds, 48000).astype(float)
    assert np.sum(response**2, axis=1) == pytest.approx([1, 1], abs=1e-5)
    left = np.cumsum((response[0] ** 2)[::-1])[::-1]
    begin, end = (np.flatnonzero(10 * np.log10(left / left[0] + 1e-30) < level)[0] for level in (-5, -35))
    assert 2 * (end - begin) / 48000 == pytest.approx(seconds, rel=0.15)


def test_ducking_follows_the_kick():
    score = arrange(RenderSpec(verb="generate", prompt="house", bpm=120, bars=4, loop=True), 1)
    depth = ducking(score, 8 * 44100, 44100, loop=True)
    _, stems, _ = made("house", bpm=120, seconds=8.0, loop=True)
    beat = 22050
    assert depth[::beat] == pytest.approx(np.ones(16))
    assert depth[beat // 2 :: beat] == pytest.approx(np.zeros(16))
    pad = stems["strings"][:, : 16 * beat].reshape(2, 16, beat)
    level = np.sqrt(np.mean(pad**2, axis=(0, 1)))
    assert any(part.name == "strings" and part.duck > 0.5 for part in score.parts)
    assert decibels(level[: beat // 10].mean() / level[beat * 6 // 10 : beat * 9 // 10].mean()) < -2


def test_progress_rises_to_one_and_a_cancel_ends_the_work():
    seen = []
    spec = RenderSpec(verb="generate", prompt="pop", length=3.0)
    compose(spec, 1, 3 * 22050, 22050, seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) > 50

    def stop(fraction):
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        compose(spec, 1, 3 * 22050, 22050, stop)
