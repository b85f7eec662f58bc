"""A checkpoint in memory: its modules, strictly loaded, and what they are.

Weights are mapped, not read: on the CPU, in the type that they are stored in, they take no memory until they are used. Every name
and shape is held against the files' headers before the first tensor is touched.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import is_zipfile

import torch
from accelerate import init_empty_weights
from diffusers import AceStepTransformer1DModel, AutoencoderOobleck
from diffusers.pipelines.ace_step import AceStepAudioTokenDetokenizer, AceStepAudioTokenizer, AceStepConditionEncoder
from safetensors import safe_open
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3Model

from engine.backends.acestep.convert import released_name, settings_of_parts
from engine.backends.acestep.guard import SILENCE, headers, read_json, weight_files
from engine.backends.acestep.layout import DIFFUSION_MODEL, MODEL, PARTS, Layout, locate
from engine.backends.acestep.resident import Origin, Resident
from engine.backends.acestep.timbre import prepend_special_token
from engine.backends.acestep.traits import Traits
from engine.backends.base import Report, Stage
from engine.errors import BadModel, NoModel

END_OF_TEXT = "<|endoftext|>"
_CLASSES = {
    "transformer": AceStepTransformer1DModel,
    "condition_encoder": AceStepConditionEncoder,
    "audio_tokenizer": AceStepAudioTokenizer,
    "audio_token_detokenizer": AceStepAudioTokenDetokenizer,
}
_SILENCE_BUFFER = "silence_latent"
_LARGEST_SILENCE = 64_000_000
"""Bytes; the released one has 4 MB."""


@dataclass(frozen=True, slots=True)
class Dtypes:
    """Number formats of the modules; tokenizer and detokenizer have the condition encoder's."""

    transformer: torch.dtype
    condition_encoder: torch.dtype
    vae: torch.dtype
    text_encoder: torch.dtype

    @classmethod
    def all(cls, dtype: torch.dtype) -> "Dtypes":
        """The same for every module."""
        return cls(dtype, dtype, dtype, dtype)

    def of(self, part: str) -> torch.dtype:
        """The number format of a module, named as in `Modules`."""
        own = {"transformer": self.transformer, "vae": self.vae, "text_encoder": self.text_encoder}
        return own.get(part, self.condition_encoder)


@dataclass(slots=True)
class Modules:
    """A checkpoint, ready to run: no gradients, no dropout."""

    transformer: AceStepTransformer1DModel
    condition_encoder: AceStepConditionEncoder
    audio_tokenizer: AceStepAudioTokenizer
    audio_token_detokenizer: AceStepAudioTokenDetokenizer
    vae: AutoencoderOobleck
    text_encoder: Qwen3Model
    tokenizer: PreTrainedTokenizerFast
    """Appends `<|endoftext|>` to every text, as the released one does."""
    traits: Traits

    @property
    def latent_channels(self) -> int:
        """Channels of a latent frame: 64 in every release."""
        return int(self.vae.config.decoder_input_channels)

    @property
    def hop(self) -> int:
        """Samples of a latent frame: 1920 in every release."""
        return int(self.vae.hop_length)

    @property
    def rate(self) -> int:
        """Sample rate of the audio: 48000 in every release."""
        return int(self.vae.config.sampling_rate)

    @property
    def silence(self) -> torch.Tensor:
        """What the VAE makes of digital silence, [1, 15000, latent channels]; it is not zero."""
        return self.condition_encoder.silence_latent


@dataclass(slots=True)
class Part:
    """A module without weights, and where they are."""

    name: str
    module: torch.nn.Module
    files: list[Path]
    stored_name: Callable[[str], str]
    """From a name in the module to the name in the files."""
    dtype: torch.dtype
    given: Mapping[str, torch.Tensor] = field(default_factory=dict)
    """Tensors that come from elsewhere."""
    places: dict[str, tuple[Path, str]] = field(default_factory=dict)
    """Name in the module to file and name in the file."""
    ignored: frozenset[str] = frozenset()
    """Stored names that the module needs not have."""


def load(
    folder: Path,
    device: torch.device,
    dtypes: Dtypes | torch.dtype,
    report: Report,
    resident: Resident | None = None,
) -> Modules:
    """Load the checkpoint that `folder` names (see `layout.locate`) onto `device`.

    `report` is called between tensors, with the share of the weights that is done. With `resident`, tensors that another
    checkpoint of this process holds are shared with it, except those of the transformer, which adapters change.
    Raises NoModel when files are missing, BadModel when they are unsafe, damaged, or lack a tensor or have one too many.
    """
    layout = locate(folder)
    device = torch.empty(0, device=device).device  # `cuda` becomes `cuda:0`, as tensors call it
    dtypes = dtypes if isinstance(dtypes, Dtypes) else Dtypes.all(dtypes)
    parts, config = _original_parts(layout, dtypes) if layout.kind == "original" else _diffusers_parts(layout, dtypes)
    parts += [_vae(layout.vae, dtypes.vae), qwen3("text_encoder", layout.text_encoder, dtypes.text_encoder)]
    tokenizer = _tokenizer(layout.tokenizer)
    for files in {tuple(part.files) for part in parts}:
        assign_places([part for part in parts if tuple(part.files) == files], list(files))
    fill(parts, device, report, resident or Resident())
    modules = {part.name: part.module for part in parts}
    traits = Traits.of(layout.dit.name, config)
    if traits.xl:
        prepend_special_token(modules["condition_encoder"].timbre_encoder)
    return Modules(**modules, tokenizer=tokenizer, traits=traits)


# Modules without weights


def _original_parts(layout: Layout, dtypes: Dtypes) -> tuple[list[Part], dict[str, Any]]:
    config = read_json(layout.dit / "config.json")
    files = weight_files(layout.dit, MODEL)
    parts = []
    for name, settings in settings_of_parts(config).items():
        module = _empty(layout.dit / "config.json", partial(_CLASSES[name], **settings))
        parts.append(Part(name, module, files, partial(released_name, name), dtypes.of(name)))
        if name == "condition_encoder":
            parts[-1].given = {_SILENCE_BUFFER: read_silence(layout.dit / SILENCE)}
    return parts, config


def _diffusers_parts(layout: Layout, dtypes: Dtypes) -> tuple[list[Part], dict[str, Any]]:
    parts = [_diffusers_part(layout.dit / name, name, _CLASSES[name], dtypes.of(name)) for name in PARTS]
    return parts, read_json(layout.dit / "transformer" / "config.json")


def _vae(folder: Path, dtype: torch.dtype) -> Part:
    return _diffusers_part(folder, "vae", AutoencoderOobleck, dtype)


def _diffusers_part(folder: Path, name: str, kind: Callable[..., Any], dtype: torch.dtype) -> Part:
    config = {key: value for key, value in read_json(folder / "config.json").items() if not key.startswith("_")}
    config.pop("is_lego_sft", None)
    module = _empty(folder / "config.json", partial(kind, **config))
    return Part(name, module, weight_files(folder, DIFFUSION_MODEL), str, dtype)


def qwen3(name: str, folder: Path, dtype: torch.dtype) -> Part:
    """Qwen3 without its head; its tensors are stored with or without `model.` before their names."""
    config = Qwen3Config.from_dict(read_json(folder / "config.json"))
    module = _empty(folder / "config.json", partial(Qwen3Model, config))
    files = weight_files(folder, MODEL)
    prefixed = any(name.startswith("model.") for entries in headers(files).values() for name in entries)
    return Part(
        name,
        module,
        files,
        (lambda name: f"model.{name}") if prefixed else str,
        dtype,
        ignored=frozenset({"lm_head.weight"}),
    )


def _empty(settings: Path, build: Callable[[], Any]) -> torch.nn.Module:
    """A module whose parameters take no memory; buffers that are computed from settings are real."""
    try:
        with init_empty_weights(include_buffers=False), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of diffusers' VAE: nothing that a user could mend
            return build()
    except (TypeError, ValueError, KeyError, IndexError, RuntimeError) as error:
        raise BadModel(f"{settings} does not describe a model that can be built: {error}") from None


def _tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer as its file says, of no class of its own: those of some transformers versions drop what ends a text."""
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise NoModel(f"{file} is missing")
    try:
        return PreTrainedTokenizerFast(tokenizer_file=str(file), pad_token=END_OF_TEXT, padding_side="right")
    except Exception as error:  # noqa: BLE001  the library raises bare Exception
        raise BadModel(f"{file} cannot be read: {error}") from None


def read_silence(path: Path) -> torch.Tensor:
    """What the release keeps of the VAE's silence, [1, frames, channels] float32. No other object of a pickle is ever made.

    Raises NoModel when there is no such file, BadModel when it holds anything but one such tensor.
    """
    try:
        if path.stat().st_size > _LARGEST_SILENCE:
            raise BadModel(f"{path} is too large for one silent latent")
        if not is_zipfile(path):  # a bare pickle, as no torch of these years writes it
            raise BadModel(f"{path} holds no plain tensor: it is no archive of torch")
        silence = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise NoModel(f"{path} is missing") from None
    except (UnpicklingError, RuntimeError, ValueError, EOFError, OSError) as error:
        raise BadModel(f"{path} holds no plain tensor: {str(error).splitlines()[0]}") from None
    if not isinstance(silence, torch.Tensor) or silence.ndim != 3 or silence.shape[0] != 1:
        raise BadModel(f"{path} holds no tensor of the shape [1, channels, frames]")
    return silence.transpose(1, 2).float().contiguous()


# Weights


def assign_places(parts: list[Part], files: list[Path]) -> None:
    """Find every tensor of the modules that share these files. Raises BadModel for one missing, misshapen or too many."""
    found = headers(files)
    stored = {name: (path, entry) for path, entries in found.items() for name, entry in entries.items()}
    surplus = set(stored)
    where = files[0] if len(files) == 1 else files[0].parent
    for part in parts:
        surplus -= part.ignored
        for name, tensor in part.module.state_dict().items():
            if name in part.given:
                _check_shape(where, name, part.given[name].shape, tensor.shape)
                continue
            stored_name = part.stored_name(name)
            if stored_name not in stored:
                raise BadModel(f"{where}: tensor {stored_name} is missing")
            path, entry = stored[stored_name]
            _check_shape(path, stored_name, entry.shape, tensor.shape)
            part.places[name] = (path, stored_name)
            surplus.discard(stored_name)
    if surplus:
        raise BadModel(
            f"{where}: tensor {min(surplus)} belongs to no module of ACE-Step 1.5 ({len(surplus)} such tensors)"
        )


def _check_shape(path: Path, name: str, found: Any, wanted: Any) -> None:
    if tuple(found) != tuple(wanted):
        raise BadModel(f"{path}: tensor {name} has the shape {tuple(found)}, its settings ask for {tuple(wanted)}")


def fill(parts: list[Part], device: torch.device, report: Report, resident: Resident) -> None:
    """Read every tensor that has its place, and give each module its own; reports between tensors."""
    opened: dict[Path, Any] = {}
    total = sum(tensor.numel() for part in parts for tensor in part.module.state_dict().values())
    done = 0
    for part in parts:
        state = {name: tensor.to(device, part.dtype) for name, tensor in part.given.items()}
        done += sum(tensor.numel() for tensor in state.values())
        for name, (path, stored_name) in part.places.items():
            if path not in opened:
                opened[path] = safe_open(path, framework="pt")
            report(done / total, Stage.LOADING)
            state[name] = _parameter(part, name, path, stored_name, opened[path], device, resident)
            done += state[name].numel()
        part.module.load_state_dict(state, strict=True, assign=True)
        # The parameters are there already; this moves buffers that are not stored.
        part.module.to(device).eval().requires_grad_(requires_grad=False)
    report(1.0, Stage.LOADING)


def _parameter(
    part: Part, name: str, path: Path, stored_name: str, file: Any, device: torch.device, resident: Resident
) -> torch.nn.Parameter:
    shareable = part.name != "transformer"
    origin = Origin.of(path, stored_name)
    tensor = resident.from_file(part.name, name, origin, part.dtype, device) if shareable else None
    if tensor is None:
        tensor = file.get_tensor(stored_name).to(device, part.dtype)
        if shareable:
            equal = resident.equal(part.name, name, tensor)
            tensor = tensor if equal is None else equal
    parameter = torch.nn.Parameter(tensor, requires_grad=False)
    if shareable:
        resident.keep(part.name, name, origin, parameter)
    return parameter


def tensors(modules: Modules) -> Iterator[tuple[str, torch.Tensor]]:
    """Every stored tensor of a checkpoint, as `module.name`."""
    for part in (*PARTS, "vae", "text_encoder"):
        for name, tensor in getattr(modules, part).state_dict().items():
            yield f"{part}.{name}", tensor
