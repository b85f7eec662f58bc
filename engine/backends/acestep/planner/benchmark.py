"""The planner beside `generate` of transformers: `python -m engine.backends.acestep.planner.benchmark [FOLDER]`.

All cases run one after another in one process, on the same weights: those of FOLDER, or random ones of middling width with the
whole vocabulary. Without a graphics processor a second is one of processor time of one thread, which other programs hardly
change. Prints a JSON object: tokens a second by case.
"""

import json
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from engine.backends.acestep import devices
from engine.backends.acestep.planner import chat, codes
from engine.backends.acestep.planner.metadata import Metadata
from engine.backends.acestep.planner.sampling import Sampling, drawn
from engine.backends.acestep.planner.stream import Stream, logits
from engine.backends.acestep.planner.tiny import make_planner
from engine.backends.acestep.planner.tokens import CODES, END_OF_TEXT, FIRST_CODE
from engine.backends.acestep.planner.weights import LanguageModel, load
from engine.backends.acestep.planner.writing import Writer

TOKENS = 100
"""Twenty seconds of codes."""
HIDDEN, LAYERS = 256, 8
WORDS = ("slow blues with brushes and a walking bass", "[Instrumental]")
_FACTS = "bpm: 80\nduration: 30\nkeyscale: A minor\nlanguage: unknown\ntimesignature: 4"
DEVICE = devices.torch_device(devices.best())


def measured(folder: Path, rounds: int = 2) -> dict[str, float]:
    """Tokens a second of every case, the best of some rounds."""
    lm = load(folder, torch.float32 if DEVICE.type == "cpu" else torch.bfloat16, _silent)
    lm.model.to(DEVICE)
    plain = _Plain(folder, lm)
    cases: dict[str, Callable[[], int]] = {
        "transformers": lambda: plain.written(guided=False),
        "text": lambda: _text(lm),
        "metadata": lambda: _metadata(lm),
        "codes": lambda: _codes(lm, 1.0, 1),
        "codes_whole_head": lambda: _whole_head(lm),
        "transformers_guided": lambda: plain.written(guided=True),
        "codes_guided": lambda: _codes(lm, 2.0, 1),
        "codes_guided_4_takes": lambda: _codes(lm, 2.0, 4),
    }
    return {name: max(_rate(case) for _ in range(rounds)) for name, case in cases.items()}


class _Plain:
    """The model as transformers runs it, with the settings that ours has."""

    def __init__(self, folder: Path, lm: LanguageModel) -> None:
        from transformers import Qwen3ForCausalLM  # noqa: PLC0415  only this case needs it

        self._model = Qwen3ForCausalLM.from_pretrained(folder, dtype=lm.model.dtype).to(DEVICE).eval()
        self._asked = torch.tensor([lm.vocabulary.ids(chat.codes(*WORDS, _FACTS))], device=DEVICE)
        self._unasked = torch.tensor([lm.vocabulary.ids(chat.codes_unguided())], device=DEVICE)

    def written(self, *, guided: bool) -> int:
        how = Sampling()
        guidance: dict[str, Any] = (
            {"guidance_scale": how.guidance, "negative_prompt_ids": self._unasked} if guided else {}
        )
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = self._model.generate(
                self._asked, attention_mask=torch.ones_like(self._asked), do_sample=True, temperature=how.temperature,
                top_p=how.top_p, top_k=0, max_new_tokens=TOKENS, min_new_tokens=TOKENS, pad_token_id=END_OF_TEXT, **guidance,
            )  # fmt: skip
        return int(found.shape[1] - self._asked.shape[1])


def _writer(lm: LanguageModel) -> Writer:
    asked = lm.vocabulary.ids(chat.plan(*WORDS) + chat.THINKING)
    return Writer(lm.model, lm.vocabulary, [asked], 1, Sampling(guidance=1.0), _silent)


def _text(lm: LanguageModel) -> int:
    """Free text, without a grammar; random weights may end it early, and then it is begun again."""
    count = 0
    while count < TOKENS:
        writer = _writer(lm)
        writer.speak("", TOKENS - count)
        count += writer.written
    return count


def _metadata(lm: LanguageModel) -> int:
    """Metadata by the grammar; forced tokens count, as they have to be written without it."""
    count = 0
    while count < TOKENS:
        writer = _writer(lm)
        writer.think(Metadata(duration=30), longest_caption=40)
        count += writer.written
    return count


def _codes(lm: LanguageModel, guidance: float, takes: int) -> int:
    ids = lm.vocabulary.ids
    prompt, unasked = ids(chat.codes(*WORDS, _FACTS)), ids(chat.codes_unguided())
    found = codes.written(lm.model, prompt, unasked, TOKENS, range(takes), Sampling(guidance=guidance), _silent)
    return int(found.numel())


def _whole_head(lm: LanguageModel) -> int:
    """Codes as `codes` writes them, with every row of the head computed at each token."""
    ids = lm.vocabulary.ids(chat.codes(*WORDS, _FACTS))
    rows = lm.model.embed_tokens.weight.shape[0]
    with torch.inference_mode():
        stream = Stream(lm.model, [ids], TOKENS)
        chances = torch.rand(TOKENS, generator=torch.Generator().manual_seed(0)).to(DEVICE)
        for chance in chances:
            scores = logits(lm.model, stream.last, 0, rows)[:, FIRST_CODE : FIRST_CODE + CODES]
            stream.feed(drawn(scores, chance[None], Sampling())[:, None] + FIRST_CODE)
    return TOKENS


def _rate(case: Callable[[], int]) -> float:
    began = _now()
    count = case()
    return count / (_now() - began)


def _now() -> float:
    if DEVICE.type == "cpu":
        return time.process_time()
    getattr(torch, DEVICE.type).synchronize()
    return time.perf_counter()


def _silent(*_: object) -> None:
    pass


if __name__ == "__main__":
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as made:
        given = Path(sys.argv[1]) if sys.argv[1:] else make_planner(Path(made) / "lm", hidden=HIDDEN, layers=LAYERS)
        sys.stdout.write(json.dumps(measured(given)) + "\n")
