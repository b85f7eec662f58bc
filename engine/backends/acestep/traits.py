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

    alignment: tuple[tuple[int, tuple[int, ...]], ...] = ()
    """Layers of the transformer, and the heads in each, that attend to the lyrics word by word; none where they are not known."""

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
            alignment=_alignment(config),
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


_OF_2B = ((2, (6,)), (3, (10, 11)), (4, (3,)), (5, (8, 9)), (6, (8,)))
_OF_XL = ((3, (18, 27)), (4, (22,)), (5, (5, 6, 7)), (6, (2, 12, 13)), (7, (20, 21)))


def _alignment(config: Mapping[str, Any]) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """By the settings, where they name them; else those of the two released sizes."""
    told = config.get("lyric_alignment_layers_config")
    if isinstance(told, dict) and all(
        str(layer).isdecimal() and isinstance(heads, list) for layer, heads in told.items()
    ):
        return tuple((int(layer), tuple(map(int, heads))) for layer, heads in told.items())
    size = (config.get("num_hidden_layers"), config.get("num_attention_heads"))
    return _OF_2B if size == (24, 16) else _OF_XL if size == (32, 32) else ()
