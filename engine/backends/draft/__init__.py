"""The built-in draft engine: no generative model; it arranges from rules and re-uses the user's own audio."""

from engine.backends.base import Description
from engine.spec import INSTRUMENTS, OTHER, Verb

DESCRIPTION = Description(
    name="draft",
    label="built-in draft engine: no generative model; it arranges from rules and re-uses your own audio",
    factory="engine.backends.draft.backend:Draft",
    verbs=frozenset(Verb),
    stems=("drums", "bass", OTHER),
    tracks=tuple(track for track in INSTRUMENTS if not track.endswith("vocals")),
)
