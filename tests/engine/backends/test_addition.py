from itertools import pairwise

import numpy as np
import pytest
from soundfile import SoundFile

from engine.analysis import beat_error_ms, beat_grid, chroma, onsets
from engine.audio import loudness
from engine.backends.base import MIX, PLAIN, Heard, Span, Stage
from engine.backends.draft.addition import asked_tracks
from engine.backends.draft.backend import Draft
from engine.backends.draft.compose import compose
from engine.backends.draft.fit import BELOW_MIX_LU
from engine.backends.draft.wishes import Wish, read
from engine.errors import Cancelled
from engine.spec import RenderSpec

RECORDING = "bridge/demo/audio/escape_from_chaosland.ogg"
BPM = 135.0
HOLE = (3.0, 6.5)


@pytest.fixture(scope="module")
def riff():
    with SoundFile(RECORDING) as file:
        return file.read(dtype="float32", always_2d=True).T, file.samplerate


@pytest.fixture(scope="module")
def band():
    rate = 22050
    spec = RenderSpec.parse({"verb": "generate", "prompt": "pop", "bpm": 104, "key": "G major", "length": 20})
    return compose(spec, 3, 20 * rate, rate, lambda _: None)[0], rate


def rendering(samples, rate, prompt, *, holes=(HOLE,), seed=0, report=lambda *_: None, start=0.0, **spec):
    """A repaint of what is heard from `start` seconds of a source on."""
    shown = samples.copy()
    spans = tuple(Span(round(low * rate), round((high - low) * rate)) for low, high in holes)
    for span in spans:
        shown[:, span.first : span.end] = 0
    heard = Heard(shown, rate, start, Span(0, samples.shape[1]), spans)
    values = {"verb": "repaint", "source": "/x.wav", "start": holes[0][0] + start, "end": holes[0][1] + start}
    return Draft().render(RenderSpec.parse({**values, "prompt": prompt, **spec}), heard, seed, report)


def inner(rate, hole=HOLE):
    """The hole without its cross-fades."""
    return slice(round((hole[0] + 0.06) * rate), round((hole[1] - 0.06) * rate))


def added(samples, rate, prompt, hole=HOLE, **spec):
    """What the words put on top of the same repaint without them."""
    made = rendering(samples, rate, prompt, holes=(hole,), **spec)
    return (made.tracks[MIX] - made.tracks[PLAIN])[:, inner(rate, hole)], made


def fits(context, new, rate):
    """Mean correlation of the chroma of two pieces of audio, the second one transposed by 0 to 11 semitones."""
    first, second = (
        values - values.mean(axis=1, keepdims=True) for values in (chroma(x, rate)[0] for x in (context, new))
    )
    first, second = (x / np.maximum(1e-9, np.linalg.norm(x, axis=1, keepdims=True)) for x in (first, second))
    return [float((first * np.roll(second, shift, axis=1)).sum(axis=1).mean()) for shift in range(12)]


@pytest.mark.parametrize(
    ("prompt", "tracks", "wishes"),
    [
        ("add guitar", ("guitar",), ()),
        ("Add strings, drums and a bass line.", ("strings", "drums", "bass"), ()),
        ("bring in strings on top, keep the drums", ("strings",), ()),
        ("added warm pads", ("synth",), ()),
        ("no drums, add an organ to the bass", ("keyboard",), (Wish.NO_DRUMS,)),
        ("add just a piano", ("keyboard",), ()),
        ("add drums only", ("drums",), ()),
        ("drums only, add flute", ("woodwinds",), (Wish.DRUMS_ONLY,)),
        ("add a drum fill and a riser", (), (Wish.FILL, Wish.RISER)),
        ("add blues guitar, no bass", ("guitar",), (Wish.NO_BASS,)),
        ("don't add drums", (), ()),
        ("without adding strings", (), ()),
        ("warm, with guitar; in addition brass", (), ()),
        ("", (), ()),
    ],
)
def test_what_words_ask_to_add(prompt, tracks, wishes):
    assert asked_tracks(prompt) == tracks
    assert read(prompt) == wishes


@pytest.mark.parametrize("prompt", ["with guitar and strings", "don't add drums"])
def test_other_words_change_nothing(riff, prompt):
    plain, other = (rendering(*riff, words, bpm=BPM) for words in ("", prompt))
    assert set(other.tracks) == {MIX}
    assert other.tracks[MIX].tobytes() == plain.tracks[MIX].tobytes()
    assert other.note == ""


def assert_in_key_under_the_mix(samples, rate, prompt, track, hole, **known):
    new, made = added(samples, rate, f"add {prompt}", hole, **known)
    assert made.note == f"followed: add {track}"
    music = made.tracks[PLAIN][:, inner(rate, hole)]
    scores = fits(music, new, rate)
    assert int(np.argmax(scores)) == 0
    assert scores[0] > np.mean(scores[1:]) + 0.4
    # Set by the hole and a second around it, measured in the hole.
    assert loudness(music, rate) - loudness(new, rate) == pytest.approx(BELOW_MIX_LU[track], abs=1.5)


@pytest.mark.parametrize(("prompt", "track"), [("guitar", "guitar"), ("a bass line", "bass")])
def test_a_part_is_in_the_key_of_the_recording(riff, prompt, track):
    assert_in_key_under_the_mix(*riff, prompt, track, HOLE, bpm=BPM)


@pytest.mark.parametrize("prompt", ["guitar", "strings", "brass"])
@pytest.mark.parametrize("known", [{"bpm": 104}, {}])
def test_a_part_is_in_the_key_of_a_band(band, prompt, known):
    assert_in_key_under_the_mix(*band, prompt, prompt, (8.0, 12.0), **known)


def test_what_is_added_to_is_the_same_repaint(riff):
    plain, made = (rendering(*riff, words, bpm=BPM) for words in ("", "add piano"))
    assert made.tracks[PLAIN].tobytes() == plain.tracks[MIX].tobytes()


@pytest.mark.parametrize("known", [{"bpm": BPM}, {}])
def test_drums_are_on_the_grid(riff, known):
    samples, rate = riff
    new, made = added(samples, rate, "add drums", **known)
    assert made.note == "followed: add drums"
    grid = beat_grid(samples, rate, BPM) - inner(rate).start
    assert len(onsets(new, rate)[0]) >= 8
    assert 0 <= beat_error_ms(new, rate, grid[(grid > -rate) & (grid < new.shape[1] + rate)]) < 5.0


def test_chords_are_on_the_grid(riff):
    samples, rate = riff
    new, _ = added(samples, rate, "add piano", bpm=BPM)
    grid = beat_grid(samples, rate, BPM) - inner(rate).start
    assert 0 <= beat_error_ms(new, rate, grid[(grid > -rate) & (grid < new.shape[1] + rate)]) < 5.0


def test_new_drums_for_old_ones(riff):
    """Leaving out comes first, so that the new drums stay."""
    without, both = (rendering(*riff, words, bpm=BPM) for words in ("no drums", "no drums, add drums"))
    assert both.note == "followed: no drums, add drums"
    place = inner(riff[1])
    new = both.tracks[MIX][:, place] - without.tracks[MIX][:, place]
    assert loudness(without.tracks[PLAIN][:, place], riff[1]) - loudness(new, riff[1]) < BELOW_MIX_LU["drums"] + 1.5


def test_quieter_and_stop_hold_for_what_is_added(riff):
    samples, rate = riff
    made = rendering(samples, rate, "add organ, stop", bpm=BPM)
    assert made.note == "followed: stop, add keyboard"
    quiet = slice(round((HOLE[1] - 0.2) * rate), round(HOLE[1] * rate))
    assert np.abs(made.tracks[MIX][:, quiet]).max() == 0


def test_a_window_that_begins_later_has_its_bars_where_the_project_has(riff):
    samples, rate = riff
    beat = 60 / BPM
    # A window two and a half beats into the source, whose bars the project counts from the source's start.
    cut = samples[:, round(2.5 * beat * rate) :]
    (later, _), (mapped, _) = (
        added(cut, rate, "add drums", start=2.5 * beat, bpm=BPM, **where)
        for where in ({"position": 0.0}, {"tempo_map": [[0, BPM, 4, 4]]})
    )
    grid = (np.arange(-2, 40) - 0.5) * beat * rate - inner(rate).start
    for new in (later, mapped):
        assert 0 <= beat_error_ms(new, rate, grid[(grid > -rate) & (grid < new.shape[1] + rate)]) < 5.0


def test_loud_music_is_not_clipped_by_what_is_added(riff):
    samples, rate = riff
    loud = samples / np.abs(samples).max() * np.float32(0.97)
    made = rendering(loud, rate, "add drums, louder", bpm=BPM)
    assert made.note == "followed: louder, add drums"
    assert np.abs(made.tracks[MIX]).max() <= 0.98
    assert np.abs(made.tracks[MIX]).max() > 0.9


def test_a_continuation_and_two_places_at_once(riff):
    samples, rate = riff
    holes = ((1.8, 3.6), (5.3, 7.1))
    made = rendering(samples, rate, "add strings", holes=holes, bpm=BPM)
    for hole in holes:
        assert np.abs((made.tracks[MIX] - made.tracks[PLAIN])[:, inner(rate, hole)]).max() > 0.01
    between = slice(round(3.7 * rate), round(5.2 * rate))
    assert not np.any(made.tracks[MIX][:, between] - made.tracks[PLAIN][:, between])
    longer = np.pad(samples, ((0, 0), (0, 4 * rate)))
    end = samples.shape[1] / rate
    heard = Heard(longer, rate, 0.0, Span(0, samples.shape[1]), (Span(samples.shape[1], 4 * rate),))
    spec = {"verb": "continue", "source": "/x.wav", "start": end, "end": end + 4, "bpm": BPM, "prompt": "add bass"}
    more = Draft().render(RenderSpec.parse(spec), heard, 0, lambda *_: None)
    assert more.note == "followed: add bass"
    place = slice(samples.shape[1] + 3000, None)
    scores = fits(more.tracks[PLAIN][:, place], (more.tracks[MIX] - more.tracks[PLAIN])[:, place], rate)
    assert int(np.argmax(scores)) == 0


def test_a_part_that_hears_no_chords_says_so():
    rng, rate = np.random.default_rng(5), 22050
    hits = (rng.standard_normal((1, 8 * rate)) * (np.arange(8 * rate) % (rate // 2) < 1500) * 0.2).astype(np.float32)
    made = rendering(hits, rate, "add bass", bpm=120, key="D minor")
    assert made.note.startswith("followed: add bass; no clear chords")
    assert "D minor" in made.note


def test_silence_stays_silent_and_is_not_told():
    made = rendering(np.zeros((2, 8 * 22050), np.float32), 22050, "add guitar", bpm=120)
    assert not made.tracks[MIX].any()
    assert "followed" not in made.note


def test_seeds_repeat_and_progress_rises(riff):
    seen = []
    one, other = (
        rendering(*riff, "add piano", seed=3, bpm=BPM, report=lambda fraction, stage: seen.append((fraction, stage)))
        for _ in range(2)
    )
    assert one.tracks[MIX].tobytes() == other.tracks[MIX].tobytes()
    half = len(seen) // 2
    assert all(first[0] <= after[0] + 1e-9 for first, after in pairwise(seen[:half]))
    assert {stage for _, stage in seen} == {Stage.RENDERING}

    def cancel(fraction, _):
        if fraction > 0.6:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        rendering(*riff, "add piano", bpm=BPM, report=cancel)
