"""Jobs that are planned: what the user says stands, what is planned is kept, and what is never planned stays as it was."""

import gc
import weakref
from functools import partialmethod

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the neural engine's tests need torch")

from transformers import Qwen3ForCausalLM  # noqa: E402

from engine.backends.acestep.backend import AceStep  # noqa: E402
from engine.backends.acestep.planner import chat, choice  # noqa: E402
from engine.backends.acestep.planner.desk import Desk  # noqa: E402
from engine.backends.acestep.planner.metadata import LANGUAGES, Metadata  # noqa: E402
from engine.backends.acestep.planner.scoring import score  # noqa: E402
from engine.backends.acestep.planner.thinking import Thinker, Words  # noqa: E402
from engine.backends.acestep.planner.weights import load  # noqa: E402
from engine.backends.acestep.planner.writing import Writer, circling  # noqa: E402
from engine.backends.acestep.session import Session  # noqa: E402
from engine.backends.acestep.tiers import Residency  # noqa: E402
from engine.backends.acestep.tiny import make_tiny  # noqa: E402
from engine.backends.base import MIX, Heard, Span  # noqa: E402
from engine.errors import OutOfMemory  # noqa: E402
from engine.expert import Expert  # noqa: E402
from engine.spec import RenderSpec, Verb  # noqa: E402
from engine.units import Frames, SampleRate, Seconds, Seed  # noqa: E402

pytestmark = pytest.mark.neural
RATE = 48000
LENGTH = 3
AS_GIVEN = {"planner_caption": False}
NOISE = (0.1 * np.random.default_rng(0).standard_normal((2, 11 * RATE))).astype(np.float32)


def silent_report(fraction, stage):
    pass


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return make_tiny(tmp_path_factory.mktemp("models"), variant="base", planner=True)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACESTEP_DTYPE", "float32")
        patch.setenv("PUNCHIN_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("PUNCHIN_MODELS", str(tmp_path_factory.mktemp("nothing")))
        yield AceStep()


@pytest.fixture(autouse=True)
def _brief(monkeypatch):
    """Random weights seldom end a text: as many tokens as a verse has are enough of it."""
    monkeypatch.setattr(Writer, "speak", partialmethod(Writer.speak, longest=64))
    monkeypatch.setattr(Writer, "think", partialmethod(Writer.think, longest_caption=32))


@pytest.fixture
def rendered(engine, checkpoint):
    def render(seed=1, seed_of_job=None, report=silent_report, **values):
        if seed_of_job is not None:
            values["seed"] = seed_of_job
        spec = RenderSpec.parse(
            {"verb": "generate", "prompt": "slow blues", "engine": "acestep", "model": str(checkpoint), "steps": 1, "guidance": 1}
            | ({"length": LENGTH} if "verb" not in values else {"source": "/source.wav"})
            | values
        )  # fmt: skip
        if "verb" in values:
            heard = Heard(NOISE, SampleRate(RATE), Seconds(0.0), *_all(NOISE.shape[1], source=True))
        else:
            nothing = np.zeros((2, round(spec.seconds * RATE)), np.float32)
            heard = Heard(nothing, SampleRate(RATE), Seconds(0.0), *_all(nothing.shape[1], source=False))
        if spec.verb is Verb.UNDERSTAND:
            return engine.describe(spec, heard, report)
        return engine.render(spec, heard, Seed(seed), report)

    return render


def _all(frames, *, source):
    everything = Span(Frames(0), Frames(frames))
    return (everything if source else Span(Frames(0), Frames(0)), (everything,))


def test_a_plan_changes_the_music_and_comes_again_the_same(rendered):
    plain = rendered(planner="off")
    first = rendered(planner="on", expert=AS_GIVEN)
    again = rendered(planner="on", expert=AS_GIVEN)
    other = rendered(planner="on", expert=AS_GIVEN, seed=2)
    assert np.array_equal(first.tracks[MIX], again.tracks[MIX])
    assert not np.array_equal(first.tracks[MIX], plain.tracks[MIX])
    assert not np.array_equal(first.tracks[MIX], other.tracks[MIX])
    assert "planned by acestep-5Hz-lm-0.6B" in first.note == again.note
    assert plain.note == ""
    assert rendered(planner="auto").note == ""  # no graphics processor


def test_all_takes_are_planned_with_the_first_and_then_only_fetched(rendered, monkeypatch):
    job = {"planner": "on", "expert": AS_GIVEN, "takes": 3}
    takes = [rendered(seed=4, **job, seed_of_job=4)]
    asked = []
    monkeypatch.setattr(Desk, "present", lambda *_: asked.append(1))
    takes += [rendered(seed=seed, **job, seed_of_job=4) for seed in (5, 6)]
    assert not asked
    assert len({take.tracks[MIX].tobytes() for take in takes}) == 3
    assert len({take.note for take in takes}) == 1


@pytest.mark.parametrize(("length", "seconds"), [(3, 10.0), (12, 12.0), (12.3, 12.4), (11.95, 12.0)])
def test_a_piece_has_exactly_the_codes_of_its_length(rendered, monkeypatch, length, seconds):
    written, told = [], []
    write, tell = Thinker.codes, Session.told
    monkeypatch.setattr(Thinker, "codes", lambda *given: written.append(given[3]) or write(*given))
    monkeypatch.setattr(Session, "told", lambda *given: told.append((len(given[1]), given[2])) or tell(*given))
    made = rendered(planner="on", expert=AS_GIVEN, length=length, seed=round(length * 100))
    assert made.tracks[MIX].shape == (2, round(length * RATE))
    assert written == [int(seconds * 5)]
    # Each code tells five frames: none is told in part, and none is left to silence.
    assert told == [(int(seconds * 5), int(seconds * 25))]


@pytest.mark.parametrize(
    "job",
    [
        {"planner": "on", "takes": 2, "rank": True},
        {"planner": "inspire", "expert": {"planner_codes": False}},
        {"verb": "lego", "track": "bass", "planner": "on"},
        {"verb": "understand"},
    ],
)
def test_progress_never_goes_back(engine, rendered, job):
    if engine._desk:
        engine._desk.expect(None)  # so that loading it is part of the progress
    told = []
    rendered(**job, seed=40, report=lambda fraction, _: told.append(fraction))
    assert told == sorted(told)
    assert told[-1] <= 1


def test_a_planner_that_does_not_fit_is_done_without_unless_it_was_asked_for(rendered, checkpoint, monkeypatch):
    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    plain = rendered(planner="off", seed=91)
    there = choice.required(RenderSpec(verb="generate", prompt="x", length=1), checkpoint)
    monkeypatch.setattr(choice, "chosen", lambda *_: there)
    monkeypatch.setattr(Thinker, "plan", full)
    made = rendered(planner="auto", seed=91)
    assert np.array_equal(made.tracks[MIX], plain.tracks[MIX])
    assert made.note == "memory ran out: rendered again without a plan"
    with pytest.raises(OutOfMemory, match="planner off"):
        rendered(planner="on", seed=91)


def test_what_the_daw_says_stands(rendered):
    given = {"bpm": 97.3, "key": "F♯ minor", "meter": "3/4", "lyrics": "la la", "language": "fr"}
    note = rendered(planner="on", expert=AS_GIVEN, **given).note
    assert "97 bpm, F♯ minor, fr: slow blues" in note


def test_a_query_becomes_words_and_a_rewrite_keeps_the_tempo(rendered):
    inspired, rewritten = (
        rendered(planner=use, bpm=140, expert={"planner_codes": False}, lyrics=lyrics)
        for use, lyrics in (("inspire", ""), ("rewrite", "la la"))
    )
    for made in (inspired, rewritten):
        assert "140 bpm" in made.note
        assert "slow blues" not in made.note
        assert made.tracks[MIX].shape == (2, LENGTH * RATE)


def test_words_that_leave_no_room_are_taken_as_they_are(rendered):
    note = rendered(planner="on", lyrics="ñ" * 4096).note
    assert "taken as they are" in note
    assert "without codes" in note


@pytest.mark.parametrize("verb", ["lego", "complete"])
def test_accompaniment_gets_metadata_and_no_codes(rendered, monkeypatch, verb):
    def refused(*_):
        raise AssertionError("codes were written")

    monkeypatch.setattr(Thinker, "codes", refused)
    tracks = {"track": "bass"} if verb == "lego" else {"tracks": "drums,bass"}
    made = rendered(verb=verb, planner="on", bpm=97, **tracks)
    assert "97 bpm" in made.note
    assert "slow blues" in made.note
    assert "planned" not in rendered(verb=verb, planner="off", **tracks).note


@pytest.mark.parametrize("values", [{"verb": "cover"}, {"verb": "extract", "tracks": "drums"}])
def test_what_follows_its_source_is_not_planned(rendered, monkeypatch, values):
    def absent(*_):
        raise AssertionError("the planner was asked")

    monkeypatch.setattr(Desk, "present", absent)
    rendered(planner="on", **values)


def test_the_planner_leaves_memory_when_a_job_can_do_without(rendered, engine):
    rendered(planner="on", expert=AS_GIVEN, seed=77)
    desk = engine._desk
    held, vocabulary, folder = weakref.ref(desk._held.model), desk._held.vocabulary, desk.folder
    assert held() is not None
    rendered(planner="off")
    gc.collect()
    assert held() is None
    desk.expect(folder)
    with desk.present(Residency.KEEP, silent_report) as (planner, _):
        assert planner.vocabulary is vocabulary


def test_codes_tell_what_was_heard(rendered, engine):
    rendered(planner="off")
    session = engine._session
    latents = session.latents(NOISE[:, : 250 * session.hop], silent_report)
    heard = session.heard(latents)
    assert len(heard) == 50
    assert all(0 <= code < 64_000 for code in heard)
    with torch.inference_mode():
        assert (session.told(torch.tensor(heard), 250) - session.retold(latents)).abs().max() < 1e-4
    short = session.told(torch.tensor(heard[:10]), 60)
    assert torch.equal(short[:, 50:], session.silence(60)[:, 50:])


def test_a_source_is_described_in_legal_words(engine, checkpoint, rendered):
    spec = RenderSpec.parse({"verb": "understand", "source": "/s.wav", "engine": "acestep", "model": str(checkpoint)})
    heard = Heard(NOISE, SampleRate(RATE), Seconds(0.0), *_all(NOISE.shape[1], source=True))
    told = engine.describe(spec, heard, silent_report)
    assert 30 <= told.bpm <= 300
    assert told.language in LANGUAGES
    assert told.meter in {"2/4", "3/4", "4/4", "6/8"}
    RenderSpec.parse({"verb": "generate", "prompt": "x", "length": 1, "key": told.key, "meter": told.meter})


def test_a_caption_that_goes_in_circles_gives_way_to_the_users(planner_folder):
    notes = []
    thinker = Thinker(load(planner_folder, torch.float32, silent_report), Expert(), notes.append)
    spec = RenderSpec.parse({"verb": "generate", "prompt": "dub", "length": 12})
    words = Words.of(spec, Seconds(12.0))
    looping = thinker._merged(words, Metadata(bpm=90, caption="so warm " * 30), "")
    assert (looping.caption, looping.metadata.bpm) == ("dub", 90)
    assert notes == ["the planner's caption was going in circles: yours was kept"]
    assert thinker._merged(words, Metadata(caption="dub with echoes"), "").caption == "dub with echoes"


def test_lyrics_are_written_in_the_language_that_was_asked_for(planner_folder, monkeypatch):
    monkeypatch.setattr(Writer, "speak", lambda *_: "[Verse]\nla pluie")
    thinker = Thinker(load(planner_folder, torch.float32, silent_report), Expert(planner_guidance=1), lambda _: None)

    def inspired(**values):
        spec = RenderSpec.parse({"verb": "generate", "prompt": "rain", "length": 12, "planner": "inspire"} | values)
        words = thinker.inspire(Words.of(spec, Seconds(12.0)), 1, silent_report)
        return words.metadata.language, words.lyrics

    assert inspired(language="fr", lyrics=" ") == ("fr", "[Verse]\nla pluie")
    assert inspired()[1] == "[Verse]\nla pluie"
    assert inspired(language="fr", lyrics="[instrumental]") == ("unknown", "[Instrumental]")
    monkeypatch.setattr(Writer, "speak", lambda *_: "oh " * 60)
    assert inspired(language="fr") == ("unknown", "[Instrumental]")


def test_no_tempo_is_made_up_beside_a_tempo_map():
    spec = {"verb": "generate", "prompt": "dub", "length": 12, "tempo_map": "[[0, 120, 4, 4], [4, 90, 7, 8]]"}
    assert not {"bpm", "timesignature"} & set(Words.of(RenderSpec.parse(spec), Seconds(12.0)).wanted)
    known = Words.of(RenderSpec.parse(spec | {"bpm": 100, "meter": "3/4"}), Seconds(12.0))
    assert (known.metadata.bpm, known.metadata.timesignature) == (100, 3)
    assert {"bpm", "timesignature"} <= set(known.wanted)


def test_ranked_takes_are_scored(rendered):
    scores = [
        rendered(planner="on", seed=seed, rank=True, bpm=100, expert=AS_GIVEN, lyrics="la la").score for seed in (1, 2)
    ]
    assert all(0 <= score <= 1 for score in scores)
    assert scores[0] != scores[1]
    assert rendered(planner="on", expert=AS_GIVEN).score is None


def test_a_score_is_what_the_definition_says(planner_folder):
    lm = load(planner_folder, torch.float32, silent_report)
    heard = [5, 63_999, 17, 4000, 5, 900]
    words = Words("dub techno", "[Verse]\nla la", Metadata(bpm=90))
    theirs = Qwen3ForCausalLM.from_pretrained(planner_folder, dtype=torch.float32)

    def log_probabilities(prompt, target):
        ids, wanted = lm.vocabulary.ids(prompt), lm.vocabulary.ids(target)
        with torch.inference_mode():
            scores = theirs(torch.tensor([ids + wanted])).logits[0, len(ids) - 1 : -1].log_softmax(dim=-1)
        own = scores[torch.arange(len(wanted)), torch.tensor(wanted)]
        return own, (scores > own[:, None]).sum(dim=-1)

    def gained(target):
        told, blind = (log_probabilities(chat.understand(codes), target)[0].mean() for codes in (heard, []))
        return float(torch.sigmoid((told - blind) / 0.1))

    ranks = log_probabilities(chat.understand(heard), "<think>\nbpm: 90\n</think>\n")[1]
    facts = float((1 - ranks / 10).clamp(min=0).mean())
    caption = gained("<think>\ncaption: dub techno\n</think>\n")
    lyrics = gained("<think>\n</think>\n# Lyric\n[Verse]\nla la\n")
    expected = 0.2 * facts + 0.5 * caption + 0.3 * lyrics
    assert score(lm, heard, words, silent_report) == pytest.approx(expected, abs=1e-3)


def test_text_in_circles_is_noticed():
    assert circling([1, 2, 3] * 40)
    assert not circling([1, 2, 3] * 20)
    assert not circling([*range(60), *range(60)])
