"""Where lines are sung: the path on made-up attention, the attention itself beside the plain formula, and a whole take."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the neural engine's tests need torch")

from engine.backends.acestep import conditioning  # noqa: E402
from engine.backends.acestep.alignment import aligned, path  # noqa: E402
from engine.backends.acestep.attention import weights  # noqa: E402
from engine.backends.acestep.backend import AceStep  # noqa: E402
from engine.backends.acestep.prompts import lyric_heading, lyric_prompt  # noqa: E402
from engine.backends.acestep.traits import Traits  # noqa: E402
from engine.backends.base import MIX, Heard, Span  # noqa: E402
from engine.spec import RenderSpec  # noqa: E402
from engine.units import Frames, SampleRate, Seconds, Seed  # noqa: E402

pytestmark = pytest.mark.neural
RATE = 48000
TEXTS = ["[Verse]", "walk along", "", "the river"]


def silent_report(fraction, stage):
    pass


def sung(begins, patches, noise=0.02):
    """Attention of two heads to tokens that are sung one after another from these patches on."""
    rng = np.random.default_rng(0)
    energy = noise * rng.random((2, len(begins), patches)).astype(np.float32)
    for token, (begin, end) in enumerate(zip(begins, [*begins[1:], patches], strict=True)):
        energy[:, token, begin:end] += 1
    return energy


def test_lines_begin_where_their_first_token_is_sung():
    begins = [0, 10, 25, 60, 80]
    found = aligned(sung(begins, 125), [0, 1, 1, 3, 3], TEXTS, Seconds(10.0))
    assert found.lines == ((0.8, "walk along"), (4.8, "the river"))
    assert found.score > 0.5


def test_words_that_are_not_heard_score_less_than_those_that_are():
    lines = [0, 1, 1, 3, 3]
    clear = aligned(sung([0, 10, 25, 60, 80], 125), lines, TEXTS, Seconds(10.0)).score
    unclear = aligned(sung([0, 10, 25, 60, 80], 125)[:, ::-1].copy(), lines, TEXTS, Seconds(10.0)).score
    assert 0 <= unclear < clear <= 1
    assert aligned(np.ones((1, 3, 20), np.float32), [0, 1, 1], TEXTS, Seconds(1.6)).score == 0


def test_a_path_sings_every_token_once_and_in_order():
    rng = np.random.default_rng(1)
    found = path(rng.standard_normal((30, 200)).astype(np.float32))
    assert (found[0], found[-1]) == (0, 29)
    assert set(np.diff(found)) <= {0, 1}


def test_the_path_is_the_likeliest():
    rng = np.random.default_rng(2)
    energy = rng.standard_normal((3, 7)).astype(np.float32)
    best = max(
        sum(energy[0, :first].tolist() + energy[1, first:second].tolist() + energy[2, second:].tolist())
        for first in range(1, 6)
        for second in range(first + 1, 7)
    )
    found = path(energy)
    assert energy[found, np.arange(7)].sum() == pytest.approx(best)


def test_more_tokens_than_patches_are_not_aligned():
    assert aligned(np.ones((1, 9, 8), np.float32), [0] * 9, TEXTS, Seconds(1.0)) is None


def test_every_token_knows_its_line(tiny):
    from engine.backends.acestep.checkpoint import load

    tokenizer = load(tiny(), torch.device("cpu"), torch.float32, silent_report).tokenizer
    lyrics = "[Verse]\nnight light\n\nbright bass"
    first, lines = conditioning.lyric_lines(tokenizer, lyric_heading("en"), lyrics)
    ids = tokenizer(lyric_prompt(lyrics, "en")).input_ids
    assert first + len(lines) <= len(ids) - 2  # `<|endoftext|>`, written and appended
    assert tokenizer.decode(ids[:first]) == lyric_heading("en")
    assert lines == sorted(lines)
    assert set(lines) >= {0, 1, 3}


def test_released_checkpoints_have_their_heads():
    two_billion = Traits.of("acestep-v15-turbo", {"num_hidden_layers": 24, "num_attention_heads": 16})
    assert sum(len(heads) for _, heads in two_billion.alignment) == 7
    told = Traits.of("acestep-v15-xl-sft", {"lyric_alignment_layers_config": {"3": [18, 27], "4": [22]}})
    assert told.alignment == ((3, (18, 27)), (4, (22,)))
    assert Traits.of("mine", {"num_hidden_layers": 2, "num_attention_heads": 4}).alignment == ()


@pytest.fixture(scope="module")
def engine(checkpoints, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACESTEP_DTYPE", "float32")
        patch.setenv("PUNCHIN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield AceStep()


def rendered(engine, folder, **values):
    spec = RenderSpec.parse(
        {"verb": "generate", "prompt": "slow blues", "engine": "acestep", "model": str(folder), "steps": 2, "length": 6}
        | {"lyrics": "[Verse]\nnight light\nbright bass", "planner": "off"}
        | values
    )
    nothing = np.zeros((2, 6 * RATE), np.float32)
    everything = (Span(Frames(0), Frames(6 * RATE)),)
    heard = Heard(nothing, SampleRate(RATE), Seconds(0.0), Span(Frames(0), Frames(0)), everything)
    return engine.render(spec, heard, Seed(1), silent_report)


def test_a_take_tells_when_its_lines_are_sung(engine, checkpoints):
    made = rendered(engine, checkpoints["xl"], lrc=True)
    assert {text for _, text in made.lines} <= {"night light", "bright bass"}
    assert all(0 <= at < 6 for at, _ in made.lines)
    assert np.array_equal(made.tracks[MIX], rendered(engine, checkpoints["xl"]).tracks[MIX])
    assert rendered(engine, checkpoints["xl"], lyrics="[Instrumental]", lrc=True).lines == ()


def test_a_checkpoint_that_cannot_tell_says_so(engine, checkpoints):
    made = rendered(engine, checkpoints["turbo"], lrc=True)
    assert made.lines == ()
    assert "cannot be told" in made.note


def test_attention_is_that_of_the_plain_formula(engine, checkpoints):
    rendered(engine, checkpoints["xl"])
    attention = engine._session.modules.transformer.layers[1].cross_attn
    torch.manual_seed(0)
    states, condition = torch.randn(1, 5, attention.to_q.in_features), torch.randn(1, 9, attention.to_k.in_features)
    with torch.inference_mode():
        found = weights(attention, states, condition, [0, 2])
        query = attention.norm_q(attention.to_q(states).unflatten(-1, (attention.heads, -1)))
        key = attention.norm_k(attention.to_k(condition).unflatten(-1, (attention.kv_heads, -1)))
        for place, head in enumerate((0, 2)):
            other = head // (attention.heads // attention.kv_heads)
            wanted = (query[0, :, head] @ key[0, :, other].T * attention.head_dim**-0.5).softmax(dim=-1)
            assert (found[0, place] - wanted).abs().max() < 1e-5
