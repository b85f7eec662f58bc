"""What kind of checkpoint a config describes, what it can do, and how it is rendered unless the user says otherwise. No torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from engine.spec import Verb

_EVERY_CHECKPOINT = frozenset({Verb.GENERATE, Verb.CONTINUE, Verb.REPAINT, Verb.COVER, Verb.UNDERSTAND})
_STEMS = frozenset({Verb.EXTRACT, Verb.LEGO, Verb.COMPLETE})


@dataclass(frozen=True, slots=True)
class Defaults:
    """Settings of the sampler that a checkpoint's makers recommend."""

    steps: int
    guidance: float
    shift: float


@dataclass(frozen=True, slots=True)
class Traits:
    """What kind of checkpoint it is; the tasks and the guidance depend on it."""

    name: str
    """Name of its folder."""
    turbo: bool = False
    """Distilled to few steps, without guidance."""
    xl: bool = False
    """The wide DiT, whose encoders are narrower than itself."""
    lego_sft: bool = False
    """Tuned for stems only, with prompts of its own."""
    base: bool = False
    """Can do every task. Base and SFT differ in no other setting: what neither folder nor settings call SFT is taken for base."""

    @classmethod
    def of(cls, name: str, config: Mapping[str, Any]) -> Self:
        """By its folder's name and its DiT's settings."""
        encoder_width = config.get("encoder_hidden_size")
        version = str(config.get("model_version") or "").lower()
        turbo = bool(config.get("is_turbo")) or version == "turbo"
        lego_sft = bool(config.get("is_lego_sft"))
        sft = "sft" in version or "sft" in name.lower()
        return cls(
            name=name,
            turbo=turbo,
            xl=encoder_width is not None and encoder_width != config.get("hidden_size"),
            lego_sft=lego_sft,
            base=not (turbo or lego_sft or sft),
        )

    @property
    def verbs(self) -> frozenset[Verb]:
        """What it was trained to do; stems from a distilled checkpoint are noise."""
        if self.lego_sft:
            return frozenset({Verb.LEGO})
        return _EVERY_CHECKPOINT | _STEMS if self.base else _EVERY_CHECKPOINT

    @property
    def defaults(self) -> Defaults:
        """Steps, guidance and shift; a distilled checkpoint is not guided."""
        return Defaults(steps=8, guidance=1.0, shift=3.0) if self.turbo else Defaults(steps=50, guidance=7.0, shift=1.0)
