"""What the model is told and shown: text, timbre, source latents and masks."""

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

import torch
from torch import Tensor

TEXT_TOKENS, LYRIC_TOKENS = 256, 2048
TIMBRE_SECONDS = 30
SLICE_SECONDS = 10
SILENT_BELOW = 1e-6
LONGEST_WORD = 30


def fitting(tokenizer: Any, prompt: Callable[[str], str], words: str) -> str:
    """As many of the words as the text encoder reads together with what stands behind them in their prompt."""
    kept = words
    while kept and (over := len(tokenizer(prompt(kept)).input_ids) - TEXT_TOKENS) > 0:
        begins = [
            first for first, _ in tokenizer(kept, add_special_tokens=False, return_offsets_mapping=True).offset_mapping
        ]
        kept = kept[: begins[-over]] if over < len(begins) else ""
        before, _, begun = kept.rpartition(" ")
        in_a_word = bool(words[len(kept) : len(kept) + 1].strip())
        # Not every language has spaces between its words.
        kept = before if in_a_word and len(begun) < LONGEST_WORD else kept
    return kept


def states(modules: Any, text: str, lyrics: str, timbre: Tensor) -> Tensor:
    """Condition states [1, tokens, width] of two prompts and timbre latents [1, frames, channels]."""
    device = timbre.device
    read = modules.tokenizer(text, truncation=True, max_length=TEXT_TOKENS, return_tensors="pt").to(device)
    sung = modules.tokenizer(lyrics, truncation=True, max_length=LYRIC_TOKENS, return_tensors="pt").to(device)
    encoder = modules.condition_encoder
    found, _ = encoder(
        text_hidden_states=modules.text_encoder(input_ids=read.input_ids).last_hidden_state.to(encoder.dtype),
        text_attention_mask=read.attention_mask.bool(),
        lyric_hidden_states=modules.text_encoder.get_input_embeddings()(sung.input_ids).to(encoder.dtype),
        lyric_attention_mask=sung.attention_mask.bool(),
        refer_audio_acoustic_hidden_states_packed=timbre.to(encoder.dtype),
        refer_audio_order_mask=torch.zeros(1, dtype=torch.long, device=device),
    )
    result: Tensor = found
    return result


def thirds(reference: Tensor, rate: int) -> Tensor:
    """The 30 s of a reference [channels, frames] that its timbre is taken from: 10 s out of the middle of each third."""
    wanted = TIMBRE_SECONDS * rate
    if reference.shape[1] < wanted:
        reference = reference.repeat(1, ceil(wanted / reference.shape[1]))
    third, length = reference.shape[1] // 3, SLICE_SECONDS * rate
    starts = [number * third + (third - length) // 2 for number in range(3)]
    return torch.cat([reference[:, start : start + length] for start in starts], dim=1)


def silence(modules: Any, frames: int) -> Tensor:
    """Latents of silence [1, frames, channels]; they are not zeros."""
    kept: Tensor = modules.silence
    repeated = kept.repeat(1, ceil(frames / kept.shape[1]), 1)
    return repeated[:, :frames]


def mask(zones: Sequence[tuple[int, int]], frames: int) -> Tensor:
    """[1, frames, 1]: 1 in the zones, first frame to end, 0 elsewhere."""
    marked = torch.zeros(1, frames, 1)
    for first, end in zones:
        marked[:, first:end] = 1
    return marked


def context(source: Tensor, marked: Tensor) -> Tensor:
    """Source latents [1, frames, channels] and a mask [1, frames, 1] as the transformer takes them."""
    return torch.cat([source, marked.to(source).expand_as(source)], dim=-1)


def hushed(source: Tensor, marked: Tensor, modules: Any) -> Tensor:
    """Source latents with silence where the model is to render."""
    return torch.where(marked.to(source.device) > 0, silence(modules, source.shape[1]).to(source), source)


def round_trip(modules: Any, latents: Tensor) -> Tensor:
    """Latents as 5 Hz codes tell them: the structure of the music without its sound."""
    tokenizer, detokenizer = modules.audio_tokenizer, modules.audio_token_detokenizer
    quantized, _ = tokenizer.tokenize(latents.to(tokenizer.dtype), modules.silence.to(latents))
    told: Tensor = detokenizer(quantized.to(detokenizer.dtype))
    return told[:, : latents.shape[1]].to(latents)


def heard(modules: Any, latents: Tensor) -> list[int]:
    """The 5 Hz codes of latents [1, frames, channels], each of 64,000; the last may hear some silence behind the end."""
    tokenizer = modules.audio_tokenizer
    _, indices = tokenizer.tokenize(latents.to(tokenizer.dtype), modules.silence.to(latents))
    codes: list[int] = indices.reshape(-1).tolist()
    return codes


def told(modules: Any, codes: Tensor) -> Tensor:
    """Latents [1, 5 * count, channels] of codes [count]."""
    quantized = modules.audio_tokenizer.quantizer.get_output_from_indices(codes[None, :, None])
    detokenizer = modules.audio_token_detokenizer
    latents: Tensor = detokenizer(quantized.to(detokenizer.dtype))
    return latents


def lyric_lines(tokenizer: Any, heading: str, lyrics: str) -> tuple[int, list[int]]:
    """Of the lyric prompt: how many tokens its heading has, and the line of each token of the lyrics after it."""
    read = tokenizer(heading + lyrics, truncation=True, max_length=LYRIC_TOKENS, return_offsets_mapping=True)
    begins = [first for first, end in read.offset_mapping if end > first]
    sung = [lyrics.count("\n", 0, first - len(heading)) for first in begins if first >= len(heading)]
    return len(begins) - len(sung), sung
