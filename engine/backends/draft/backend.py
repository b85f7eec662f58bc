"""The draft engine as a backend: each verb to the room that does it."""

from dataclasses import replace
from functools import cached_property

from engine.backends.base import MIX, Heard, Rendering, Report, Stage
from engine.backends.draft.addition import asked_tracks
from engine.backends.draft.compose import compose
from engine.backends.draft.cover import cover
from engine.backends.draft.fit import complete, lego
from engine.backends.draft.notation import midi_files
from engine.backends.draft.reuse import fill, has_surroundings, texture_fill
from engine.backends.draft.samples import Pack
from engine.backends.draft.separate import separate
from engine.backends.draft.separator.masks import Separator
from engine.backends.draft.shaping import needs_stems, shaped
from engine.backends.draft.vocals.carrier import VOCALS
from engine.backends.draft.vocals.singer import Singer, vocals
from engine.backends.draft.wishes import read
from engine.errors import Unsupported
from engine.progress import shared
from engine.spec import RESIDUAL, RenderSpec, Verb
from engine.units import Seed

_REUSE_SHARE = 0.4
_VOCALS_SHARE = 0.8
_ALONE = "there is no music around the selection: what it held was arranged anew"


class Draft:
    """Renders at whatever rate and channel count it is given. Deterministic by seed."""

    def __init__(self) -> None:
        self._pack = Pack()

    def render(self, spec: RenderSpec, heard: Heard, seed: Seed, report: Report) -> Rendering:
        """Render one take of one window; raises Unsupported for tracks that nobody here can play."""
        match spec.verb:
            case Verb.GENERATE:
                return _composed(spec, heard, seed, report, self._pack)
            case Verb.REPAINT | Verb.CONTINUE:
                return self._reused(spec, heard, seed, report)
            case Verb.EXTRACT:
                return self._stems(spec, heard, report)
            case Verb.LEGO:
                return lego(heard, spec, seed, report, self._pack)
            case Verb.COMPLETE:
                return complete(heard, spec, seed, report, self._pack)
            case Verb.COVER:
                return cover(heard, spec, seed, report, self._pack)
            case Verb.UNDERSTAND:
                raise Unsupported("understand renders nothing")

    @cached_property
    def _separator(self) -> Separator:
        """The net, loaded when stems are first asked for; raises ImportError without onnxruntime."""
        return Separator()

    @cached_property
    def _singer(self) -> Singer:
        """The nets for vocals, loaded when these are first asked for; raises NoModel or BadModel."""
        return Singer()

    def _stems(self, spec: RenderSpec, heard: Heard, report: Report) -> Rendering:
        """The stems that are asked for; beside vocals the others are those of what vocals leave."""
        report(0.0, Stage.LOADING)
        asked = set(spec.tracks or ())
        if VOCALS not in asked:
            net, note = self._net()
            return Rendering(separate(heard.samples, heard.rate, report, net), note)
        alone = asked <= {VOCALS, RESIDUAL}
        share = 1.0 if alone else _VOCALS_SHARE
        sung = vocals(heard.samples, heard.rate, self._singer, shared(report, 0.0, share))
        if alone:
            return Rendering({VOCALS: sung})
        net, note = self._net()
        others = separate(heard.samples - sung, heard.rate, shared(report, share, 1.0), net)
        return Rendering({VOCALS: sung, **others}, note)

    def _net(self) -> tuple[Separator | None, str]:
        """The net, or None and what the user should know then."""
        try:
            return self._separator, ""
        except ImportError as error:
            why = f"as onnxruntime cannot be imported ({error})"
            return None, f"without the trained net, {why}: stems are split less cleanly"

    def _reused(self, spec: RenderSpec, heard: Heard, seed: Seed, report: Report) -> Rendering:
        if spec.verb is Verb.REPAINT and not has_surroundings(heard):
            rendering = cover(heard, spec, seed, report, self._pack)
            return replace(rendering, note="; ".join(part for part in (_ALONE, rendering.note) if part))
        wishes, tracks = read(spec.prompt), asked_tracks(spec.prompt)
        share = _REUSE_SHARE if wishes or tracks else 1.0
        while_reusing, while_shaping = shared(report, 0.0, share), shared(report, share, 1.0)
        rendering = fill(heard, spec, seed, while_reusing) or texture_fill(heard, spec, seed, while_reusing)
        net, note = self._net() if needs_stems(wishes) else (None, "")
        rendering = replace(rendering, note="; ".join(part for part in (rendering.note, note) if part))
        return shaped(rendering, heard, spec, wishes, tracks, seed, while_shaping, self._pack, net)


def _composed(spec: RenderSpec, heard: Heard, seed: Seed, report: Report, pack: Pack) -> Rendering:
    frames = heard.samples.shape[1]
    mix, stems, score = compose(
        spec, seed, frames, heard.rate, lambda fraction: report(fraction, Stage.RENDERING), pack
    )
    return Rendering({MIX: mix} | (stems if spec.stems else {}), midi=midi_files(score) if spec.midi else {})
