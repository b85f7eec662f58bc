"""The planner's prompts to the byte, and its metadata as YAML: one newline more is another prompt."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.backends.acestep.planner import chat
from engine.backends.acestep.planner.metadata import FIELDS, LANGUAGES, Metadata, line
from engine.spec import RenderSpec
from engine.units import Seconds

SYSTEM = "<|im_start|>system\n# Instruction\n{}\n\n<|im_end|>\n<|im_start|>user\n"
ANSWER = "<|im_end|>\n<|im_start|>assistant\n"
PLAN = SYSTEM.format("Generate audio semantic tokens based on the given conditions:")
UNDERSTAND = SYSTEM.format("Understand the given musical conditions and describe the audio semantics accordingly:")
INSPIRE = SYSTEM.format("Expand the user's input into a more detailed and specific musical description:")
REWRITE = SYSTEM.format("Format the user's input into a more detailed and specific musical description:")


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        (chat.plan("dub", "[Verse]\nHi"), f"{PLAN}# Caption\ndub\n\n# Lyric\n[Verse]\nHi\n{ANSWER}"),
        (chat.plan_unguided("Hi"), f"{PLAN}# Lyric\nHi\n{ANSWER}"),
        (chat.plan_unguided("Hi", "NO USER INPUT"), f"{PLAN}# Lyric\nHi\n{ANSWER}"),
        (chat.plan_unguided("Hi", "noise"), f"{PLAN}# Caption\nnoise\n\n# Lyric\nHi\n{ANSWER}"),
        (
            chat.codes("dub", "Hi", "bpm: 90\nduration: 30"),
            f"{PLAN}# Caption\ndub\n\n# Lyric\nHi\n{ANSWER}<think>\nbpm: 90\nduration: 30\n</think>\n\n",
        ),
        (chat.codes_unguided(), f"{PLAN}NO USER INPUT\n{ANSWER}<think>\n\n</think>\n\n"),
        (chat.codes_unguided("noise"), f"{PLAN}noise{ANSWER}<think>\n\n</think>\n\n"),
        (chat.understand([0, 63999]), f"{UNDERSTAND}<|audio_code_0|><|audio_code_63999|>{ANSWER}"),
        (chat.understand([]), f"{UNDERSTAND}NO USER INPUT{ANSWER}"),
        (chat.inspire("rain", instrumental=True), f"{INSPIRE}rain\n\ninstrumental: true{ANSWER}"),
        (chat.inspire("rain", instrumental=False), f"{INSPIRE}rain\n\ninstrumental: false{ANSWER}"),
        (chat.rewrite("dub", "Hi"), f"{REWRITE}# Caption\ndub\n\n# Lyric\nHi{ANSWER}"),
        (chat.rewrite("", ""), f"{REWRITE}# Caption\nNO USER INPUT\n\n# Lyric\n[Instrumental]{ANSWER}"),
    ],
)
def test_every_prompt_is_the_published_one(prompt, text):
    assert prompt == text


def test_a_user_cannot_write_control_tokens():
    prompt = chat.plan("a<|im_end|>b</think>c", "<|audio_code_5|>la <|im_start|>")
    assert prompt == f"{PLAN}# Caption\nabc\n\n# Lyric\nla \n{ANSWER}"
    assert chat.plain("<|im_<|im_end|>end|>a<|audio_<thi<think>nk>code_5|>b") == "ab"


def test_metadata_is_sorted_yaml_with_long_captions_folded():
    whole = Metadata(
        bpm=96, caption=f"{'word ' * 20}end", duration=95, keyscale="F♯ minor", language="de", timesignature=3
    )
    assert whole.yaml() == (
        f"bpm: 96\ncaption: {'word ' * 14}word\n  word word word word word end\n"
        "duration: 95\nkeyscale: F♯ minor\nlanguage: de\ntimesignature: 3"
    )
    assert Metadata(duration=30).yaml() == "duration: 30"
    assert Metadata().yaml() == ""


legal = st.builds(
    Metadata,
    bpm=st.none() | st.integers(30, 300),
    caption=st.none() | st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1, max_size=200)
    .map(lambda text: " ".join(text.split()))
    .filter(bool),
    duration=st.none() | st.integers(10, 600),
    keyscale=st.none() | st.from_regex("[A-G][#b♯♭]? (major|minor)", fullmatch=True),
    language=st.none() | st.sampled_from(LANGUAGES),
    timesignature=st.none() | st.sampled_from([2, 3, 4, 6]),
)  # fmt: skip


@given(legal)
def test_what_is_written_is_read_back(metadata):
    assert Metadata.parse(metadata.yaml()) == metadata
    assert Metadata.parse("".join(line(name, value) for name, value in metadata.given().items())) == metadata
    assert yaml.safe_load(metadata.yaml() or "{}") == metadata.given()


def test_norwegian_is_no_refusal():
    assert line("language", "no") == "language: no\n"
    assert Metadata(language="no").yaml() == "language: 'no'"
    assert Metadata.parse("language: no\n") == Metadata.parse("language: 'no'\n") == Metadata(language="no")


def test_only_a_newline_begins_a_field():
    odd = "warm\u2028bpm: 40\x0bduration: 20"
    assert Metadata.parse(f"bpm: 90\ncaption: {odd}\n  and slow\nduration: 30\n") == Metadata(90, f"{odd} and slow", 30)


def test_what_is_not_legal_is_not_read():
    assert Metadata.parse("bpm: 400\nkeyscale: H minor\nlanguage: xx\ntimesignature: 7\nduration: 5\n") == Metadata()


def test_the_spec_gives_what_the_planner_knows():
    spec = {"verb": "generate", "prompt": "dub", "length": 20, "bpm": 96.4, "meter": "6/8", "key": "C minor"}
    found = Metadata.of(RenderSpec.parse(spec | {"lyrics": "la", "language": "fr"}), Seconds(20.7))
    assert found == Metadata(96, None, 20, "C minor", "fr", 6)
    bare = RenderSpec.parse({"verb": "generate", "prompt": "dub", "length": 20, "meter": "7/8"})
    assert Metadata.of(bare, Seconds(3.0)) == Metadata(duration=10, language="unknown")
    assert tuple(found.given()) == tuple(name for name in FIELDS if name != "caption")
