"""A planner's folder into memory, as strictly as any other part of a checkpoint."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from engine.backends.acestep.checkpoint import assign_places, fill, qwen3
from engine.backends.acestep.guard import read_json
from engine.backends.acestep.planner.tokens import CODES, FIRST_CODE
from engine.backends.acestep.planner.vocabulary import Vocabulary
from engine.backends.acestep.resident import Resident
from engine.backends.base import Report
from engine.errors import BadModel


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """The model without a head, which is its embedding, and its vocabulary."""

    model: Any
    vocabulary: Vocabulary


def load(folder: Path, dtype: torch.dtype, report: Report, vocabulary: Vocabulary | None = None) -> LanguageModel:
    """Load a planner of any size onto the machine's own memory; `vocabulary`: its own, where it was read before.

    Raises NoModel when files are missing, BadModel when they are unsafe, damaged or of another model.
    """
    settings = read_json(folder / "config.json")
    rows = settings.get("vocab_size")
    if settings.get("model_type") != "qwen3" or not isinstance(rows, int) or rows < FIRST_CODE + CODES:
        raise BadModel(f"{folder} is no planner of ACE-Step 1.5: its settings name {rows} ids")
    if settings.get("tie_word_embeddings") is False:
        raise BadModel(f"{folder} has a head of its own, which no released planner has")
    part = qwen3("planner", folder, dtype)
    assign_places([part], part.files)
    fill([part], torch.device("cpu"), report, Resident())
    return LanguageModel(part.module, vocabulary or Vocabulary.load(folder))
