"""What a language model gets wrong is noticed, and which one plans is decided without torch."""

import json

import pytest

from engine.backends.acestep.planner import choice, guards
from engine.backends.acestep.tiers import GIB, Processor
from engine.errors import InvalidSpec, NoModel
from engine.spec import RenderSpec

SENTENCE = "a slow and warm piece with a walking bass, brushed drums and a muted trumpet far away in the room"


@pytest.mark.parametrize(
    ("caption", "fault"),
    [
        (SENTENCE, ""),
        ("dub", ""),
        (f"{SENTENCE} {SENTENCE}", "going in circles"),
        ("la " * 40, "going in circles"),
        ("warm \ufffd bass", "broken"),
        ("warm\x07 bass", "broken"),
        ("warm <|object_ref_start|>", "broken"),
        ("", "empty"),
        (None, "empty"),
    ],
)
def test_captions(caption, fault):
    assert guards.fault_of_caption(caption) == fault


def test_a_chorus_may_come_again_and_a_loop_may_not():
    verses = [
        " ".join(f"{word}{number}" for word in ["we", "walk", "along", "the", "river", "and", "the", "night", "is"])
        for number in range(4)
    ]
    chorus = "come back to me my love before the morning takes the light away"
    song = "\n".join(part for verse in verses for part in (f"[Verse]\n{verse}", f"[Chorus]\n{chorus}"))
    assert guards.fault_of_lyrics(song) == ""
    assert guards.fault_of_lyrics("oh no\n" * 60) == "going in circles"
    assert guards.fault_of_lyrics(" \n") == "empty"


@pytest.mark.parametrize(
    "text", ["la la", "\n\n# Lyric\nla la\n", "# Languages\nen\n\n# Lyric\nla la", "# Lyric\n\nla la\n"]
)
def test_headings_are_no_lyrics(text):
    assert guards.without_heading(text) == "la la"


# Which planner


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A checkpoint's settings, and a way to put planners beside it."""
    monkeypatch.setenv("PUNCHIN_MODELS", str(tmp_path / "nothing"))
    for part in ("acestep-v15-turbo", "vae", "Qwen3-Embedding-0.6B"):
        (tmp_path / part).mkdir()
    (tmp_path / "acestep-v15-turbo" / "config.json").write_text(json.dumps({"in_channels": 192}))

    def put(*sizes):
        for size, width in {"0.6B": 1024, "1.7B": 2048, "4B": 2560}.items():
            if size in sizes:
                folder = tmp_path / choice.NAMES[size]
                folder.mkdir()
                (folder / "config.json").write_text(json.dumps({"hidden_size": width}))
                (folder / "model.safetensors").write_bytes(len(b"{}").to_bytes(8, "little") + b"{}")
        return tmp_path / "acestep-v15-turbo"

    return put


def card(gigabytes):
    return Processor("cuda", "a card", int(gigabytes * GIB), int(gigabytes * GIB), bfloat16=True)


CPU = Processor("cpu", "a processor", 64 * GIB, 60 * GIB, bfloat16=True)


def spec(**values):
    return RenderSpec.parse({"verb": "generate", "prompt": "dub", "length": 20, "engine": "acestep"} | values)


@pytest.mark.parametrize(
    ("gigabytes", "there", "size"),
    [
        (6, ("0.6B",), None),
        (8, ("0.6B", "4B"), "0.6B"),
        (8, ("4B",), None),
        (16, ("0.6B", "1.7B", "4B"), "1.7B"),
        (24, ("0.6B", "4B"), "4B"),
    ],
)
def test_auto_takes_the_largest_that_the_card_is_meant_for(models, gigabytes, there, size):
    found = choice.chosen(spec(), models(*there), card(gigabytes))
    assert (found and found.size) == size


def test_on_takes_what_is_there_and_says_how_to_get_one(models):
    folder = models()
    assert choice.chosen(spec(), folder, CPU) is None
    with pytest.raises(NoModel, match=r"models pull acestep-5Hz-lm-0\.6B"):
        choice.chosen(spec(planner="on"), folder, CPU)
    assert isinstance(choice.obstacle(spec(planner="inspire"), folder), NoModel)
    assert choice.obstacle(spec(), folder) is None
    models("1.7B")
    assert choice.chosen(spec(planner="on"), folder, CPU).size == "1.7B"
    assert choice.chosen(spec(), folder, CPU) is None
    named = spec(planner="on", expert={"planner_model": "acestep-5Hz-lm-1.7B"})
    assert choice.chosen(named, folder, card(24)).size == "1.7B"


@pytest.mark.parametrize("verb", ["repaint", "cover", "extract", "continue"])
def test_what_follows_its_source_is_never_planned(models, verb):
    values = {"verb": verb, "source": "/s.wav", "start": 1, "end": 2, "prompt": "dub", "planner": "on"}
    if verb == "extract":
        values["tracks"] = "drums"
    assert choice.chosen(RenderSpec.parse(values), models("0.6B"), card(24)) is None


def test_only_new_music_is_written_from_a_query():
    with pytest.raises(InvalidSpec, match="goes with generate"):
        RenderSpec.parse({"verb": "cover", "source": "/s.wav", "prompt": "dub", "planner": "inspire"})
