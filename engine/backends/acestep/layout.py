"""Where the parts of a checkpoint lie, in the released layout and in that of diffusers. Imports no torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.backends.acestep.guard import read_json, refuse_pickles
from engine.errors import BadModel, NoModel

VAE = "vae"
TEXT_ENCODER = "Qwen3-Embedding-0.6B"
PARTS = ("transformer", "condition_encoder", "audio_tokenizer", "audio_token_detokenizer")
"""What a DiT folder of the release holds in one, and diffusers in a folder each."""
MODEL = "model"
"""Stem of weight files in the layout of the release and of transformers."""
DIFFUSION_MODEL = "diffusion_pytorch_model"
"""Stem of weight files in the layout of diffusers."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one checkpoint."""

    kind: Literal["original", "diffusers"]
    dit: Path
    """Folder of the DiT with its encoders; in the layout of diffusers, the folder of their folders."""
    vae: Path
    text_encoder: Path
    tokenizer: Path


def is_dit(folder: Path) -> bool:
    """Whether a folder looks like a DiT of the release: its settings name the channels of a DiT's input."""
    try:
        return "in_channels" in read_json(folder / "config.json")
    except NoModel:
        return False


def locate(folder: Path) -> Layout:
    """The parts of the checkpoint that `folder` names.

    It may be a folder in the layout of diffusers; a DiT of the release, with `vae` and `Qwen3-Embedding-0.6B` beside it;
    or the folder that holds these and one DiT. Raises NoModel, which says what is missing.
    """
    if not folder.is_dir():
        raise NoModel(f"{folder} is no folder")
    if (folder / "model_index.json").is_file():
        return _complete(Layout("diffusers", folder, folder / VAE, folder / "text_encoder", folder / "tokenizer"))
    if is_dit(folder):
        return _original(folder, folder.parent)
    found = [path for path in sorted(folder.iterdir()) if path.is_dir() and is_dit(path)]
    if not found:
        refuse_pickles(folder)
        raise NoModel(f"{folder} holds no ACE-Step checkpoint: no config.json of a DiT, no model_index.json")
    if len(found) > 1:
        raise NoModel(f"{folder} holds several checkpoints, name one: {', '.join(path.name for path in found)}")
    return _original(found[0], folder)


def _original(dit: Path, root: Path) -> Layout:
    text_encoder = root / TEXT_ENCODER
    return _complete(Layout("original", dit, root / VAE, text_encoder, text_encoder))


def _complete(layout: Layout) -> Layout:
    wanted = [layout.vae, layout.text_encoder, layout.tokenizer]
    if layout.kind == "diffusers":
        wanted += [layout.dit / part for part in PARTS]
        name = read_json(layout.dit / "model_index.json").get("_class_name")
        if name != "AceStepPipeline":
            raise BadModel(f"{layout.dit} is a checkpoint of {name}, not of ACE-Step 1.5")
    for folder in wanted:
        if not folder.is_dir():
            raise NoModel(f"{folder} is missing: the checkpoint {layout.dit.name} needs it")
    return layout
