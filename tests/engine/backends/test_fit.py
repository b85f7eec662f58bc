import numpy as np
import pytest
from soundfile import SoundFile

from engine.analysis import beat_error_ms, beat_grid, chroma, onset_envelope
from engine.audio import loudness, resample
from engine.backends.base import Heard, Span, Stage
from engine.backends.draft.backend import Draft
from engine.backends.draft.compose import compose
from engine.backends.draft.fit import BELOW_MIX_LU
from engine.errors import Cancelled, Unsupported
from engine.spec import RenderSpec
from engine.units import Frames, Seconds

RECORDING = "bridge/demo/audio/escape_from_chaosland.ogg"
BPM = 135.0


def recording(seconds=12.0):
    with SoundFile(RECORDING) as file:
        return file.read(round(seconds * file.samplerate), dtype="float32", always_2d=True).T, file.samplerate


def heard(samples, rate):
    whole = Span(Frames(0), Frames(samples.shape[1]))
    return Heard(samples, rate, Seconds(0.0), whole, (whole,))


def rendering(samples, rate, seed=1, report=lambda *_: None, **spec):
    return Draft().render(RenderSpec.parse({"source": "/x.wav", **spec}), heard(samples, rate), seed, report)


def part(samples, rate, track, seed=1, **spec):
    return rendering(samples, rate, seed, verb="lego", track=track, **spec).tracks[track]


def fits(context, new, rate):
    """Mean correlation of the chroma of two pieces of audio, the second one transposed by 0 to 11 semitones."""
    first, second = (
        values - values.mean(axis=1, keepdims=True) for values in (chroma(x, rate)[0] for x in (context, new))
    )
    first, second = (x / np.maximum(1e-9, np.linalg.norm(x, axis=1, keepdims=True)) for x in (first, second))
    return [float((first * np.roll(second, shift, axis=1)).sum(axis=1).mean()) for shift in range(12)]


@pytest.fixture(scope="module")
def riff():
    return recording()


@pytest.fixture(scope="module")
def made():
    """A piece of the arranger at 104 bpm whose first bar line lies 0.7 s after the start."""
    rate = 22050
    spec = RenderSpec.parse({"verb": "generate", "prompt": "pop", "bpm": 104, "key": "G major", "length": 20})
    mix, stems, _ = compose(spec, 3, 20 * rate, rate, lambda _: None)
    cut = round((4 * 60 / 104 - 0.7) * rate)
    return mix[:, cut:], stems["drums"][:, cut:], rate


@pytest.mark.parametrize("track", ["bass", "keyboard", "guitar"])
def test_a_new_part_plays_the_chords_of_the_recording(riff, track):
    samples, rate = riff
    new = part(samples, rate, track, bpm=BPM)
    assert new.shape == samples.shape
    assert new.dtype == np.float32
    scores = fits(samples, new, rate)
    assert int(np.argmax(scores)) == 0
    assert scores[0] > np.mean(scores[1:]) + 0.2
    assert loudness(samples, rate) - loudness(new, rate) == pytest.approx(BELOW_MIX_LU[track], abs=0.3)


@pytest.mark.parametrize("known", [{"bpm": BPM}, {}])
def test_new_drums_lie_on_the_beats_of_the_recording(riff, known):
    samples, rate = riff
    new = part(samples, rate, "drums", **known)
    assert 0 <= beat_error_ms(new, rate, beat_grid(samples, rate, BPM)) < 5.0


def test_new_drums_begin_their_bars_with_the_source(made):
    mix, drums, rate = made
    new = part(mix, rate, "drums", prompt="rock")
    beat = 60 / 104

    def strength_at(samples, place):
        envelope = onset_envelope(lowest(samples, rate), rate)
        times = 0.7 + np.arange(place, 28, 4) * beat
        places = np.round(times * envelope.rate).astype(int)[:, None] + np.arange(-4, 5)
        return envelope.values[np.clip(places, 0, len(envelope.values) - 1)].max(axis=1).mean()

    assert 0 <= beat_error_ms(new, rate, (0.7 % beat + np.arange(30) * beat) * rate) < 5.0
    # The kick is on one, the snare on two and four, in both of them.
    assert strength_at(new, 0) > 1.5 * strength_at(new, 1)
    assert strength_at(drums, 0) > 1.5 * strength_at(drums, 1)


def lowest(samples, rate):
    spectrum = np.fft.rfft(samples, axis=1)
    spectrum[:, np.fft.rfftfreq(samples.shape[1], 1 / rate) > 120] = 0
    return np.fft.irfft(spectrum, n=samples.shape[1], axis=1).astype(np.float32)


def test_a_position_in_the_project_sets_the_bars(made):
    mix, _, rate = made
    beat = 60 / 104
    new = part(mix, rate, "drums", bpm=104, position=10 * beat + 0.2)
    grid = (np.arange(40) * beat - 0.2) * rate
    assert 0 <= beat_error_ms(new, rate, grid[grid >= 0]) < 3.0


def test_a_tempo_map_is_followed():
    rate = 22050
    silent_but_for_a_drone = np.sin(2 * np.pi * 220 * np.arange(16 * rate) / rate).astype(np.float32)[None] * 0.1
    new = part(silent_but_for_a_drone, rate, "drums", tempo_map=[[0, 120, 4, 4], [8, 90, 4, 4]])
    grid = np.concatenate([np.arange(0, 8, 0.5), np.arange(8, 16, 60 / 90)]) * rate
    assert 0 <= beat_error_ms(new, rate, grid) < 3.0


def test_a_tempo_that_wanders_is_followed():
    """A band that speeds up by 4 % is joined by drums that do as well."""
    rate = 22050
    times = np.cumsum(np.linspace(0.52, 0.50, 72)) - 0.2
    rng, time = np.random.default_rng(0), np.arange(rate // 5) / rate
    samples = np.zeros((1, round((times[-1] + 0.5) * rate)), np.float32)
    for place, at in enumerate(times):
        kick = np.sin(2 * np.pi * (50 * time - 2 * np.exp(-30 * time))) * np.exp(-20 * time)
        hit = kick if place % 2 == 0 else rng.standard_normal(len(time)) * np.exp(-30 * time)
        first = round(at * rate)
        samples[0, first : first + len(time)] += (0.5 * hit[: samples.shape[1] - first]).astype(np.float32)
    new = part(samples, rate, "drums")
    assert 0 <= beat_error_ms(new, rate, times * rate) < 10.0


def test_silence_in_the_source_stays_silent(riff):
    samples, rate = riff
    samples = samples.copy()
    samples[:, 2 * rate : 5 * rate] = 0
    for track in ("keyboard", "drums"):
        new = part(samples, rate, track, bpm=BPM)
        assert np.abs(new[:, round(2.5 * rate) : 5 * rate - 600]).max() == 0
        assert np.abs(new[:, : 2 * rate]).max() > 0.01
        assert np.abs(new[:, 5 * rate :]).max() > 0.01
    assert not part(np.zeros((2, rate), np.float32), rate, "bass").any()


def test_seeds_vary_and_repeat(made):
    mix, _, rate = made
    first, again, other = (part(mix, rate, "keyboard", seed, bpm=104) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_complete_renders_each_track_asked_for(made):
    mix, _, rate = made
    result = rendering(mix, rate, verb="complete", tracks="drums,bass,strings", bpm=104)
    assert list(result.tracks) == ["drums", "bass", "strings"]
    levels = {track: loudness(mix, rate) - loudness(new, rate) for track, new in result.tracks.items()}
    assert levels == pytest.approx({track: BELOW_MIX_LU[track] for track in levels}, abs=0.3)
    assert all(new.shape == mix.shape for new in result.tracks.values())


def test_a_part_for_drums_alone_says_that_it_hears_no_chords():
    rng = np.random.default_rng(5)
    rate = 22050
    samples = (rng.standard_normal((1, 8 * rate)) * (np.arange(8 * rate) % (rate // 2) < 1500) * 0.2).astype(np.float32)
    result = rendering(samples, rate, verb="lego", track="bass", bpm=120, key="D minor")
    assert "no clear chords" in result.note
    assert "D minor" in result.note
    assert int(np.argmax(fits(played_d(rate, samples.shape[1]), result.tracks["bass"], rate))) == 0


def played_d(rate, frames):
    time = np.arange(frames) / rate
    return sum(np.sin(2 * np.pi * hertz * time) for hertz in (146.83, 174.61, 220.0)).astype(np.float32)[None] * 0.1


def test_a_cover_keeps_chords_and_accents_the_more_the_stronger(riff):
    samples, rate = riff
    whole = {
        strength: rendering(samples, rate, verb="cover", prompt="jazz", bpm=BPM, strength=strength)
        for strength in (0, 1)
    }
    envelopes, pitches = {}, {}
    for strength, result in whole.items():
        mix = result.tracks["mix"]
        assert list(result.tracks) == ["mix"]
        assert mix.shape == samples.shape
        assert loudness(mix, rate) == pytest.approx(-16.0, abs=0.5)
        scores = fits(samples, mix, rate)
        assert int(np.argmax(scores)) == 0
        pitches[strength] = scores[0]
        ours, theirs = onset_envelope(mix, rate).values, onset_envelope(samples, rate).values
        envelopes[strength] = float(np.corrcoef(ours, theirs)[0, 1])
        assert 0 <= beat_error_ms(mix, rate, beat_grid(samples, rate, BPM)) < 5.0
    assert pitches[1] > pitches[0]
    assert envelopes[1] > envelopes[0] + 0.03


def test_a_repaint_with_nothing_around_it_arranges_what_was_there_anew(riff):
    samples, rate = riff
    result = rendering(samples, rate, verb="repaint", prompt="jazz", start=0.0, end=12.0, bpm=BPM)
    mix = result.tracks["mix"]
    assert "no music around the selection" in result.note
    assert int(np.argmax(fits(samples, mix, rate))) == 0
    assert loudness(mix, rate) == pytest.approx(-16.0, abs=0.5)
    assert abs(np.corrcoef(mix[0], samples[0])[0, 1]) < 0.1


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (22050, 3), (192000, 8)])
@pytest.mark.parametrize("spec", [{"verb": "lego", "track": "guitar"}, {"verb": "cover", "prompt": "house"}])
def test_any_rate_and_channel_count(riff, rate, channels, spec):
    source = resample(riff[0][:, : 2 * riff[1]], riff[1], rate)
    samples = np.ascontiguousarray(source[np.arange(channels) % 2])
    result = rendering(samples, rate, bpm=BPM, **spec)
    (new,) = result.tracks.values()
    assert new.shape == samples.shape
    assert np.isfinite(new).all()
    assert np.abs(new).max() <= 10 ** (-1 / 20) + 1e-6
    assert np.abs(new[: min(2, channels)]).max(axis=1).min() > 0.01


@pytest.mark.parametrize("frames", [1, 441, 22050])
@pytest.mark.parametrize(
    "spec", [{"verb": "lego", "track": "bass"}, {"verb": "cover", "prompt": "rock", "strength": 1}]
)
def test_crumbs_of_sources_work(frames, spec):
    noise = np.random.default_rng(1).standard_normal((2, frames)).astype(np.float32) * np.float32(0.1)
    (new,) = rendering(noise, 44100, **spec).tracks.values()
    assert new.shape == noise.shape
    assert np.isfinite(new).all()


@pytest.mark.parametrize("meter", ["3/4", "6/8", "7/8"])
def test_other_meters_work(made, meter):
    mix, _, rate = made
    new = part(mix[:, : 8 * rate], rate, "drums", meter=meter, bpm=104)
    assert np.abs(new).max() > 0.01


def test_nobody_sings():
    samples = np.zeros((1, 44100), np.float32)
    with pytest.raises(Unsupported, match=r"cannot play vocals; it can play woodwinds, .*drums$"):
        part(samples, 44100, "vocals")
    with pytest.raises(Unsupported, match="cannot play backing_vocals"):
        rendering(samples, 44100, verb="complete", tracks="drums,backing_vocals")


@pytest.mark.parametrize("spec", [{"verb": "lego", "track": "guitar"}, {"verb": "cover", "prompt": "jazz"}])
def test_progress_rises_and_a_cancel_takes_hold(made, spec):
    mix, _, rate = made
    seen = []
    rendering(mix, rate, report=lambda fraction, stage: seen.append((fraction, stage)), **spec)
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] <= 1
    assert {stage for _, stage in seen} == {Stage.PLANNING, Stage.RENDERING}
    assert len(seen) > 30

    def cancel_at(count):
        calls = iter(range(count))

        def report(*_):
            if next(calls, None) is None:
                raise Cancelled("enough")

        return report

    for count in (0, 5, len(seen) - 5):
        with pytest.raises(Cancelled):
            rendering(mix, rate, report=cancel_at(count), **spec)
