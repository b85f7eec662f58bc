"""A planner with random weights, in the exact layout and with the vocabulary of the release: ids are true, words are noise."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import Qwen3Config, Qwen3Model

from engine.backends.acestep.layout import MODEL
from engine.backends.acestep.planner.tokens import (
    CODE_SLOTS,
    CONTROL,
    END_OF_TEXT,
    END_OF_TURN,
    FIRST_CODE,
    VOCABULARY,
    code_text,
)

NAME = "acestep-5Hz-lm-0.6B"
_TRAINED = 2000
_TEXTS = (
    "system\n# Instruction\nGenerate audio semantic tokens based on the given conditions:\n\nuser\n# Caption\n\n# Lyric\n",
    "bpm: 120\ncaption: a warm analog synth and a slow bass under bright vocals\nduration: 95\nkeyscale: C# minor\n",
    "language: en\ntimesignature: 4\nkeyscale: F major\nlanguage: unknown\n[Verse]\n[Chorus]\n[Instrumental]\nassistant\n",
)


def make_planner(
    folder: Path, *, hidden: int = 16, layers: int = 2, seed: int = 0, dtype: torch.dtype = torch.bfloat16
) -> Path:
    """Write a planner into `folder` and return it. The same arguments make the same bytes; about 20 MB."""
    folder.mkdir(parents=True, exist_ok=True)
    config = Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=hidden,
        intermediate_size=hidden * 3,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=max(8, hidden // 4),
        rope_theta=1000000.0,
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
        initializer_range=2 * hidden**-0.5,  # less, and each word is followed by itself
        max_position_embeddings=40960,
        tie_word_embeddings=True,
        architectures=["Qwen3ForCausalLM"],
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3Model(config)
        # Rows of the usual 0.02 would make every word as likely as any other; a trained planner is sure of a few.
        torch.nn.init.normal_(model.embed_tokens.weight, std=4 * hidden**-0.5)
        with torch.no_grad():
            # So that every other line or so ends its turn.
            model.embed_tokens.weight[END_OF_TURN] *= 3
    config.save_pretrained(folder)
    tensors = {f"model.{name}": tensor.to(dtype).contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, folder / f"{MODEL}.safetensors", {"format": "pt"})
    (folder / "tokenizer.json").write_text(json.dumps(_tokenizer(), ensure_ascii=False), "utf-8")
    return folder


def _tokenizer() -> dict[str, Any]:
    """A byte-level BPE with Qwen's ids: trained words, words that no text is made of, control tokens and codes."""
    trained = Tokenizer(models.BPE())
    # Digits stand alone, and a newline ends a token, as in Qwen's.
    trained.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    trained.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trained.train_from_iterator(
        _TEXTS, trainers.BpeTrainer(vocab_size=_TRAINED, initial_alphabet=alphabet, show_progress=False)
    )
    settings: dict[str, Any] = json.loads(trained.to_str())
    words = settings["model"]["vocab"]
    letters = "etaoinshrdlucmfwypvbg"
    for word in ("Ġ" + "".join(each) for each in product(letters, repeat=4)):
        if len(words) == END_OF_TEXT:
            break
        words.setdefault(word, len(words))
    control = enumerate(CONTROL, END_OF_TEXT)
    codes = ((FIRST_CODE + code, code_text(code)) for code in range(CODE_SLOTS))
    settings["added_tokens"] = [
        {
            "id": id_, "content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
            "special": text.startswith("<|") and id_ < FIRST_CODE,
        }
        for id_, text in (*control, *codes)
    ]  # fmt: skip
    return settings
