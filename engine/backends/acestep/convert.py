"""From the released checkpoints to the modules of diffusers: which tensor goes where, and which settings each module gets.

The weights of a release differ from what diffusers loads in their names only. So nothing is written anew: files stay where they
are, are mapped into memory, and each tensor is asked for by its released name.
"""

from collections.abc import Mapping
from typing import Any

NULL_CONDITION = "null_condition_emb"
_PREFIXES = {
    "decoder.": "transformer",
    "encoder.": "condition_encoder",
    "tokenizer.": "audio_tokenizer",
    "detokenizer.": "audio_token_detokenizer",
}
_PREFIX_OF = {part: prefix for prefix, part in _PREFIXES.items()}
_EVERYWHERE = (
    (".q_proj.", ".to_q."),
    (".k_proj.", ".to_k."),
    (".v_proj.", ".to_v."),
    (".o_proj.", ".to_out.0."),
    (".q_norm.", ".norm_q."),
    (".k_norm.", ".norm_k."),
)
_IN_TRANSFORMER = (("proj_in.1.", "proj_in_conv."), ("proj_out.1.", "proj_out_conv."))

_LAYERS = ("head_dim", "rope_theta", "attention_bias", "attention_dropout", "rms_norm_eps", "sliding_window")
_WIDTHS = ("hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads")
_TRANSFORMER = (
    *_LAYERS,
    *_WIDTHS,
    "num_hidden_layers",
    "in_channels",
    "audio_acoustic_hidden_dim",
    "patch_size",
    "layer_types",
    "encoder_hidden_size",
    "model_version",
)
_CONDITION_ENCODER = (
    *_LAYERS,
    "text_hidden_dim",
    "timbre_hidden_dim",
    "num_lyric_encoder_hidden_layers",
    "num_timbre_encoder_hidden_layers",
)
_DETOKENIZER = (*_LAYERS, "audio_acoustic_hidden_dim", "pool_window_size", "num_attention_pooler_hidden_layers")
_TOKENIZER = (*_DETOKENIZER, "fsq_dim", "fsq_input_levels", "fsq_input_num_quantizers")


def released_name(part: str, name: str) -> str:
    """The name that a tensor of a diffusers module has in a released DiT file."""
    if part == "condition_encoder" and name == NULL_CONDITION:
        return name
    if part == "transformer":
        for released, ours in _IN_TRANSFORMER:
            if name.startswith(ours):
                name = released + name.removeprefix(ours)
    for released, ours in _EVERYWHERE:
        name = name.replace(ours, released)
    return _PREFIX_OF[part] + name


def diffusers_name(released: str) -> tuple[str, str] | None:
    """Module and name that a tensor of a released DiT file has in diffusers; None when it belongs to none of them."""
    if released == NULL_CONDITION:
        return "condition_encoder", released
    for prefix, part in _PREFIXES.items():
        if released.startswith(prefix):
            name = released.removeprefix(prefix)
            for theirs, ours in _IN_TRANSFORMER if part == "transformer" else ():
                if name.startswith(theirs):
                    name = ours + name.removeprefix(theirs)
            for theirs, ours in _EVERYWHERE:
                name = name.replace(theirs, ours)
            return part, name
    return None


def settings_of_parts(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The settings of the four diffusers modules, from the `config.json` of a released DiT.

    Encoder, tokenizer and detokenizer take the widths that begin with `encoder_`, where there are any (XL), else the DiT's.
    """

    def taken(keys: tuple[str, ...]) -> dict[str, Any]:
        return {key: config[key] for key in keys if config.get(key) is not None}

    widths = {key: config.get(f"encoder_{key}") or config.get(key) for key in _WIDTHS}
    widths = {key: value for key, value in widths.items() if value is not None}
    types = config.get("layer_types")

    def layers(count_key: str) -> dict[str, Any]:
        return {"layer_types": list(types[: config[count_key]])} if types and config.get(count_key) else {}

    transformer = taken(_TRANSFORMER)
    transformer.setdefault("encoder_hidden_size", config.get("hidden_size"))
    transformer["is_turbo"] = bool(config.get("is_turbo")) or config.get("model_version") == "turbo"
    pooler = layers("num_attention_pooler_hidden_layers")
    return {
        "transformer": transformer,
        "condition_encoder": taken(_CONDITION_ENCODER) | widths | layers("num_lyric_encoder_hidden_layers"),
        "audio_tokenizer": taken(_TOKENIZER) | widths | pooler,
        "audio_token_detokenizer": taken(_DETOKENIZER) | widths | pooler,
    }
