import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import butter, correlate, sosfiltfilt

from engine.backends.draft import samples
from engine.backends.draft.sampler import Sampler, looped
from engine.backends.draft.samples import Pack, Zone
from engine.backends.draft.synth import sound

ROOT = Path(__file__).parents[3]
FOLDER = Path(samples.__file__).parent / "pack"
PACK = Pack()
ZONES = [(name, zone) for name, sampled in PACK.instruments.items() for zone in sampled.zones]


def quiet(_=0.0):
    return None


def decibels(value):
    return 20 * np.log10(value + 1e-30)


def root_mean_square(audio):
    return np.sqrt(np.mean(np.asarray(audio, dtype=float) ** 2))


def semitones_apart(audio, rate, hertz):
    """By autocorrelation, a few periods from zero, where it is exact to a fraction of a cent."""
    body = audio[round(0.08 * rate) : round(1.6 * rate)].astype(float)
    body = sosfiltfilt(butter(2, min(0.9, 10 * hertz / rate), output="sos"), body)
    # An even number of them: an organ's lowest stop has half the frequency.
    lag = 2 * round(np.clip(0.015 * hertz, 1, 6)) * rate / hertz
    likeness = correlate(body, body, method="fft")[len(body) - 1 :] / np.arange(len(body), 0, -1)
    near = np.arange(int(lag * 0.97), int(lag * 1.03) + 2)
    peak = near[likeness[near].argmax()]
    left, top, right = likeness[peak - 1 : peak + 2]
    return 12 * np.log2(lag / (peak + 0.5 * (left - right) / (left - 2 * top + right)))


def test_the_pack_is_small_and_whole():
    named = {zone.file for _, zone in ZONES} | {hit.file for kit in PACK.kits.values() for hit in kit.hits.values()}
    there = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.ogg")}
    assert named == there
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.suffix in {".ogg", ".json"}) < 8_000_000
    assert len(PACK.instruments) >= 24
    assert len(PACK.kits) >= 4


def test_every_file_decodes_and_every_loop_lies_inside():
    for file in (FOLDER / name for name in {zone.file for _, zone in ZONES}):
        with soundfile.SoundFile(file) as opened:
            assert opened.samplerate == PACK.rate
    for _, zone in ZONES:
        frames = soundfile.info(FOLDER / zone.file).frames
        assert 0 < zone.fade <= zone.loop < frames - zone.fade // 8
        assert 0 <= zone.fall <= 1
    for kit in PACK.kits.values():
        for hit in kit.hits.values():
            audio, rate = soundfile.read(FOLDER / hit.file, dtype="float32")
            assert rate == PACK.rate
            assert 0.3 < np.abs(audio).max() < 1.1
            assert -1 <= hit.pan <= 1


def test_zones_are_close_together():
    for sampled in PACK.instruments.values():
        roots = sorted(zone.root for zone in sampled.zones)
        assert max(np.diff(roots)) < 4.6


@pytest.mark.parametrize("name", sorted(PACK.instruments))
def test_every_sample_is_in_tune_with_its_root(name):
    for zone in PACK.instruments[name].zones:
        audio = PACK.samples(zone.file).mean(axis=0)
        hertz = 440 * 2 ** ((zone.root - 69) / 12)
        assert abs(100 * semitones_apart(audio, PACK.rate, hertz)) < 10, zone.file
        # What the soundfont calls a C is one.
        assert abs(zone.root - int(Path(zone.file).stem[:3])) < 0.5, zone.file


@pytest.mark.parametrize("name", sorted(PACK.instruments))
@pytest.mark.parametrize("rate", [22050, 48000])
def test_notes_between_the_samples_are_in_tune(name, rate):
    sampler = Sampler(PACK, rate)
    low, high = (pick(zone.root for zone in PACK.instruments[name].zones) for pick in (min, max))
    pitch = round((low + high) / 2) + 1
    note = sampler.note(name, pitch, 1.0, 0.8, quiet).mean(axis=0)
    assert abs(100 * semitones_apart(note, rate, 440 * 2 ** ((pitch - 69) / 12))) < 10


@pytest.mark.parametrize("name", sorted(PACK.instruments))
def test_louder_is_louder_and_brighter(name):
    rate = 44100
    sampler = Sampler(PACK, rate)
    pitch = round(np.median([zone.root for zone in PACK.instruments[name].zones]))
    notes = [sampler.note(name, pitch, velocity, 0.6, quiet).mean(axis=0) for velocity in (0.3, 0.5, 0.7, 0.85, 1.0)]
    levels = [root_mean_square(note) for note in notes]
    assert levels == sorted(levels)
    assert 12 < decibels(levels[-1] / levels[0]) < 26

    def centre(note):
        power = np.abs(np.fft.rfft(note * np.hanning(len(note)))) ** 2
        return np.sum(power * np.fft.rfftfreq(len(note), 1 / rate)) / power.sum()

    assert centre(notes[-1]) > centre(notes[0])


@pytest.mark.parametrize("name", ["organ", "strings", "flute", "sax", "piano", "guitar_drive", "finger_bass", "choir"])
def test_a_long_note_has_no_joint(name):
    rate = PACK.rate
    sampler = Sampler(PACK, rate)
    zone = PACK.instruments[name].zone(57)
    note = sampler.note(name, round(zone.root), 1.0, 8.0, quiet).mean(axis=0).astype(float)
    # A click is energy above what the note has up there: the fourth difference of a joint against that elsewhere.
    rough = np.abs(np.diff(note, 4))
    held = rough[round(0.2 * rate) : 8 * rate]
    size = soundfile.info(FOLDER / zone.file).frames
    turn = size - zone.loop
    joints = [round(size + turn * count) for count in range(int((7.5 * rate - size) / turn))]
    assert len(joints) >= 4
    original = rough[round(0.2 * rate) : zone.loop].max()
    assert held[zone.loop :].max() < 1.5 * original
    # It is held, or dies away: never louder than at its start, and never gone at once.
    levels = [root_mean_square(note[start : start + rate // 2]) for start in range(rate, 7 * rate, rate // 2)]
    steps = np.diff(decibels(np.array(levels)))
    assert steps.max() < 3
    assert steps.min() > -9
    if zone.fall == 1:
        assert levels[-1] > 0.6 * levels[0]


def test_a_loop_of_a_sine_goes_on_as_a_sine():
    rate, frames = 44100, 8820
    sine = np.sin(2 * np.pi * 441 * np.arange(3 * rate) / rate).astype(np.float32)[None]
    zone = Zone("", 69.0, 0.0, frames - 4400, 1000, 1.0)
    assert np.abs(looped(sine[:, :frames], zone, 3 * rate) - sine).max() < 1e-4
    fading = looped(sine[:, :frames], Zone("", 69.0, 0.0, frames - 4400, 1000, 0.5), frames + 2 * 4400)
    assert root_mean_square(fading[0, frames + 4400 :]) == pytest.approx(0.25 / np.sqrt(2), rel=0.15)
    assert looped(sine[:, :frames], zone, 100).shape == (1, 100)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 32000, 44100, 88200, 96000, 192000])
def test_a_note_is_the_same_note_at_every_rate(rate):
    note = sound("piano", 57, 0.8, 0.5, rate, quiet)
    reference = sound("piano", 57, 0.8, 0.5, 48000, quiet)
    assert note.shape[1] == round(reference.shape[1] * rate / 48000)
    assert note.dtype == np.float32
    assert np.abs(note[:, 0]).max() == 0
    assert np.abs(note[:, -1]).max() < 1e-6

    def bands(audio, frames_a_second):
        power = np.abs(np.fft.rfft(audio, axis=1)).sum(axis=0) ** 2 / audio.shape[1] ** 2
        frequency = np.fft.rfftfreq(audio.shape[1], 1 / frames_a_second)
        return np.array([power[(frequency >= low) & (frequency < 2 * low)].sum() for low in (200, 400, 800, 1600)])

    difference = 10 * np.log10(bands(note, rate) / bands(reference, 48000))
    assert np.abs(difference).max() < 0.5


@pytest.mark.parametrize("name", ["piano", "guitar_drive", "strings", "trumpet"])
def test_nothing_folds_back(name):
    """At 8 kHz a note is its own low-passed self: what lay above half the rate is gone, not mirrored."""
    high = sound(name, 81, 1.0, 1.0, 48000, quiet).mean(axis=0).astype(float)
    low = sound(name, 81, 1.0, 1.0, 8000, quiet).mean(axis=0).astype(float)
    expected, found = np.abs(np.fft.rfft(high))[:3400] / 6, np.abs(np.fft.rfft(low))[:3400]
    quiet_bins = expected < np.median(expected)
    assert np.sum(found[quiet_bins] ** 2) < 1.3 * np.sum(expected[quiet_bins] ** 2) + 1e-6 * np.sum(expected**2)


def test_the_same_note_is_the_same_samples():
    def digest():
        sampler = Sampler(Pack(), 48000)
        notes = [sampler.note(name, 60, 0.7, 1.3, quiet) for name in ("piano", "sax", "guitar_nylon")]
        hit = sampler.hit("kit_acoustic", 38, 0.8, quiet)
        return hashlib.sha256(b"".join(note.tobytes() for note in (*notes, hit))).hexdigest()

    assert digest() == digest()


def test_files_are_decoded_once_and_only_when_heard(monkeypatch):
    read = []
    real = soundfile.read
    monkeypatch.setattr(samples.soundfile, "read", lambda *args, **values: read.append(1) or real(*args, **values))
    pack = Pack()
    for rate in (44100, 48000):
        sampler = Sampler(pack, rate)
        for velocity in (0.9, 1.0):
            sampler.note("organ", 60, velocity, 0.5, quiet)
            sampler.note("organ", 61, velocity, 0.5, quiet)
    assert len(read) == 1


def test_kits_borrow_what_they_lack():
    assert PACK.kits["kit_brush"].hits.keys() < PACK.kits["kit_acoustic"].hits.keys()
    assert PACK.hit("kit_brush", 56) == PACK.hit("kit_acoustic", 56)
    assert PACK.hit("kit_latin", 64) not in PACK.kits["kit_acoustic"].hits.values()
    sampler = Sampler(PACK, 44100)
    assert sampler.hit("kit_acoustic", 27, 1.0, quiet) is None
    assert np.abs(sound("kit_acoustic", 27, 1.0, 0.1, 44100, quiet)).max() > 0.05
    with pytest.raises(KeyError):
        sound("kit_of_glass", 36, 1.0, 0.1, 44100, quiet)


def test_the_notice_names_what_the_pack_is_made_of():
    notice = (ROOT / "NOTICE").read_text()
    assert "engine/backends/draft/pack" in notice
    assert "Frank Wen" in notice
    assert "CC0" in notice
    recipe = (FOLDER / "recipe.toml").read_text()
    assert set(json.loads((FOLDER / "index.json").read_text())["instruments"]) <= set(recipe.replace("=", " ").split())
