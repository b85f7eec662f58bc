import sys

import numpy as np
import pytest

from engine.backends.base import MIX, PLAIN, Heard, Span, Stage
from engine.backends.draft.backend import Draft
from engine.backends.draft.compose import compose
from engine.backends.draft.riser import riser
from engine.backends.draft.wishes import Wish, read
from engine.placement import Part, place
from engine.spec import RenderSpec

RATE = 44100
BPM = 120.0
BEAT = RATE // 2
HOLE = (8 * BEAT, 24 * BEAT)
"""Four bars of ten."""


def report(fraction, stage):
    assert 0 <= fraction <= 1
    assert stage is Stage.RENDERING


@pytest.fixture(scope="module")
def parts():
    """Ten bars of drums (a kick on the beats, a snare on 2 and 4, hats on the eighths), bass and organ, mono."""
    rng = np.random.default_rng(0)
    frames = 40 * BEAT
    time = np.arange(frames) / RATE
    drums = np.zeros(frames)
    ring = np.arange(BEAT) / RATE
    for eighth in range(80):
        first = eighth * BEAT // 2
        hit = 0.15 * rng.standard_normal(BEAT) * np.exp(-60 * ring)
        if eighth % 2 == 0:
            hit += 0.7 * np.sin(2 * np.pi * 55 * ring) * np.exp(-25 * ring)
        if eighth % 4 == 2:
            hit += 0.4 * rng.standard_normal(BEAT) * np.exp(-30 * ring)
        room = min(BEAT, frames - first)
        drums[first : first + room] += hit[:room]
    bass = 0.3 * np.sin(2 * np.pi * 82.4 * time)
    organ = sum(0.08 * np.sin(2 * np.pi * hertz * time) for hertz in (330, 415, 494, 660, 831))
    return {
        "drums": drums.astype(np.float32)[None],
        "bass": bass.astype(np.float32)[None],
        "organ": organ.astype(np.float32)[None],
    }


@pytest.fixture(scope="module")
def song(parts):
    return sum(parts.values())


def rendered(song, prompt, hole=HOLE, seed=0):
    samples = song.copy()
    samples[:, slice(*hole)] = 0
    heard = Heard(samples, RATE, 0.0, Span(0, song.shape[1]), (Span(hole[0], hole[1] - hole[0]),))
    values = {"verb": "repaint", "source": "/x.wav", "start": hole[0] / RATE, "end": hole[1] / RATE, "bpm": BPM}
    return heard, Draft().render(RenderSpec.parse({**values, "prompt": prompt}), heard, seed, report)


def clip(song, prompt, hole=HOLE, seed=0):
    """As a user gets it."""
    heard, rendering = rendered(song, prompt, hole, seed)
    old = Heard(song, RATE, 0.0, heard.source, heard.spans)
    part = Part(heard.spans[0], heard.spans[0])
    return place(
        old, rendering.tracks[MIX], part, crossfade=1323, handles=0, plain=rendering.tracks.get(PLAIN)
    ), rendering.note


def band_db(samples, low, high):
    spectrum = np.abs(np.fft.rfft(samples[0])) ** 2
    hertz = np.fft.rfftfreq(samples.shape[1], 1 / RATE)
    return 10 * np.log10(spectrum[(hertz >= low) & (hertz < high)].sum() + 1e-12)


def rms_db(samples):
    return 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-20)


def centroid(samples):
    spectrum = np.abs(np.fft.rfft(samples[0]))
    return float((np.fft.rfftfreq(samples.shape[1], 1 / RATE) * spectrum).sum() / spectrum.sum())


@pytest.mark.parametrize(
    ("prompt", "wishes"),
    [
        ("no drums please", (Wish.NO_DRUMS,)),
        ("without drums or bass", (Wish.NO_DRUMS, Wish.NO_BASS)),
        ("drumless, a riser", (Wish.NO_DRUMS, Wish.RISER)),
        ("Only the drums, half-time", (Wish.DRUMS_ONLY, Wish.HALF_TIME)),
        ("no fill, no stops", ()),
        ("fill the gap with something warm", ()),
        ("drum fill, then stop, quieter", (Wish.FILL, Wish.QUIETER, Wish.STOP)),
        ("louder and then quieter", (Wish.LOUDER,)),
        ("breakbeat, bassline, drum and bass", ()),
        ("warm analogue jazz", ()),
        ("", ()),
    ],
)
def test_what_words_ask_for(prompt, wishes):
    assert read(prompt) == wishes


def test_unknown_words_change_nothing(song):
    _, plain = rendered(song, "")
    _, other = rendered(song, "warm analogue jazz")
    assert other.tracks[MIX].tobytes() == plain.tracks[MIX].tobytes()
    assert set(other.tracks) == {MIX}
    assert other.note == plain.note == ""


def test_the_same_wish_and_seed_give_the_same_samples(song):
    one, other = (rendered(song, "fill, riser", seed=3)[1].tracks[MIX] for _ in range(2))
    assert one.tobytes() == other.tobytes()


def test_no_drums(song):
    (with_them, _), (without, note) = clip(song, ""), clip(song, "no drums")
    assert note == "followed: no drums"
    # Above the organ only drums sound; on the organ's own notes little changes.
    assert band_db(without, 2000, 10_000) < band_db(with_them, 2000, 10_000) - 10
    assert abs(band_db(without, 300, 850) - band_db(with_them, 300, 850)) < 3
    assert abs(band_db(without, 78, 88) - band_db(with_them, 78, 88)) < 3


def test_the_trained_net_leaves_less_of_the_drums(monkeypatch):
    """A loop of eight seconds, so that the hole is filled with what was there, of which the parts are known."""
    pytest.importorskip("onnxruntime")
    rate = 22050
    spec = RenderSpec.parse(
        {"verb": "generate", "prompt": "house", "bpm": BPM, "key": "A minor", "length": 8, "loop": True}
    )
    mix, stems, _ = compose(spec, 2, 8 * rate, rate, lambda _: None)
    first, end = 16 * rate, 20 * rate
    samples = np.tile(mix, 4)
    samples[:, first:end] = 0
    heard = Heard(samples, rate, 0.0, Span(0, 32 * rate), (Span(first, end - first),))
    values = {"verb": "repaint", "source": "/x.wav", "start": 16, "end": 20, "bpm": BPM, "prompt": "no drums"}
    inside = slice(first + 600, end - 600)
    truth = np.tile(mix - stems["drums"], 4)[:, inside]

    def sdr():
        rendering = Draft().render(RenderSpec.parse(values), heard, 0, report)
        wrong = rendering.tracks[MIX][:, inside] - truth
        return 10 * np.log10(np.sum(truth**2) / np.sum(wrong**2)), rendering.note

    with_net, note = sdr()
    assert note == "followed: no drums"
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    without, note = sdr()
    assert "onnxruntime" in note
    assert note.endswith("; followed: no drums")
    assert with_net > without + 1.5


def test_drums_only(song):
    (mixed, _), (alone, note) = clip(song, ""), clip(song, "drums only")
    assert note == "followed: drums only"
    inside = (slice(None), slice(2000, -2000))
    for hertz in (330, 494, 831):
        assert band_db(alone[inside], hertz - 4, hertz + 4) < band_db(mixed[inside], hertz - 4, hertz + 4) - 10
    assert abs(band_db(alone, 2000, 10_000) - band_db(mixed, 2000, 10_000)) < 2


def test_no_bass(song):
    (mixed, _), (without, note) = clip(song, ""), clip(song, "no bass")
    assert note == "followed: no bass"
    inside = (slice(None), slice(2000, -2000))
    assert band_db(without[inside], 80, 85) < band_db(mixed[inside], 80, 85) - 10
    assert abs(band_db(without, 300, 850) - band_db(mixed, 300, 850)) < 1.5


@pytest.mark.parametrize(("prompt", "change"), [("quieter", -6.02), ("louder", 6.02)])
def test_levels_stay_changed_after_the_seams_are_matched(song, prompt, change):
    (plain, _), (made, note) = clip(0.4 * song, ""), clip(0.4 * song, prompt)
    assert note == f"followed: {prompt}"
    assert rms_db(made[:, 4000:-4000]) - rms_db(plain[:, 4000:-4000]) == pytest.approx(change, abs=0.3)
    # The seam's first frame is the song's own.
    assert made[0, 0] == pytest.approx(0.4 * song[0, HOLE[0]], abs=1e-6)


def snares(samples, at):
    """Level of the snare's band in the 60 ms after each beat's time, in beats."""
    return [band_db(samples[:, round(place * BEAT) : round(place * BEAT) + 2646], 3000, 10_000) for place in at]


def test_half_time_plays_the_drums_on_a_grid_twice_as_wide(song):
    made, note = clip(song, "half time")
    assert note == "followed: half time"
    # The snares of beats 2 and 4 come on 3 and on the next bar's 3; the organ goes on.
    assert min(snares(made, (2, 6, 10))) > max(snares(made, (1, 3, 5, 7))) + 3
    assert abs(band_db(made, 320, 340) - band_db(clip(song, "")[0], 320, 340)) < 2


def test_double_time_plays_twice_the_snares(song):
    made, note = clip(song, "double time")
    assert note == "followed: double time"
    plain, _ = clip(song, "")
    off = (0.5, 1.5, 2.5, 3.5, 4.5)
    assert min(snares(made, off)) > max(snares(plain, off)) + 3


def test_a_fill_in_the_last_bar_is_of_the_seed(song):
    (plain, _), (one, note), (other, _) = clip(song, ""), clip(song, "drum fill"), clip(song, "drum fill", seed=1)
    assert note == "followed: fill"
    early, late = slice(2000, 11 * BEAT), slice(12 * BEAT, 16 * BEAT - 1323)
    assert rms_db(one[:, early] - plain[:, early]) < rms_db(plain[:, early]) - 20
    assert rms_db(one[:, late] - plain[:, late]) > rms_db(plain[:, late]) - 9
    assert abs(rms_db(one[:, late]) - rms_db(plain[:, late])) < 4
    assert rms_db(one[:, late] - other[:, late]) > rms_db(plain[:, late]) - 12


def test_a_riser_climbs_into_the_end(song):
    (plain, _), (made, note) = clip(song, ""), clip(song, "riser")
    assert note == "followed: riser"
    added = made - plain
    quarters = [added[:, at * 4 * BEAT : (at + 1) * 4 * BEAT - 1323] for at in range(4)]
    levels, centres = [rms_db(part) for part in quarters], [centroid(part) for part in quarters]
    assert np.all(np.diff(levels) > 4)
    assert np.all(np.diff(centres) > 300)
    assert abs(levels[3] - rms_db(plain)) < 6


@pytest.mark.parametrize("rate", [8000, 192_000])
def test_a_riser_at_any_rate_is_level(rate):
    made = riser(2, rate, rate, (0, 0))
    assert made.shape == (2, rate)
    assert rms_db(made[:, -rate // 5 :]) == pytest.approx(-2, abs=2.5)
    assert rms_db(made[:, : rate // 5]) < -20


def test_a_stop_is_silent_on_the_last_beat(song):
    made, note = clip(song, "stop")
    assert note == "followed: stop"
    gap = made[:, 15 * BEAT + 400 : 16 * BEAT - 1400]
    assert np.abs(gap).max() == 0
    assert rms_db(made[:, 14 * BEAT : 15 * BEAT - 2000]) > -25
    # It comes back without a click: the cross-fade is the song's own.
    assert np.abs(np.diff(made[0, -1400:], 2)).max() < 2 * np.abs(np.diff(song[0], 2)).max()


def test_a_wish_without_room_is_not_told(song):
    _, rendering = rendered(song, "half time, quieter", (20 * BEAT, 21 * BEAT))
    assert rendering.note == "followed: quieter"


def test_a_continuation_has_wishes_too(song):
    samples = np.pad(song, ((0, 0), (0, 8 * BEAT)))
    heard = Heard(samples, RATE, 0.0, Span(0, song.shape[1]), (Span(song.shape[1], 8 * BEAT),))
    values = {"verb": "continue", "source": "/x.wav", "start": 20.0, "end": 24.0, "bpm": BPM, "prompt": "stop"}
    rendering = Draft().render(RenderSpec.parse(values), heard, 0, report)
    assert rendering.note == "followed: stop"
    assert np.abs(rendering.tracks[MIX][:, -BEAT + 1000 :]).max() == 0
