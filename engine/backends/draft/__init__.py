"""The built-in draft engine: no generative model; it arranges from rules and re-uses the user's own audio."""

from engine.backends.base import Description
from engine.spec import OTHER, Verb

DESCRIPTION = Description(
    name="draft",
    label="built-in draft engine: no generative model; it arranges from rules and re-uses your own audio",
    factory="engine.backends.draft.backend:Draft",
    verbs=frozenset({Verb.GENERATE, Verb.CONTINUE, Verb.REPAINT, Verb.EXTRACT}),
    stems=("drums", "bass", OTHER),
)
