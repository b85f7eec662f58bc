"""The draft engine as a backend: each verb to the room that does it."""

from engine.backends.base import MIX, Heard, Rendering, Report, Stage
from engine.backends.draft.compose import compose
from engine.backends.draft.reuse import fill, texture_fill
from engine.backends.draft.separate import separate
from engine.backends.draft.separator.masks import Separator
from engine.errors import Unsupported
from engine.spec import RenderSpec, Verb
from engine.units import Seed


class Draft:
    """Renders at whatever rate and channel count it is given. Deterministic by seed."""

    def render(self, spec: RenderSpec, heard: Heard, seed: Seed, report: Report) -> Rendering:
        """Render one take of one window; raises Unsupported for verbs that need a model."""
        match spec.verb:
            case Verb.GENERATE:
                return _composed(spec, heard, seed, report)
            case Verb.REPAINT | Verb.CONTINUE:
                return fill(heard, spec, seed, report) or texture_fill(heard, spec, seed, report)
            case Verb.EXTRACT:
                return _stems(heard, report)
            case _:
                raise Unsupported(f"the draft engine cannot {spec.verb}")


def _stems(heard: Heard, report: Report) -> Rendering:
    report(0.0, Stage.LOADING)
    note, net = "", None
    try:
        net = Separator()
    except ImportError as error:
        note = f"without the trained net, as onnxruntime cannot be imported ({error}): stems are split less cleanly"
    return Rendering(separate(heard.samples, heard.rate, report, net), note)


def _composed(spec: RenderSpec, heard: Heard, seed: Seed, report: Report) -> Rendering:
    frames = heard.samples.shape[1]
    mix, _, _ = compose(spec, seed, frames, heard.rate, lambda fraction: report(fraction, Stage.RENDERING))
    return Rendering({MIX: mix})
