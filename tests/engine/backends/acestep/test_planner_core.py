"""The planner's text and codes on a small model with the real vocabulary: legal, counted, seeded, guided, cancelled."""

import json
import shutil

import pytest

torch = pytest.importorskip("torch", reason="the neural engine's tests need torch")

from hypothesis import Phase, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from test_planner_prompts import legal  # noqa: E402
from transformers import AutoTokenizer, Qwen3ForCausalLM  # noqa: E402

from engine.backends.acestep.planner import chat, codes  # noqa: E402
from engine.backends.acestep.planner.metadata import FIELDS, Metadata  # noqa: E402
from engine.backends.acestep.planner.sampling import Sampling, drawn  # noqa: E402
from engine.backends.acestep.planner.stream import Stream, led, logits  # noqa: E402
from engine.backends.acestep.planner.tokens import CODES, CONTROL, END_OF_TEXT, FIRST_CODE, VOCABULARY  # noqa: E402
from engine.backends.acestep.planner.weights import load  # noqa: E402
from engine.backends.acestep.planner.writing import Writer  # noqa: E402
from engine.errors import BadModel, BadOutput, Cancelled, NoModel  # noqa: E402

pytestmark = pytest.mark.neural


def silent_report(fraction, stage):
    pass


@pytest.fixture(scope="module")
def lm(planner_folder):
    return load(planner_folder, torch.float32, silent_report)


def thought(lm, given_fields, seed, wanted=FIELDS, how=None, longest_caption=6):
    prompt = lm.vocabulary.ids(chat.plan("dub", "") + chat.THINKING)
    writer = Writer(lm.model, lm.vocabulary, [prompt], seed, how or Sampling(), silent_report)
    return writer.think(given_fields, wanted, longest_caption)


def prompts(lm):
    asked = chat.codes("dub techno", "[Verse]\nla la", "bpm: 96\nduration: 12")
    return lm.vocabulary.ids(asked), lm.vocabulary.ids(chat.codes_unguided())


# The vocabulary


def test_ids_are_those_of_the_release(planner_folder, lm):
    theirs = AutoTokenizer.from_pretrained(planner_folder)
    assert len(theirs) == VOCABULARY == 217_204
    assert theirs.convert_tokens_to_ids(list(CONTROL)) == list(range(END_OF_TEXT, FIRST_CODE))
    assert theirs.convert_tokens_to_ids(["<|im_end|>", "</think>", "<|audio_code_63999|>"]) == [151645, 151668, 215668]
    text = chat.understand([0, 17, 63999]) + "<think>\nbpm: 120\ncaption: Größe 日本\n</think>\n\n"
    assert lm.vocabulary.ids(text) == theirs.encode(text, add_special_tokens=False)


def test_a_folder_that_is_no_planner_is_refused(planner_folder, tmp_path):
    with pytest.raises(NoModel):
        load(tmp_path, torch.float32, silent_report)
    shutil.copytree(planner_folder, tmp_path / "lm")
    config = tmp_path / "lm" / "config.json"
    told = json.loads(config.read_text())
    config.write_text(json.dumps(told | {"vocab_size": 151_936}))
    with pytest.raises(BadModel, match="no planner"):
        load(tmp_path / "lm", torch.float32, silent_report)
    config.write_text(json.dumps(told))
    tokenizer = tmp_path / "lm" / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text().replace('"</think>"', '"</thought>"'))
    with pytest.raises(BadModel, match="another id"):
        load(tmp_path / "lm", torch.float32, silent_report)


# Metadata


@pytest.mark.timeout(900)  # a minute, where nobody else is at work
@given(legal, st.integers(0, 2**32 - 1), st.sets(st.sampled_from(FIELDS), min_size=1))
@settings(max_examples=1000, deadline=None, phases=[Phase.generate])
def test_a_thousand_plans_are_legal_and_hold_what_was_given(lm, given_fields, seed, wanted):
    text = thought(lm, given_fields, seed, wanted)
    found = Metadata.parse(text)
    assert set(found.given()) == wanted
    known = {name: value for name, value in given_fields.given().items() if name in wanted}
    assert found.given() | known == found.given()
    assert text.endswith("\n")
    assert "\ufffd" not in text
    names = [row.partition(":")[0] for row in text.splitlines() if not row.startswith("  ")]
    assert names == [name for name in FIELDS if name in wanted]


def test_the_language_is_the_likeliest(lm):
    found = {Metadata.parse(thought(lm, Metadata(), seed, {"language"})).language for seed in range(8)}
    assert len(found) == 1


def test_a_seed_thinks_the_same_and_another_something_else(lm):
    assert thought(lm, Metadata(), 5) == thought(lm, Metadata(), 5) != thought(lm, Metadata(), 6)


def test_a_caption_without_an_end_is_ended(lm):
    caption = Metadata.parse(thought(lm, Metadata(), 1, longest_caption=20)).caption
    assert 10 < len(caption.split()) < 30


def test_free_text_ends_and_holds_no_codes(lm):
    prompt = lm.vocabulary.ids(chat.understand(range(40)) + chat.THINKING)
    writer = Writer(lm.model, lm.vocabulary, [prompt], 3, Sampling(temperature=0.3), silent_report)
    said = writer.speak(chat.THOUGHT, 60)
    assert said
    assert not any(text in said for text in (*CONTROL, "<|audio_code"))


def test_words_follow_metadata_as_they_did_in_training(lm, monkeypatch):
    read = []
    feed = Stream.feed
    monkeypatch.setattr(Stream, "feed", lambda stream, ids: read.extend(ids[0].tolist()) or feed(stream, ids))
    prompt = chat.understand([]) + chat.THINKING
    writer = Writer(lm.model, lm.vocabulary, [lm.vocabulary.ids(prompt)], 3, Sampling(), silent_report)
    thoughts = writer.think(
        Metadata(bpm=90, caption="dub", duration=30, keyscale="C major", language="en", timesignature=4)
    )
    writer.speak(chat.THOUGHT, 1)
    assert lm.vocabulary.text(read) == f"{prompt}{thoughts}</think>\n\n"
    assert thoughts == "bpm: 90\ncaption: dub\nduration: 30\nkeyscale: C major\nlanguage: en\ntimesignature: 4\n"


def test_a_text_tells_more_progress_with_each_token_and_never_all(lm):
    told = []
    writer = Writer(
        lm.model,
        lm.vocabulary,
        [lm.vocabulary.ids(chat.understand([]))],
        3,
        Sampling(),
        lambda *one: told.append(one[0]),
    )
    writer.think(Metadata(), longest_caption=20)
    thought = told[-1]
    writer.speak(chat.THOUGHT, 30)
    assert told == sorted(told)
    assert 0 < thought < told[-1] < 1


# Codes


@pytest.mark.parametrize(
    ("seconds", "expected"), [(10.0, 50), (10.24, 51), (8.2, 41), (16.4, 82), (0.6, 3), (599.99, 2999)]
)
def test_a_piece_has_five_codes_a_second(seconds, expected):
    assert codes.count(seconds) == expected


@pytest.mark.parametrize("how_many", [1, 51])
def test_exactly_so_many_codes_come_and_all_are_legal(lm, how_many):
    asked, unasked = prompts(lm)
    found = codes.written(lm.model, asked, unasked, how_many, [3, 9], Sampling(top_p=1.0), silent_report)
    assert found.shape == (2, how_many)
    assert bool(((found >= 0) & (found < CODES)).all())


def test_a_seed_writes_the_same_codes_alone_and_beside_others(lm):
    asked, unasked = prompts(lm)
    how = Sampling()
    alone = codes.written(lm.model, asked, unasked, 20, [9], how, silent_report)
    assert torch.equal(alone, codes.written(lm.model, asked, unasked, 20, [9], how, silent_report))
    beside = codes.written(lm.model, asked, unasked, 20, [3, 9], how, silent_report)
    assert torch.equal(beside[1:], alone)
    assert not torch.equal(beside[0], beside[1])


def test_guidance_in_one_batch_is_two_separate_passes(lm):
    asked, unasked = prompts(lm)
    assert len(asked) != len(unasked)
    together = Stream(lm.model, [asked, unasked], 8, copies=2)
    apart = [Stream(lm.model, [ids], 8) for ids in (asked, unasked)]
    following = torch.tensor([[FIRST_CODE + 7, FIRST_CODE + 63999, FIRST_CODE + 5]])
    with torch.inference_mode():
        for step in range(4):
            scores = led(logits(lm.model, together.last, FIRST_CODE, FIRST_CODE + CODES), 2.0)
            asked_scores, unasked_scores = (logits(lm.model, one.last, FIRST_CODE, FIRST_CODE + CODES) for one in apart)
            wanted = unasked_scores + 2.0 * (asked_scores - unasked_scores)
            assert scores.shape == (2, CODES)
            assert (scores - wanted).abs().max() < 1e-3
            if step < 3:
                ids = following[:, step : step + 1]
                together.feed(ids.repeat(4, 1))
                for one in apart:
                    one.feed(ids)


def test_the_loop_computes_what_transformers_does(planner_folder, lm):
    theirs = Qwen3ForCausalLM.from_pretrained(planner_folder, dtype=torch.float32)
    asked, unasked = prompts(lm)
    how = Sampling(temperature=0, guidance=1.0)
    ours = codes.written(lm.model, asked, unasked, 12, [0], how, silent_report)
    legal_ids = list(range(FIRST_CODE, FIRST_CODE + CODES))
    plain = theirs.generate(
        torch.tensor([asked]), max_new_tokens=12, min_new_tokens=12, do_sample=False, pad_token_id=END_OF_TEXT,
        prefix_allowed_tokens_fn=lambda *_: legal_ids,
    )  # fmt: skip
    assert (plain[0, len(asked) :] - FIRST_CODE).tolist() == ours[0].tolist()


def test_a_cancel_ends_it_between_two_tokens(lm):
    asked, unasked = prompts(lm)
    told = []

    def report(fraction, stage):
        told.append((fraction, stage))
        if fraction > 0.1:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        codes.written(lm.model, asked, unasked, 1000, [1], Sampling(), report)
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert max(fractions) < 0.11
    assert {stage for _, stage in told} == {"planning"}


def test_numbers_that_break_are_no_plan(lm, monkeypatch):
    asked, unasked = prompts(lm)
    for module in ("codes", "writing"):
        path = f"engine.backends.acestep.planner.{module}.logits"
        monkeypatch.setattr(path, lambda *given: torch.full((len(given[1]), given[3] - given[2]), torch.nan))
    with pytest.raises(BadOutput, match="planner off"):
        codes.written(lm.model, asked, unasked, 3, [1], Sampling(), silent_report)
    writer = Writer(lm.model, lm.vocabulary, [asked], 1, Sampling(), silent_report)
    with pytest.raises(BadOutput, match="planner off"):
        writer.speak("", 3)


# Draws


def test_top_k_top_p_and_repetition_leave_out_what_they_should():
    scores = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    chances = torch.linspace(0, 1, 101)[:, None]

    def found(seen=None, **how):
        return {int(drawn(scores, chance, Sampling(temperature=1.0, **how), seen)) for chance in chances}

    assert found(top_p=1.0) == {0, 1, 2, 3}
    assert found(top_p=0.9) == {0, 1, 2}
    assert found(top_p=0.79) == {0, 1}
    assert found(top_p=1.0, top_k=2) == {0, 1}
    assert found(torch.tensor([[True, False, False, False]]), top_p=0.3, repetition=4.0) == {1}


def test_draws_follow_the_shares():
    scores = torch.randn(1, 5000, generator=torch.Generator().manual_seed(0))
    chances = torch.rand(20_000, generator=torch.Generator().manual_seed(1))
    found = drawn(scores.expand(20_000, -1)[:, :50], chances, Sampling(temperature=0.7, top_p=1.0))
    wanted = torch.softmax(scores[0, :50] / 0.7, dim=0)
    assert (torch.bincount(found, minlength=50) / 20_000 - wanted).abs().max() < 0.01
