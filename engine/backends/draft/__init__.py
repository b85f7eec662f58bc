"""The built-in draft engine: no generative model; it arranges from rules and re-uses the user's own audio."""

from engine.backends.base import Description
from engine.errors import PunchinError, Unsupported
from engine.spec import INSTRUMENTS, OTHER, RenderSpec, Verb


def obstacle(spec: RenderSpec) -> PunchinError | None:
    """Whoever names adapters wants the sound of a model, which this engine does not have."""
    return Unsupported("lora: engine draft has no model that adapters could change") if spec.lora else None


DESCRIPTION = Description(
    name="draft",
    label="built-in draft engine: no generative model; it arranges from rules and re-uses your own audio",
    factory="engine.backends.draft.backend:Draft",
    verbs=frozenset(Verb),
    stems=("drums", "bass", OTHER),
    obstacle=obstacle,
    tracks=tuple(track for track in INSTRUMENTS if not track.endswith("vocals")),
)
