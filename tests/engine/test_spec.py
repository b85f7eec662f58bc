import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidSpec
from engine.spec import RenderSpec, Verb

SOURCE = "/music/song.wav"
LEGAL = {
    Verb.GENERATE: {"prompt": "house", "length": 8.0},
    Verb.CONTINUE: {"source": SOURCE, "start": 4.0, "end": 8.0},
    Verb.REPAINT: {"source": SOURCE, "start": 4.0, "end": 8.0},
    Verb.COVER: {"source": SOURCE, "prompt": "jazz"},
    Verb.EXTRACT: {"source": SOURCE, "tracks": "drums,bass"},
    Verb.LEGO: {"source": SOURCE, "track": "guitar"},
    Verb.COMPLETE: {"source": SOURCE, "tracks": "drums,bass"},
    Verb.UNDERSTAND: {"source": SOURCE},
}


def refusal(**values):
    with pytest.raises(InvalidSpec) as caught:
        RenderSpec.parse(values)
    assert caught.value.code == "invalid"
    return str(caught.value)


@pytest.mark.parametrize("verb", Verb)
def test_every_verb_takes_what_it_needs_and_nothing_less(verb):
    assert RenderSpec.parse({"verb": verb, **LEGAL[verb]}).verb is verb
    for key in LEGAL[verb]:
        fewer = {name: value for name, value in LEGAL[verb].items() if name != key}
        assert key in refusal(verb=verb, **fewer)


@pytest.mark.parametrize(
    ("key", "value", "legal"),
    [
        ("bpm", 29.9, "30 to 300"),
        ("bpm", 301, "30 to 300"),
        ("bpm", "120", "a number"),
        ("bpm", True, "a number"),
        ("bpm", math.nan, "a finite number"),
        ("bpm", math.inf, "a finite number"),
        ("takes", 0, "1 to 8"),
        ("takes", 9, "1 to 8"),
        ("takes", 1.5, "a whole number"),
        ("seed", -2, "-1 to 4294967295"),
        ("strength", 1.01, "0 to 1"),
        ("crossfade", -0.1, "0 to 5"),
        ("handles", 11, "0 to 10"),
        ("sample_rate", 7999, "8000 to 384000"),
        ("format", "mp3", "one of wav32f, wav24 or flac"),
        ("meter", "5", "a meter such as 4/4"),
        ("meter", "4/3", "a meter such as 4/4"),
        ("key", "H minor", "a key such as C minor"),
        ("prompt", 5, "text"),
        ("prompt", "x" * 4097, "at most 4096 characters"),
        ("cookie", "x" * 1025, "at most 1024 characters"),
        ("loop", "yes", "true or false"),
        ("source", "song.wav", "an absolute path"),
        ("source", "/a\0b", "an absolute path"),
        ("directory", "", "an absolute path"),
        ("name", "../up", "a file name"),
        ("name", "a\\b", "a file name"),
        ("name", ".hidden", "a file name"),
        ("ranges", "4-", "seconds as in 4.0-6.0,10.5-12.0"),
        ("tempo_map", "{", "a JSON list"),
        ("tempo_map", "[[0, 400, 4, 4]]", "at most 300"),
    ],
)
def test_a_refusal_names_the_key_the_legal_range_and_what_came(key, value, legal):
    message = refusal(verb="repaint", **{**LEGAL[Verb.REPAINT], key: value})
    assert message.startswith(f"{key}: must be ")
    assert legal in message
    assert message.endswith(" came")


def test_an_unknown_key_is_refused_with_those_that_exist():
    message = refusal(verb="generate", tempo=120, **LEGAL[Verb.GENERATE])
    assert message.startswith("tempo: no such key")
    assert "bpm" in message


@pytest.mark.parametrize(("start", "end"), [(4, 4), (4, 3), (0, 0.009), (0, 600.1), (-700000, 1), (0, 1e9)])
def test_selections_out_of_bounds(start, end):
    assert "end" in refusal(verb="repaint", source=SOURCE, start=start, end=end) or "start" in refusal(
        verb="repaint", source=SOURCE, start=start, end=end
    )


def test_ranges_are_sorted_and_must_not_overlap():
    spec = RenderSpec.parse({"verb": "repaint", "source": SOURCE, "ranges": "10.5-12.0,-4.5--1.25,4-6"})
    assert spec.selections == ((-4.5, -1.25), (4.0, 6.0), (10.5, 12.0))
    assert "overlap" in refusal(verb="repaint", source=SOURCE, ranges="4-6,5-7")
    assert "give one of them" in refusal(verb="repaint", source=SOURCE, ranges="4-6", start=1.0, end=2.0)


@given(st.integers(1, 64), st.floats(60, 200), st.sampled_from([(4, 4), (3, 4), (6, 8), (7, 8)]))
def test_bars_last_as_long_as_they_do_in_a_project(bars, bpm, meter):
    beats, value = meter
    spec = RenderSpec.parse({"verb": "generate", "prompt": "x", "bars": bars, "bpm": bpm, "meter": f"{beats}/{value}"})
    assert spec.seconds == pytest.approx(bars * beats * (4 / value) * 60 / bpm)


def test_numbers_of_clients_that_know_floats_only_are_taken_where_they_are_whole():
    spec = RenderSpec.parse(
        {"verb": "generate", "prompt": "x", "bars": 8.0, "bpm": 120, "seed": 7.0, "takes": 2.0, "loop": 1.0}
    )
    assert (spec.bars, spec.bpm, spec.seed, spec.takes, spec.loop) == (8, 120.0, 7, 2, True)


def test_a_spec_survives_its_json():
    spec = RenderSpec.parse(
        {
            "verb": "repaint",
            "source": SOURCE,
            "ranges": "4-6,7-8",
            "tempo_map": "[[0,120,4,4],[3.5,90,3,4]]",
            "seed": 2**32 - 1,
        }
    )
    assert RenderSpec.model_validate_json(spec.model_dump_json(exclude_unset=True)) == spec
