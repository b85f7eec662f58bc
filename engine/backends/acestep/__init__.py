"""ACE-Step 1.5: the generative engine. Importing this costs nothing: torch and the models live in the worker."""

import logging
from collections.abc import Sequence
from importlib.util import find_spec

from engine.backends.acestep import allocator
from engine.backends.base import Description, Model
from engine.errors import NoModel, PunchinError
from engine.spec import INSTRUMENTS, RenderSpec, Verb
from engine.units import SampleRate, Seconds

_LIBRARIES = ("torch", "diffusers", "transformers")

# diffusers imports torchao where it is installed; of the kernels that it then misses, none is ours.
for _talker in ("torchao", "torch.utils._pytree", "diffusers.quantizers.torchao.torchao_quantizer"):
    logging.getLogger(_talker).setLevel(logging.ERROR)


def obstacle(spec: RenderSpec) -> PunchinError | None:
    """Why a job cannot be rendered here: a library, a checkpoint or an adapter is missing, or the checkpoint cannot do it."""
    missing = [library for library in _LIBRARIES if find_spec(library) is None]
    if missing:
        return NoModel(f"engine acestep needs {', '.join(missing)}: pip install 'punchin[ace]'")
    from engine.backends.acestep import choice, loras  # noqa: PLC0415  the daemon asks this only for a job
    from engine.backends.acestep.planner.choice import obstacle as planner_obstacle  # noqa: PLC0415

    try:
        found = planner_obstacle(spec, choice.checkpoint(spec))
        if found is not None:
            return found
        for each in loras.wanted(spec.lora):
            loras.place_of(each.name)
    except PunchinError as error:
        return error
    return None


def models() -> Sequence[Model]:
    """Every released checkpoint and those beside them, and how they stand on this machine."""
    from engine.backends.acestep.shelf import listed  # noqa: PLC0415  asked for rarely

    return listed()


DESCRIPTION = Description(
    name="acestep",
    label="ACE-Step 1.5: a generative model for music",
    factory="engine.backends.acestep.backend:AceStep",
    verbs=frozenset(Verb),
    stems=INSTRUMENTS,
    rate=SampleRate(48000),
    channels=2,
    longest_step=Seconds(3.0),  # one layer of the VAE on a slow processor
    obstacle=obstacle,
    models=models,
    environment=allocator.environment(),
)
