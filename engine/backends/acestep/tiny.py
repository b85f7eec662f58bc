"""Checkpoints with random weights, in the exact layout of the release: small enough for a test, or for a try without a download.

What they render is noise. They show that files, tasks and seams work, and nothing about sound.
"""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from diffusers import AceStepPipeline, AceStepTransformer1DModel, AutoencoderOobleck, FlowMatchEulerDiscreteScheduler
from diffusers.pipelines.ace_step import AceStepAudioTokenDetokenizer, AceStepAudioTokenizer, AceStepConditionEncoder
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3Model

from engine.backends.acestep.convert import released_name, settings_of_parts
from engine.backends.acestep.guard import INDEX, SILENCE
from engine.backends.acestep.layout import MODEL, TEXT_ENCODER, VAE
from engine.backends.acestep.planner.tiny import NAME as PLANNER
from engine.backends.acestep.planner.tiny import make_planner

Variant = Literal["turbo", "base", "sft"]
NOTE = "RANDOM-WEIGHTS.txt"
_SHARDS = 3
_SILENT_FRAMES = 15000
_LEVEL = 0.1
"""Root mean square of what the VAE makes of random latents."""
_SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>")
_TEXTS = (
    "# Instruction\nFill the audio semantic mask based on the given conditions:\n\n# Caption\n\n# Metas\n- bpm: 120\n",
    "- timesignature: 4\n- keyscale: C major\n- duration: 30 seconds\n# Languages\nen\n\n# Lyric\n[Instrumental]\n",
    "warm analog synth bass drums guitar piano vocals strings slow fast dark bright groove [Verse] [Chorus] night light",
)


@dataclass(frozen=True, slots=True)
class Size:
    """Widths of a checkpoint that has the structure of the release, not its sizes."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    text_hidden: int
    text_layers: int
    encoder_layers: int
    """Of the lyric encoder; the timbre encoder has half as many."""
    vae_channels: int
    vae_multiples: tuple[int, ...]


SIZES: Mapping[str, Size] = {
    "tiny": Size(32, 2, 4, 2, 8, 16, 1, 2, 8, (1, 1, 1, 1, 1)),
    "mid": Size(512, 8, 8, 4, 64, 256, 4, 4, 32, (1, 2, 4, 8, 16)),
}


def make_tiny(
    folder: Path,
    *,
    variant: Variant = "turbo",
    xl: bool = False,
    layout: Literal["original", "diffusers"] = "original",
    sharded: bool = False,
    latent_channels: int = 8,
    layers: int | None = None,
    size: str = "tiny",
    seed: int = 0,
    dtype: torch.dtype = torch.bfloat16,
    planner: bool = False,
) -> Path:
    """Write a checkpoint with random weights into `folder`, and return the folder to load.

    In the layout of the release `folder` becomes what the release calls `checkpoints`: the DiT's folder, `vae` and
    `Qwen3-Embedding-0.6B`; with the same seed, several variants may share them. In that of diffusers, one folder is made in it.
    With `planner`, a language model lies beside it. The same arguments make the same bytes.
    64 latent channels, as in the release, make the VAE many times slower than 8.
    """
    shape = SIZES[size]
    name = f"acestep-v15-{'xl-' if xl else ''}{variant}"
    config = dit_config(shape, variant=variant, xl=xl, latent_channels=latent_channels, layers=layers or shape.layers)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        vae, text_encoder = _vae(shape, latent_channels), _text_encoder(shape)
        torch.manual_seed(seed + 1)
        parts = _parts(config)
        silence = torch.randn(1, latent_channels, _SILENT_FRAMES) * 0.5
    for module in (vae, text_encoder, *parts.values()):
        for parameter in module.parameters():
            parameter.data = parameter.data.to(dtype)
    if planner:
        make_planner(folder / PLANNER, seed=seed, dtype=dtype)
    if layout == "diffusers":
        return _save_diffusers(folder / f"{name}-diffusers", parts, silence, vae, text_encoder)
    _save_original(folder / name, config, parts, silence, shards=_SHARDS if sharded else 1)
    vae.save_pretrained(folder / VAE)
    text_encoder.config.save_pretrained(folder / TEXT_ENCODER)
    save_file(text_encoder.state_dict(), folder / TEXT_ENCODER / f"{MODEL}.safetensors", {"format": "pt"})
    _wrapped(_tokenizer()).save_pretrained(folder / TEXT_ENCODER)
    return _labelled(folder / name)


def dit_config(size: Size, *, variant: Variant, xl: bool, latent_channels: int, layers: int) -> dict[str, Any]:
    """The `config.json` of a released DiT, with the widths of `size`."""
    types = [
        "full_attention" if index % 2 else "sliding_attention" for index in range(max(layers, size.encoder_layers))
    ]
    config: dict[str, Any] = {
        "architectures": ["AceStepConditionGenerationModel"],
        "model_type": "acestep",
        "model_version": variant,
        "is_turbo": variant == "turbo",
        "hidden_size": size.hidden,
        "intermediate_size": size.hidden * 3,
        "num_hidden_layers": layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.kv_heads,
        "head_dim": size.head_dim,
        "in_channels": 3 * latent_channels,
        "audio_acoustic_hidden_dim": latent_channels,
        "timbre_hidden_dim": latent_channels,
        "text_hidden_dim": size.text_hidden,
        "patch_size": 2,
        "sliding_window": 128,
        "use_sliding_window": True,
        "layer_types": types[:layers] if layers >= size.encoder_layers else types,
        "rope_theta": 1000000.0,
        "rms_norm_eps": 1e-6,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "max_position_embeddings": 32768,
        "num_lyric_encoder_hidden_layers": size.encoder_layers,
        "num_timbre_encoder_hidden_layers": size.encoder_layers // 2,
        "num_attention_pooler_hidden_layers": 2,
        "timbre_fix_frame": 750,
        "pool_window_size": 5,
        "fsq_dim": size.hidden,
        "fsq_input_levels": [8, 8, 8, 5, 5, 5],
        "fsq_input_num_quantizers": 1,
        "data_proportion": 0.5,
        "timestep_mu": -0.4,
        "timestep_sigma": 1.0,
        "vocab_size": 64003,
        "dtype": "bfloat16",
    }
    if xl:
        config |= {
            "hidden_size": size.hidden * 5 // 4,
            "num_attention_heads": size.heads * 2,
            "encoder_hidden_size": size.hidden,
            "encoder_intermediate_size": size.hidden * 3,
            "encoder_num_attention_heads": size.heads,
            "encoder_num_key_value_heads": size.kv_heads,
            "lyric_alignment_layers_config": {"0": [1], "1": [0, 2]},
        }
    return config


def _parts(config: Mapping[str, Any]) -> dict[str, Any]:
    classes = (
        AceStepTransformer1DModel,
        AceStepConditionEncoder,
        AceStepAudioTokenizer,
        AceStepAudioTokenDetokenizer,
    )
    settings = settings_of_parts(config)
    return {part: kind(**settings[part]) for part, kind in zip(settings, classes, strict=True)}


def _vae(size: Size, latent_channels: int) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of diffusers: nothing that a user could mend
        vae = AutoencoderOobleck(
            encoder_hidden_size=2 * latent_channels,
            downsampling_ratios=[2, 4, 4, 6, 10],
            channel_multiples=list(size.vae_multiples),
            decoder_channels=size.vae_channels,
            decoder_input_channels=latent_channels,
            audio_channels=2,
            sampling_rate=48000,
        )
    # An untrained decoder is all but silent, around an offset: its last layer lets none through, at an ordinary level.
    with torch.no_grad():
        vae.decoder.conv2.weight_v.sub_(vae.decoder.conv2.weight_v.mean(dim=2, keepdim=True))
        loudness = vae.decode(torch.randn(1, latent_channels, 20)).sample.std()
        vae.decoder.conv2.weight_g.mul_(_LEVEL / loudness)
    return vae


def _text_encoder(size: Size) -> Any:
    return Qwen3Model(
        Qwen3Config(
            vocab_size=_tokenizer().get_vocab_size(),
            hidden_size=size.text_hidden,
            intermediate_size=size.text_hidden * 3,
            num_hidden_layers=size.text_layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=max(8, size.text_hidden // 4),
            rope_theta=1000000.0,
            rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
            max_position_embeddings=32768,
            tie_word_embeddings=True,
        )
    )


def _tokenizer() -> Tokenizer:
    """A byte-level BPE like Qwen's, trained on a few lines; it appends `<|endoftext|>` to every text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(_TEXTS, trainer)
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in _SPECIAL])
    end = (_SPECIAL[0], tokenizer.token_to_id(_SPECIAL[0]))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {end[0]}", pair=f"$A {end[0]} $B:1 {end[0]}:1", special_tokens=[end]
    )
    return tokenizer


def _wrapped(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=_SPECIAL[0], eos_token=_SPECIAL[0])


def _save_original(
    folder: Path, config: Mapping[str, Any], parts: Mapping[str, Any], silence: torch.Tensor, shards: int
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        released_name(part, name): tensor.contiguous()
        for part, module in parts.items()
        for name, tensor in module.state_dict().items()
        if name != "silence_latent"
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    torch.save(silence, folder / SILENCE)
    metadata = {"format": "pt"}
    if shards == 1:
        save_file(tensors, folder / f"{MODEL}.safetensors", metadata)
        return
    names = list(tensors)
    weight_map: dict[str, str] = {}
    for number in range(shards):
        file = f"{MODEL}-{number + 1:05d}-of-{shards:05d}.safetensors"
        own = names[len(names) * number // shards : len(names) * (number + 1) // shards]
        save_file({name: tensors[name] for name in own}, folder / file, metadata)
        weight_map |= dict.fromkeys(own, file)
    total = sum(tensor.nbytes for tensor in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / f"{MODEL}.safetensors{INDEX}").write_text(json.dumps(index, indent=2) + "\n", "utf-8")


def _save_diffusers(folder: Path, parts: Mapping[str, Any], silence: torch.Tensor, vae: Any, text_encoder: Any) -> Path:
    parts["condition_encoder"].silence_latent.copy_(silence.transpose(1, 2))
    tokenizer = _wrapped(_tokenizer())
    scheduler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0)
    pipeline = AceStepPipeline(**parts, vae=vae, text_encoder=text_encoder, tokenizer=tokenizer, scheduler=scheduler)
    pipeline.save_pretrained(folder)
    return _labelled(folder)


def _labelled(folder: Path) -> Path:
    (folder / NOTE).write_text(
        "These weights are random, made by punchin for tests and trials. What they render is noise, not music.\n",
        "utf-8",
    )
    return folder
