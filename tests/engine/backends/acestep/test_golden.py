"""Real weights give the numbers that others have published for them.

Runs only where PUNCHIN_WEIGHTS names a folder in the layout of the release. `request0.json` in it is the request of that name in
the tests of acestep.cpp, whose log of a run on a card in bfloat16 the numbers are from.
"""

import json
import os
from pathlib import Path

import pytest
import torch

from engine.backends.acestep import conditioning, prompts
from engine.backends.acestep.checkpoint import load
from engine.backends.acestep.prompts import Metas, Task

WEIGHTS = Path(os.environ["PUNCHIN_WEIGHTS"])
NAMES = [
    name for name in ("acestep-v15-turbo", "acestep-v15-sft", "acestep-v15-xl-turbo", "acestep-v15-xl-sft")
    if (WEIGHTS / name).is_dir()
]  # fmt: skip
TEXT_TOKENS, LYRIC_TOKENS, CODES = 70, 167, 434
TEXT = (3.6524, 1.0486, 0.2298, -13.0640)
LYRICS = (0.0292, 0.0322, -0.0223, -0.0288)
STATES = {"2b": (1.7626, -0.0494, -0.1330, 0.0581), "xl": (0.6856, -0.0189, -0.0516, 0.0228)}
DETOKENIZED = (-0.1241, 1.4349, 0.3099, -0.6249)
# In bfloat16 a step has 1/256 of a value; sums over many layers are some steps apart.
RELATIVE, ABSOLUTE = 0.05, 0.02


@pytest.fixture(scope="module", params=NAMES)
def modules(request):
    return load(WEIGHTS / request.param, torch.device("cpu"), torch.bfloat16, lambda *_: None)


@pytest.fixture(scope="module")
def asked():
    return json.loads((WEIGHTS / "request0.json").read_text("utf-8"))


def texts(asked):
    metas = Metas(asked["duration"], asked["bpm"], asked["timesignature"], asked["keyscale"])
    return (
        prompts.text_prompt(prompts.instruction(Task.COVER), asked["caption"], metas),
        prompts.lyric_prompt(asked["lyrics"], asked["vocal_language"]),
    )


def near(tensor, expected, absolute=ABSOLUTE):
    assert tensor.flatten()[:4].float().tolist() == pytest.approx(expected, rel=RELATIVE, abs=absolute)


def test_there_is_something_to_hold_against():
    assert NAMES


def test_words_become_the_published_states(modules, asked):
    text, lyrics = texts(asked)
    with torch.inference_mode():
        read, sung = (modules.tokenizer(each, return_tensors="pt").input_ids for each in (text, lyrics))
        assert (read.shape[1], sung.shape[1]) == (TEXT_TOKENS, LYRIC_TOKENS)
        near(modules.text_encoder(input_ids=read).last_hidden_state, TEXT)
        near(modules.text_encoder.get_input_embeddings()(sung), LYRICS, absolute=1e-4)
        states = conditioning.states(modules, text, lyrics, conditioning.silence(modules, 750))
    assert states.shape == (1, LYRIC_TOKENS + 1 + TEXT_TOKENS, 2048)
    near(states, STATES["xl" if modules.traits.xl else "2b"])


def test_codes_become_the_published_latents(modules, asked):
    codes = torch.tensor([int(code) for code in asked["audio_codes"].split(",")])
    assert len(codes) == CODES
    with torch.inference_mode():
        quantised = modules.audio_tokenizer.quantizer.get_output_from_indices(codes[None, :, None])
        told = modules.audio_token_detokenizer(quantised.to(torch.bfloat16))
    assert told.shape == (1, 5 * CODES, 64)
    near(told, DETOKENIZED)
