"""Takes of one pass are those that come one by one, and what is kept is what would be computed."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the neural engine's tests need torch")

from engine.backends.acestep import conditioning  # noqa: E402
from engine.backends.acestep.backend import AceStep  # noqa: E402
from engine.backends.acestep.flow import Condition  # noqa: E402
from engine.backends.acestep.prompts import Metas, Task, instruction  # noqa: E402
from engine.backends.base import MIX, Heard, Span  # noqa: E402
from engine.spec import RenderSpec  # noqa: E402
from engine.units import Frames, SampleRate, Seconds, Seed  # noqa: E402

pytestmark = pytest.mark.neural
RATE = 48000
FRAMES = 260


def silent_report(fraction, stage):
    pass


@pytest.mark.parametrize("sampler", ["euler", "sde", "heun"])
@pytest.mark.parametrize("variant", ["turbo", "base"])
def test_takes_of_one_pass_are_those_that_come_one_by_one(checkpoints, monkeypatch, tmp_path, variant, sampler):
    monkeypatch.setenv("ACESTEP_DTYPE", "float32")
    monkeypatch.setenv("PUNCHIN_CACHE", str(tmp_path))
    session = AceStep()._opened(checkpoints[variant], silent_report)
    spec = RenderSpec.parse(
        {"verb": "generate", "prompt": "slow blues", "length": 10, "steps": 4, "expert": {"sampler": sampler}}
    )
    asked = instruction(Task.TEXT2MUSIC)
    states = session.states(asked, spec, Metas.of(spec, Seconds(10.0)), silent_report)
    shown = conditioning.context(session.silence(FRAMES), conditioning.mask([(0, FRAMES)], FRAMES))
    condition = Condition(asked, states, shown)
    seeds = [Seed(4), Seed(9), Seed(2**32 - 1)]
    together = session.takes(spec, seeds, condition, silent_report)
    alone = torch.cat([session.takes(spec, [seed], condition, silent_report) for seed in seeds])
    assert together.shape == alone.shape == (3, FRAMES, 8)
    assert (together - alone).abs().max() < 1e-5
    assert (together[0] - together[1]).abs().max() > 0.1


@pytest.mark.parametrize("words", ["slow blues " * 90, "雨の夜" * 90, "a " + "b" * 900, "slow blues"])
def test_a_long_prompt_loses_its_end_and_not_the_tempo(checkpoints, monkeypatch, tmp_path, words):
    monkeypatch.setenv("PUNCHIN_CACHE", str(tmp_path))
    session = AceStep()._opened(checkpoints["turbo"], silent_report)
    read = []
    encode = conditioning.states
    monkeypatch.setattr(conditioning, "states", lambda *given: read.append(given[1]) or encode(*given))
    for bpm in (90, 140):
        spec = RenderSpec.parse({"verb": "generate", "prompt": words, "length": 10, "bpm": bpm})
        session.states(instruction(Task.TEXT2MUSIC), spec, Metas.of(spec, Seconds(10.0)), silent_report)
    for text, bpm in zip(read, (90, 140), strict=True):
        tokens = len(session.modules.tokenizer(text).input_ids)
        caption = text.partition("# Caption\n")[2].partition("\n\n# Metas")[0]
        assert f"- bpm: {bpm}\n" in text
        assert words.startswith(caption)
        if words == "slow blues":
            assert (caption, session.notes) == (words, [])
        else:
            assert conditioning.TEXT_TOKENS - conditioning.LONGEST_WORD < tokens <= conditioning.TEXT_TOKENS
            assert words[len(caption)] == " " or " " not in words[2:]
            assert "too long for the model" in session.notes[0]


def test_what_is_kept_gives_what_is_computed_anew_to_the_bit(checkpoints, monkeypatch, tmp_path):
    time = np.arange(12 * RATE) / RATE
    sine = (0.2 * np.sin(2 * np.pi * 220 * time)).astype(np.float32)
    fill = Span(Frames(5 * RATE), Frames(2 * RATE))
    heard = Heard(np.stack([sine, sine]), SampleRate(RATE), Seconds(0.0), Span(Frames(0), Frames(12 * RATE)), (fill,))
    spec = RenderSpec.parse({
        "verb": "repaint", "prompt": "slow blues", "start": 5, "end": 7, "source": "/source.wav", "steps": 2,
        "engine": "acestep", "model": str(checkpoints["turbo"]),
    })  # fmt: skip

    def rendered(engine):
        return engine.render(spec, heard, Seed(3), silent_report).tracks[MIX]

    def opened(folder):
        monkeypatch.setenv("PUNCHIN_CACHE", str(tmp_path / folder))
        return AceStep()

    first = opened("kept")
    anew, from_memory = rendered(first), rendered(first)
    second = opened("kept")
    second._session, second._folder = second._opened(checkpoints["turbo"], silent_report), checkpoints["turbo"]
    encoded = []
    for module in (second._session.modules.vae.encoder, second._session.modules.text_encoder):
        module.register_forward_hook(lambda *_: encoded.append(1))
    from_disk = rendered(second)
    assert not encoded
    elsewhere = rendered(opened("empty"))
    for found in (from_memory, from_disk, elsewhere):
        assert np.array_equal(found, anew)
