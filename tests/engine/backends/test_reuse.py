from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.backends.base import Heard, Span, Stage
from engine.backends.draft.reuse import fill, texture_fill
from engine.errors import Cancelled
from engine.spec import RenderSpec

BPM = 120.0


def quiet(fraction, stage):
    assert 0 <= fraction <= 1
    assert stage is Stage.RENDERING


def spec(**values):
    return RenderSpec.parse({"verb": "repaint", "source": "/source.wav", "start": 0, "end": 1, "bpm": BPM, **values})


def song(rate, bars=8, channels=1, noise_seed=0):
    """Two-bar loop at 120 bpm: drums, a bass line and a chord that change from beat to beat; period 4 s exactly."""
    rng = np.random.default_rng(noise_seed)
    beat = rate // 2
    time = np.arange(beat) / rate
    phrase = []
    for count, semitone in enumerate((0, 0, 3, 5, 7, 5, 3, -2)):
        hertz = 110 * 2 ** (semitone / 12)
        tone = sum(np.sin(2 * np.pi * hertz * k * time) / k for k in (1, 2, 3, 5)) * np.exp(-2 * time)
        hit = rng.standard_normal(beat) * np.exp(-(20 if count % 2 else 60) * time)
        phrase.append(0.2 * tone + 0.2 * hit)
    whole = np.tile(np.concatenate(phrase), bars // 2)
    gains = 1 - 0.1 * np.arange(channels)
    return np.outer(gains, whole).astype(np.float32)


def heard_with(samples, rate, holes, source=None, start=0.0):
    spans = tuple(Span(first, end - first) for first, end in holes)
    return Heard(samples, rate, start, source or Span(0, samples.shape[1]), spans)


def blanked(samples, holes, value=0.0):
    made = samples.copy()
    for first, end in holes:
        made[:, first:end] = value
    return made


def filled(heard, seed=0, **values):
    rendering = fill(heard, spec(**values), seed, quiet)
    assert rendering is not None
    return rendering.tracks["mix"]


def alike(one, other):
    return float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum()))


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000, 192000])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_periodic_music_comes_back(rate, channels):
    samples = song(rate, 8, channels)
    hole = (round(6.13 * rate), round(8.71 * rate))
    heard = heard_with(blanked(samples, [hole]), rate, [hole])
    result = filled(heard)
    assert result.shape == samples.shape
    assert result.dtype == np.float32
    for channel in range(channels):
        assert alike(result[channel, slice(*hole)], samples[channel, slice(*hole)]) > 0.95


@pytest.mark.parametrize(("first", "end"), [(4.0, 6.0), (5.337, 7.911), (3.9999, 4.6001), (5.2, 12.4)])
def test_spans_begin_anywhere(first, end):
    rate = 44100
    samples = song(rate, 8)
    hole = (round(first * rate), round(end * rate))
    result = filled(heard_with(blanked(samples, [hole]), rate, [hole]))
    assert alike(result[0, slice(*hole)], samples[0, slice(*hole)]) > 0.95


def test_what_followed_most_often_follows_again():
    rate = 44100
    rng = np.random.default_rng(7)
    time = np.arange(rate // 2) / rate

    def bar():
        beats = []
        for semitone in rng.integers(0, 12, 4):
            hertz = 110 * 2 ** (semitone / 12)
            tone = sum(np.sin(2 * np.pi * hertz * k * time) / k for k in (1, 2, 3, 5)) * np.exp(-2 * time)
            beats.append(0.2 * tone + 0.2 * rng.standard_normal(len(time)) * np.exp(-40 * time))
        return np.concatenate(beats)

    before, usual, exception, after, last = (bar() for _ in range(5))
    often = [before, usual, after, last]
    form = [*often, *often, before, exception, after, last, *often]
    samples = np.concatenate(form)[None].astype(np.float32)
    hole = (26 * rate, 28 * rate)
    # The surroundings of all three are the same, and the exception is the nearest.
    result = filled(heard_with(blanked(samples, [hole]), rate, [hole]))[0, slice(*hole)]
    assert alike(result, usual) > 0.95
    assert alike(result, exception) < 0.5


def test_the_tempo_need_not_be_told():
    rate = 44100
    samples = song(rate, 12)
    hole = (9 * rate, 12 * rate)
    result = filled(heard_with(blanked(samples, [hole]), rate, [hole]), bpm=None)
    assert alike(result[0, slice(*hole)], samples[0, slice(*hole)]) > 0.95


def test_a_tempo_map_counts_from_the_sources_start():
    rate = 44100
    samples = song(rate, 8)
    hole = (6 * rate, 8 * rate)
    heard = heard_with(blanked(samples, [hole]), rate, [hole], start=30.0)
    result = filled(heard, bpm=None, tempo_map=((30.0, BPM, 4, 4),))
    assert alike(result[0, slice(*hole)], samples[0, slice(*hole)]) > 0.95


def test_several_holes_are_filled_and_none_copies_from_another():
    rate = 44100
    samples = song(rate, 10)
    holes = [(round(at * rate), round(to * rate)) for at, to in ((4.1, 5.3), (7.0, 9.5), (13.2, 13.21))]
    result = filled(heard_with(blanked(samples, holes), rate, holes))
    for hole in holes:
        assert alike(result[0, slice(*hole)], samples[0, slice(*hole)]) > 0.9


@pytest.mark.parametrize("seconds", [0.01, 0.2, 2.0])
def test_what_the_hole_held_has_no_influence(seconds):
    rate = 44100
    samples = song(rate, 8, 2)
    hole = (6 * rate, 6 * rate + round(seconds * rate))
    results = [
        filled(heard_with(made, rate, [hole]))
        for made in (samples, blanked(samples, [hole]), blanked(samples, [hole], 0.9))
    ]
    assert results[0].tobytes() == results[1].tobytes() == results[2].tobytes()
    assert results[0][:, slice(*hole)].any()


@pytest.mark.parametrize("seconds", [0.01, 3.0])
def test_same_seed_same_samples_and_other_seeds_others(seconds):
    rate = 44100
    # Each pass of the loop is played with other noise: no two places are the same.
    samples = np.concatenate([song(rate, 2, noise_seed=number) for number in range(8)], axis=1)
    hole = (13 * rate, 13 * rate + round(seconds * rate))
    heard = heard_with(blanked(samples, [hole]), rate, [hole])
    results = [filled(heard, seed).tobytes() for seed in range(6)]
    assert filled(heard, 3).tobytes() == results[3]
    assert len(set(results)) >= 4
    assert len({filled(heard, seed, strength=0.0).tobytes() for seed in range(4)}) == 1


def test_neighbouring_seeds_give_takes_that_can_be_told_apart():
    recording = Path(__file__).parents[3] / "bridge" / "demo" / "audio" / "escape_from_chaosland.ogg"
    samples, rate = soundfile.read(recording, dtype="float32", always_2d=True)
    hole = (3 * rate, 6 * rate)
    heard = heard_with(blanked(samples.T, [hole]), rate, [hole])
    takes = [filled(heard, seed, bpm=135.0)[:, slice(*hole)] for seed in (8, 9, 10)]
    assert max(abs(alike(one, other)) for one, other in combinations(takes, 2)) < 0.8


@pytest.mark.parametrize(("before", "after"), [(0.0, 4.0), (4.0, 0.0), (1.3, 5.9), (0.0, 25.0)])
def test_continuation_keeps_the_pulse(before, after):
    rate = 44100
    source = song(rate, 8)
    samples = np.pad(source, ((0, 0), (round(before * rate), round(after * rate))))
    inside = Span(round(before * rate), source.shape[1])
    holes = [hole for hole in ((0, inside.first), (inside.end, samples.shape[1])) if hole[0] < hole[1]]
    result = filled(heard_with(samples, rate, holes, inside, start=-before))
    # The loop goes on and on: two bars are four seconds.
    place = np.arange(samples.shape[1]) - inside.first
    truth = source[:, place % (4 * rate)]
    beat = rate // 2
    for first, end in holes:
        grid = range(first + (inside.first - first) % beat, end - beat, beat)
        scores = [alike(result[:, at : at + beat], truth[:, at : at + beat]) for at in grid]
        assert np.median(scores) > 0.95
    assert np.abs(result).max() < 1.5 * np.abs(source).max()


def test_joins_do_not_click():
    rate = 44100
    samples = np.concatenate([song(rate, 2, noise_seed=number) for number in range(8)], axis=1)
    hole = (13 * rate, 21 * rate)
    result = filled(heard_with(blanked(samples, [hole]), rate, [hole]), seed=1)
    steps = np.abs(np.diff(result[0, slice(*hole)], 2)).max()
    assert steps < 1.3 * np.abs(np.diff(samples[0], 2)).max()


@pytest.mark.parametrize("seconds", [0.01, 0.1, 3.0])
def test_silence_around_gives_silence(seconds):
    rate = 44100
    samples = np.zeros((2, 12 * rate), np.float32)
    hole = (5 * rate, 5 * rate + round(seconds * rate))
    heard = heard_with(blanked(samples, [hole], 0.5), rate, [hole])
    rendering = fill(heard, spec(), 0, quiet)
    assert not rendering.tracks["mix"].any()
    assert "silent" in rendering.note


def test_a_hole_at_either_end_of_the_window_is_filled_from_little_source():
    """A margin is rendered around a hole, for which the window has no room there."""
    rate = 44100
    samples = song(rate, 8)[:, : 5 * rate]
    for hole in ((0, 2 * rate), (3 * rate, 5 * rate)):
        heard = heard_with(blanked(samples, [hole]), rate, [hole])
        filled_in = texture_fill(heard, spec(), 1, quiet).tracks["mix"][:, hole[0] : hole[1]]
        assert filled_in.std() > 0.5 * samples.std()


def test_too_little_music_is_left_to_the_last_resort():
    rate = 44100
    samples = song(rate, 8)
    short = samples[:, : 5 * rate]
    # Two bars of 120 bpm are four seconds; three are left.
    assert fill(heard_with(short, rate, [(2 * rate, 4 * rate)]), spec(), 0, quiet) is None
    assert fill(heard_with(samples[:, : rate // 2], rate, [(0, 441)]), spec(bpm=300), 0, quiet) is None


@pytest.mark.parametrize("rate", [8000, 44100, 192000])
def test_ten_milliseconds_in_a_tone_come_back(rate):
    time = np.arange(round(0.3 * rate)) / rate
    samples = np.stack([np.sin(2 * np.pi * 330 * time), 0.5 * np.cos(2 * np.pi * 330 * time)]).astype(np.float32)
    hole = (round(0.14 * rate), round(0.15 * rate))
    heard = heard_with(blanked(samples, [hole]), rate, [hole])
    assert fill(heard, spec(), 0, quiet) is None
    rendering = texture_fill(heard, spec(), 0, quiet)
    assert rendering.note
    assert alike(rendering.tracks["mix"][:, slice(*hole)], samples[:, slice(*hole)]) > 0.98


@pytest.mark.parametrize(
    ("source", "before", "after"), [(0.9, 0.0, 12.0), (0.9, 3.0, 3.0), (0.012, 0.0, 0.5), (2.5, 0.0, 9.0)]
)
def test_little_source_goes_a_long_way_at_its_own_level(source, before, after):
    rate = 48000
    little = song(rate, 2)[:, : round(source * rate)]
    samples = np.pad(little, ((0, 0), (round(before * rate), round(after * rate))))
    inside = Span(round(before * rate), little.shape[1])
    holes = [hole for hole in ((0, inside.first), (inside.end, samples.shape[1])) if hole[0] < hole[1]]
    heard = heard_with(samples, rate, holes, inside)
    result = texture_fill(heard, spec(), 5, quiet).tracks["mix"]
    assert result.tobytes() == texture_fill(heard, spec(), 5, quiet).tracks["mix"].tobytes()
    for first, end in holes:
        level = 20 * np.log10(np.sqrt(np.mean(result[:, first:end] ** 2)) / np.sqrt(np.mean(little**2)))
        assert abs(level) < 6
        longest = np.diff(np.flatnonzero(np.abs(result[0, first:end]) > 1e-5)).max()
        assert longest < 0.02 * rate


@pytest.mark.parametrize("source", [0, 1, 2])
def test_next_to_no_source_ends_well(source):
    samples = np.full((1, 4800 + source), 0.25, np.float32)
    heard = heard_with(samples, 48000, [(source, 4800 + source)], Span(0, source))
    result = texture_fill(heard, spec(), 0, quiet).tracks["mix"]
    assert result.shape == samples.shape
    assert np.isfinite(result).all()


def test_a_cancel_gets_through():
    rate = 44100
    hole = (6 * rate, 8 * rate)
    calls = []

    def cancel(fraction, stage):
        calls.append(fraction)
        if len(calls) == 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        fill(heard_with(song(rate, 8), rate, [hole]), spec(), 0, cancel)
    assert len(calls) == 5


@pytest.mark.parametrize("values", [{"bpm": 30.0, "meter": "2/4"}, {"bpm": 300.0}, {"meter": "7/8"}, {"meter": "3/4"}])
def test_any_tempo_and_meter_gives_sound(values):
    rate = 22050
    samples = song(rate, 16)
    hole = (round(11.3 * rate), round(17.9 * rate))
    result = filled(heard_with(blanked(samples, [hole]), rate, [hole]), **values)
    level = np.mean(result[:, slice(*hole)] ** 2) / np.mean(samples**2)
    assert -3 < 10 * np.log10(level) < 3
