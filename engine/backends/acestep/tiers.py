"""What a machine can render, by its memory: the tiers of ACE-Step, and the plan that is made of them.

The daemon's process and the doctor read it as well, so nothing here imports torch. The table is that of the reference
implementation, made for the 2B model beside its language model. A plan is never looser than its tier, and becomes
stricter until what has to lie on the device fits into what is free there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.util import find_spec
from itertools import product
from typing import Literal, cast, get_args

from engine.errors import CannotStart

Kind = Literal["cuda", "rocm", "mps", "xpu", "cpu"]
Family = Literal["2b", "xl"]
Precision = Literal["float32", "float16", "bfloat16"]
Planner = Literal["0.6B", "1.7B", "4B"]
"""The language models that plan a piece."""

GIB = 1024**3
GB = 10**9
SIMULATIONS: Mapping[str, Kind] = {"MAX_CUDA_VRAM": "cuda", "MAX_MPS_VRAM": "mps", "MAX_XPU_VRAM": "xpu"}
"""Variables that give a device the memory of another, in GiB; the reference implementation knows them as well."""
NOT_POSSIBLE = 2
"""Exit code of the process that looks for a device, when a variable asks for what is not there."""
CONTEXT = GIB // 2
"""Bytes that a driver takes before the first tensor."""


class Residency(StrEnum):
    """Which modules lie on the device between two stages of a render."""

    KEEP = "keep"
    """All of them."""
    ONE_AT_A_TIME = "one_at_a_time"
    """The transformer; of the others each comes when it is needed, and leaves."""
    OFFLOAD = "offload"
    """None: the transformer comes and leaves as well."""


@dataclass(frozen=True, slots=True)
class Processor:
    """What a model runs on."""

    kind: Kind
    name: str
    total: int
    """Bytes of its memory; of the machine's, where it has none of its own."""
    free: int
    """Bytes of it that nobody has taken, the driver included."""
    bfloat16: bool
    """Whether it computes with that type by itself."""
    simulated: bool = False
    """Not there: its memory is that of a SIMULATIONS variable."""


@dataclass(frozen=True, slots=True)
class Tier:
    """One row of the table."""

    name: str
    limit: float
    """GiB of device memory below which it holds."""
    seconds: tuple[int, int]
    """Longest piece without a planner, and beside one."""
    batch: tuple[int, int]
    """Takes at once without a planner, and beside one."""
    residency: Residency
    int8: bool
    """Whether the transformer may be kept in 8 bits."""
    planners: tuple[Planner, ...] = ()
    """Those that fit."""
    includes_limit: bool = False
    """Whether exactly that much belongs to it as well."""


_OFFLOAD, _TURNS, _KEEP = Residency.OFFLOAD, Residency.ONE_AT_A_TIME, Residency.KEEP
TIERS = (
    Tier("1", 4, (360, 240), (1, 1), _OFFLOAD, int8=True, includes_limit=True),
    Tier("2", 6, (600, 480), (1, 1), _OFFLOAD, int8=True, includes_limit=True),
    Tier("3", 8, (600, 480), (2, 2), _OFFLOAD, int8=True, planners=("0.6B",), includes_limit=True),
    Tier("4", 12, (600, 480), (4, 2), _OFFLOAD, int8=True, planners=("0.6B",), includes_limit=True),
    Tier("5", 15.5, (600, 480), (4, 4), _TURNS, int8=True, planners=("0.6B", "1.7B")),
    Tier("6a", 20, (600, 480), (8, 4), _TURNS, int8=True, planners=("0.6B", "1.7B")),
    Tier("6b", 24, (480, 480), (8, 8), _KEEP, int8=False, planners=("0.6B", "1.7B", "4B")),
    Tier("unlimited", float("inf"), (600, 600), (8, 8), _KEEP, int8=False, planners=("0.6B", "1.7B", "4B")),
)

_TRANSFORMER: Mapping[Family, float] = {"2b": 3.008, "xl": 7.956}
"""GB in a type of 16 bits, as everything here."""
_TURN_TAKERS = {"text_encoder": 1.136, "condition_encoder": 1.16, "audio_tokenizer": 0.2, "audio_detokenizer": 0.2}
_VAE = 0.322
_PLANNERS: Mapping[Planner, float] = {"0.6B": 1.8, "1.7B": 4.4, "4B": 9.6}
"""With what they keep of 4096 tokens."""
_VAE_TILES = ((24, 512), (16, 384), (12, 256), (0, 128))
"""GiB free, and the frames that go through the VAE at once from there on."""
_VAE_TILE_ON_MPS = 32
"""Its convolutions refuse more output than that."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user settles; None leaves it to the plan."""

    dtype: Precision | None = None
    int8: bool | None = None
    compile: bool = False


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """How a model is laid out on a device, and how much it may render at once."""

    device: Kind
    name: str
    tier: str
    dtype: Precision
    vae_dtype: Precision
    residency: Residency
    int8: bool
    """Whether the transformer is kept in 8 bits."""
    compile: bool
    """Whether the transformer's layers are compiled."""
    max_seconds: int
    batch: int
    """Takes of a minute that are rendered at once."""
    vae_tile_frames: int
    needed: int
    """Bytes on the device for one take of a minute; estimated."""
    free: int
    """Bytes free on the device."""
    fits: bool
    """Whether a take of a minute fits at all."""
    reasons: tuple[str, ...]
    """Why it is so, a sentence each."""


def plan(
    processor: Processor,
    family: Family = "2b",
    *,
    guided: bool = False,
    planner: Planner | None = None,
    wishes: Wishes | None = None,
    can_quantise: bool = True,
) -> MemoryPlan:
    """The plan for a model of a family; `guided`: every step is computed with and without the prompt, as base and sft do.

    `can_quantise`: whether there is a library that keeps a model in 8 bits.
    """
    wishes = wishes or Wishes()
    tier = tier_of(processor)
    dtype, vae_dtype = _precisions(processor, wishes)
    tile = vae_tile_frames(processor.kind, processor.free)
    for residency, int8 in _layouts(tier, processor.kind, wishes, can_quantise=can_quantise):
        weights = _weights(family, planner, dtype, vae_dtype, residency, int8=int8)
        needed = weights + max(_item(60, guided=guided), _vae_work(tile, vae_dtype))
        if needed <= processor.free:
            break
    room = processor.free - weights
    beside = planner is not None
    seconds = min(tier.seconds[beside], max(60, _longest(room, guided=guided)))
    made = MemoryPlan(
        device=processor.kind,
        name=processor.name,
        tier=tier.name,
        dtype=dtype,
        vae_dtype=vae_dtype,
        residency=residency,
        int8=int8,
        compile=wishes.compile and processor.kind != "mps",
        max_seconds=seconds,
        batch=max(1, min(tier.batch[beside], room // _item(60, guided=guided))),
        vae_tile_frames=tile,
        needed=needed,
        free=processor.free,
        fits=needed <= processor.free,
        reasons=(),
    )
    reasons = [*_reasons(made, processor, tier, family, planner, wishes)]
    if not can_quantise and (
        wishes.int8 or (wishes.int8 is None and not made.fits and _may_quantise(tier, processor.kind))
    ):
        reasons.append("8 bits, which halve the transformer, need torchao: pip install 'punchin[int8]'")
    return replace(made, reasons=tuple(reasons))


def can_quantise() -> bool:
    """Whether the library that keeps a model in 8 bits is installed."""
    return find_spec("torchao") is not None


def takes_at_once(made: MemoryPlan, seconds: float, *, guided: bool = False) -> int:
    """Takes of that length that fit at once beside each other, at least one."""
    work = made.free - made.needed + _item(60, guided=guided)
    return max(1, min(made.batch, work // _item(seconds, guided=guided)))


def tier_of(processor: Processor) -> Tier:
    """The row of the table; without a graphics processor the first, however much memory the machine has."""
    if processor.kind == "cpu":
        return TIERS[0]
    size = processor.total / GIB
    return next(tier for tier in TIERS if size < tier.limit or (size == tier.limit and tier.includes_limit))


def vae_tile_frames(kind: Kind, free: int) -> int:
    """Latent frames that go through the VAE at once, with `free` bytes on the device."""
    if kind == "mps":
        return _VAE_TILE_ON_MPS
    if kind == "cpu":
        return 128
    return next(frames for least, frames in _VAE_TILES if free >= least * GIB)


def simulated(environ: Mapping[str, str], found: Processor) -> Processor:
    """What was found, with the memory that a SIMULATIONS variable names; a device that is not there is made up.

    Raises CannotStart when the variable holds no number of GiB above zero.
    """
    for variable, kind in SIMULATIONS.items():
        text = environ.get(variable, "").strip()
        if not text:
            continue
        total = int(_positive(variable, text) * GIB)
        free = max(0, total - CONTEXT)
        if found.kind == kind or (found.kind == "rocm" and kind == "cuda"):
            return replace(found, total=min(total, found.total), free=min(free, found.free))
        return Processor(kind, f"simulated by {variable}", total, free, bfloat16=kind != "mps", simulated=True)
    return found


def wished(environ: Mapping[str, str]) -> Wishes:
    """What the reference implementation's variables ask for: ACESTEP_DTYPE, ACESTEP_QUANTIZATION, ACESTEP_COMPILE_MODEL.

    Raises CannotStart for a type or a quantisation that is not known.
    """
    dtype = environ.get("ACESTEP_DTYPE", "").strip().lower()
    if dtype and dtype not in get_args(Precision):
        raise CannotStart(f"ACESTEP_DTYPE: {dtype!r} came, one of {', '.join(get_args(Precision))} is possible")
    int8 = {"": None, "none": False, "int8_weight_only": True}
    quantisation = environ.get("ACESTEP_QUANTIZATION", "").strip().lower()
    if quantisation not in int8:
        raise CannotStart(f"ACESTEP_QUANTIZATION: {quantisation!r} came, none or int8_weight_only is possible")
    compiled = environ.get("ACESTEP_COMPILE_MODEL", "").strip().lower() in {"1", "true", "yes", "on"}
    return Wishes(cast("Precision | None", dtype or None), int8[quantisation], compiled)


def _positive(variable: str, text: str) -> float:
    try:
        size = float(text)
    except ValueError:
        size = 0.0
    if not 0.0 < size < 1e6:
        raise CannotStart(f"{variable}: a number of gigabytes above 0 is possible, {text!r} came")
    return size


def _precisions(processor: Processor, wishes: Wishes) -> tuple[Precision, Precision]:
    """Types of the model and of the VAE. A processor's VAE is exact: there it costs time only."""
    if wishes.dtype is not None:
        return wishes.dtype, wishes.dtype
    if processor.kind == "mps":
        return "float16", "float16"
    if not processor.bfloat16:
        # float16 instead overflows in this model
        return "float32", "float32"
    return "bfloat16", "float32" if processor.kind == "cpu" else "bfloat16"


def planner_dtype(dtype: Precision) -> Precision:
    """The type of a planner beside a model of that type: its numbers do not fit into float16."""
    return "float32" if dtype == "float16" else dtype


def _may_quantise(tier: Tier, kind: Kind) -> bool:
    return tier.int8 and kind != "mps"


def _layouts(tier: Tier, kind: Kind, wishes: Wishes, *, can_quantise: bool) -> Iterator[tuple[Residency, bool]]:
    """Residency and 8 bits, the best first; 8 bits change the sound, so all else is tried before."""
    # where the device's memory is the machine's, nothing is won by moving
    first = Residency.KEEP if kind in {"cpu", "mps"} else tier.residency
    residencies = list(Residency)[list(Residency).index(first) :]
    bits = ((False, True) if _may_quantise(tier, kind) else (False,)) if wishes.int8 is None else (wishes.int8,)
    bits = bits if can_quantise else (False,)
    yield from ((residency, int8) for int8, residency in product(bits, residencies))


def _weights(
    family: Family, planner: Planner | None, dtype: Precision, vae_dtype: Precision, residency: Residency, *, int8: bool
) -> int:
    """Bytes of weights that lie on the device at once."""
    width, vae_width = (2 if each == "float32" else 1 for each in (dtype, vae_dtype))
    transformer = _TRANSFORMER[family] * (0.5 if int8 else width)
    others = [*(size * width for size in _TURN_TAKERS.values()), _VAE * vae_width]
    if planner is not None:
        others.append(_PLANNERS[planner] * (2 if planner_dtype(dtype) == "float32" else 1))
    at_once = {
        Residency.KEEP: transformer + sum(others),
        Residency.ONE_AT_A_TIME: transformer + max(others),
        Residency.OFFLOAD: max(transformer, *others),
    }
    return int(at_once[residency] * GB)


def _item(seconds: float, *, guided: bool) -> int:
    """Bytes that one take needs beside the weights, by the reference implementation's guard with its margin."""
    return int((0.5 + 0.15 * max(0.0, seconds - 60) / 60) * (2 if guided else 1) * 1.5 * GB)


def _longest(room: int, *, guided: bool) -> int:
    """Seconds of one take that fit into `room` bytes, in steps of ten; the inverse of `_item`."""
    base = room / GB / 1.5 / (2 if guided else 1)
    return int(60 + (base - 0.5) / 0.15 * 60) // 10 * 10


def _vae_work(tile: int, dtype: Precision) -> int:
    """Bytes of a pass through the decoder: about five tensors of 128 channels at the full rate."""
    return tile * 1920 * 128 * 5 * (4 if dtype == "float32" else 2)


def _reasons(
    made: MemoryPlan, processor: Processor, tier: Tier, family: Family, planner: Planner | None, wishes: Wishes
) -> Iterator[str]:
    if made.device == "cpu":
        yield "no graphics processor is used: tier 1, and renders take minutes"
    else:
        yield f"{processor.total / GIB:.1f} GiB are tier {tier.name}"
    if not made.fits:
        yield f"the {family} model needs {made.needed / GIB:.1f} GiB for a minute, {made.free / GIB:.1f} are free"
    if made.dtype == "float32" and wishes.dtype is None:
        yield "float32, because this processor does not compute bfloat16 by itself"
    if made.residency is not Residency.KEEP:
        stricter = made.device in {"cpu", "mps"} or made.residency is not tier.residency
        why = f"the {family} model does not fit otherwise" if stricter else "the tier asks for it"
        yield f"modules leave the device after their work ({made.residency.replace('_', ' ')}), because {why}"
    if made.int8 and wishes.int8 is None:
        yield "the transformer in 8 bits, because it does not fit otherwise; adapters cannot be loaded into it"
    if made.max_seconds < tier.seconds[planner is not None]:
        yield f"at most {made.max_seconds} s, because more does not fit"
    if planner is not None and planner not in tier.planners:
        yield f"the planner {planner} is too large for this tier"
    if wishes.compile and not made.compile:
        yield "not compiled: this device cannot"
