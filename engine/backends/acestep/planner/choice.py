"""Which language model plans a job, if any. No torch: the daemon asks before it accepts the job."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from engine.backends.acestep import shelf
from engine.backends.acestep.catalogue import BY_NAME
from engine.backends.acestep.guard import read_json
from engine.backends.acestep.layout import locate
from engine.backends.acestep.tiers import Planner, Processor, tier_of
from engine.errors import NoModel, PunchinError
from engine.expert import Expert
from engine.spec import RenderSpec, Verb

NAMES: Mapping[Planner, str] = {size: f"acestep-5Hz-lm-{size}" for size in ("0.6B", "1.7B", "4B")}
VERBS = frozenset({Verb.GENERATE, Verb.LEGO, Verb.COMPLETE, Verb.UNDERSTAND})
"""What a planner is of use for: a repaint, a cover and a stem follow their source."""
_WIDTHS: tuple[tuple[int, Planner], ...] = ((1024, "0.6B"), (2048, "1.7B"))


@dataclass(frozen=True, slots=True)
class Chosen:
    """A planner on this machine."""

    folder: Path
    size: Planner


def must_plan(spec: RenderSpec) -> bool:
    """Whether a job cannot do without a planner."""
    return (
        spec.verb is Verb.UNDERSTAND
        or spec.rank
        or (spec.verb in VERBS and spec.planner in {"on", "inspire", "rewrite"})
    )


def obstacle(spec: RenderSpec, checkpoint: Path) -> PunchinError | None:
    """Why a job that cannot do without a planner will not have one."""
    if not must_plan(spec):
        return None
    if find_spec("llguidance") is None:
        return NoModel("the planner needs llguidance: pip install 'punchin[ace]'")
    try:
        required(spec, checkpoint)
    except PunchinError as error:
        return error
    return None


def required(spec: RenderSpec, checkpoint: Path, processor: Processor | None = None) -> Chosen:
    """The planner that a spec names, else the largest here that the processor's memory is meant for, else the smallest.

    Raises NoModel when there is none.
    """
    named = (spec.expert or Expert()).planner_model
    if named:
        path = Path(named).expanduser()
        folder = path if path.is_absolute() else (_beside(checkpoint, named) or shelf.folder_of(named))
        return Chosen(folder, _size(folder))
    there = here(checkpoint)
    if not there:
        raise NoModel(f"no planner is here: punchin models pull {NAMES['0.6B']}")
    meant = [size for size in (tier_of(processor).planners if processor else ()) if size in there]
    size = meant[-1] if meant else next(iter(there))
    return Chosen(there[size], size)


def chosen(spec: RenderSpec, checkpoint: Path, processor: Processor) -> Chosen | None:
    """The planner of a job; None where it has none. Raises NoModel where it cannot do without."""
    if must_plan(spec):
        return required(spec, checkpoint, processor)
    if spec.planner != "auto" or spec.verb not in VERBS or find_spec("llguidance") is None:
        return None
    meant = tier_of(processor).planners
    return required(spec, checkpoint, processor) if any(size in meant for size in here(checkpoint)) else None


def here(checkpoint: Path) -> dict[Planner, Path]:
    """The whole planners beside a checkpoint and in the models folders, the smallest first."""
    found: dict[Planner, Path] = {}
    for size, name in NAMES.items():
        folder = _beside(checkpoint, name)
        if folder is None:
            try:
                folder = shelf.folder_of(name)
            except NoModel:
                continue
        found[size] = folder
    return found


def _beside(checkpoint: Path, name: str) -> Path | None:
    folder = locate(checkpoint).vae.parent / name
    return folder if shelf.state_of(folder, BY_NAME.get(name)) == "present" else None


def _size(folder: Path) -> Planner:
    width = read_json(folder / "config.json").get("hidden_size")
    return next((size for most, size in _WIDTHS if isinstance(width, int) and width <= most), "4B")
