"""Each verb as what the model is asked, shown and made to keep."""

from dataclasses import dataclass, replace
from math import ceil

import torch
from torch import Tensor

from engine.audio import FloatArray
from engine.backends.acestep import conditioning
from engine.backends.acestep.alignment import Aligned
from engine.backends.acestep.canvas import PATCH, SHORTEST_SECONDS, Canvas, laid_out
from engine.backends.acestep.flow import Condition
from engine.backends.acestep.planner import codes
from engine.backends.acestep.planner.planning import planned, scored
from engine.backends.acestep.planner.tokens import LATENTS_A_CODE
from engine.backends.acestep.prompts import Metas, Task, instruction, is_instrumental
from engine.backends.acestep.sampler import Kept
from engine.backends.acestep.session import RATE, Opening, Session, Switch
from engine.backends.base import MIX, Heard, Rendering, Report
from engine.errors import Unsupported
from engine.placement import fade_from
from engine.progress import shared
from engine.spec import ALL, INSTRUMENTS, RESIDUAL, RenderSpec, Verb
from engine.units import Seconds, Seed

READ_UNTIL, RENDERED_UNTIL = 0.1, 0.8
"""Shares of the progress bar."""
PLANNED_UNTIL = 0.5
"""The share of new music that is planned."""
THOUGHT_OUT_UNTIL = 0.2
"""The share of a track whose metadata is planned."""
SCORED_UNTIL = 0.85
LOOP_SEAM_SECONDS = 0.1
REPAINT_STRENGTH = 0.5
COVER_STRENGTH = 0.8
"""Up to here a cover follows the structure of its source for a growing share of the steps; above, its sound as well."""
RAMP_FRAMES = 25
"""Longest run of latents into the source beside a repaint that changes little."""


@dataclass(frozen=True, slots=True)
class _Work:
    session: Session
    spec: RenderSpec
    heard: Heard
    seed: Seed
    report: Report

    @property
    def frames(self) -> int:
        """Samples of the window."""
        return int(self.heard.samples.shape[1])

    def metas(self, latent_frames: int) -> Metas:
        return Metas.of(self.spec, Seconds(latent_frames * self.session.hop / RATE))

    def condition(
        self, task: Task, source: Tensor, marked: Tensor, report: Report, tracks: tuple[str, ...] = ()
    ) -> Condition:
        caption = _three_lines if self.session.traits.lego_sft else str
        asked = instruction(task, tracks)
        states = self.session.states(asked, self.spec, self.metas(source.shape[1]), report, caption)
        return Condition(asked, states, conditioning.context(source, marked))


def render(session: Session, spec: RenderSpec, heard: Heard, seed: Seed, report: Report) -> Rendering:
    """One take of one window, with a checkpoint that was trained for the verb."""
    made = _rendered(_Work(session, spec, heard, seed, report))
    return replace(made, note="; ".join(filter(None, (made.note, *dict.fromkeys(session.notes)))))


def _rendered(work: _Work) -> Rendering:
    spec = work.spec
    match spec.verb:
        case Verb.GENERATE:
            return _composed(work)
        case Verb.REPAINT | Verb.CONTINUE:
            return _painted(work)
        case Verb.COVER:
            return _covered(work)
        case Verb.EXTRACT:
            return _extracted(work)
        case Verb.LEGO:
            assert spec.track is not None
            return Rendering({spec.track: _stem(work, Task.LEGO, (spec.track,), work.report)})
        case Verb.COMPLETE:
            return Rendering({MIX: _stem(work, Task.COMPLETE, spec.tracks or (), work.report)})
        case Verb.UNDERSTAND:
            raise Unsupported("understand renders nothing")


def _three_lines(caption: str) -> str:
    """The caption of a checkpoint for stems."""
    return f"Global: {caption}\nLocal: \nMask Control: true"


# New music


def _composed(work: _Work) -> Rendering:
    """New music, planned first where the job has a planner: then in whole codes, so that the plan tells all of it and no more.

    A loop is rendered beyond its end, and what comes there flows into its start.
    """
    session, report = work.session, work.report
    seam = round(LOOP_SEAM_SECONDS * RATE) if work.spec.loop else 0
    together = PATCH if session.desk is None else PATCH * LATENTS_A_CODE
    count = _whole(max(work.frames + seam, SHORTEST_SECONDS * RATE), session.hop, together)
    shown, task = session.silence(count), Task.TEXT2MUSIC
    seconds = Seconds(count * session.hop / RATE)
    if session.desk is not None:
        plan = planned(session, work.spec, work.seed, seconds, codes.count(seconds), shared(report, 0.0, PLANNED_UNTIL))
        work, report = replace(work, spec=plan.spec), shared(report, PLANNED_UNTIL, 1.0)
        if plan.codes is not None:
            shown, task = session.told(plan.codes, count), Task.COVER
    condition = work.condition(task, shown, torch.ones(1, count, 1), shared(report, 0.0, READ_UNTIL))
    latents = session.takes(work.spec, [work.seed], condition, shared(report, READ_UNTIL, RENDERED_UNTIL))
    scoring = shared(report, RENDERED_UNTIL, SCORED_UNTIL)
    score = scored(session, work.spec, latents, seconds, scoring) if work.spec.rank else None
    sung = _sung(work, condition, latents, shared(scoring, 1.0, 1.0))
    if score is not None and sung is not None:
        score = (score + sung.score) / 2
    frames = work.frames + seam
    decoded = session.decoded(latents, shared(report, SCORED_UNTIL, 1.0), 0, ceil(frames / session.hop))
    samples = _looped(decoded, work.frames, seam) if seam else decoded[:, : work.frames]
    length = work.frames / RATE
    lines = tuple(line for line in sung.lines if line[0] < length) if sung else ()
    return Rendering({MIX: samples}, score=score, lines=lines)


def _sung(work: _Work, condition: Condition, latents: Tensor, report: Report) -> Aligned | None:
    """Where lines are sung, where somebody wants to know."""
    spec = work.spec
    if is_instrumental(spec.lyrics) or not (spec.lrc or spec.rank):
        return None
    found = work.session.sung(spec, work.seed, condition, latents, report)
    if found is None and spec.lrc:
        work.session.notes.append("no file of lyrics: it cannot be told from this checkpoint where they are sung")
    return found


def _whole(samples: int, hop: int, together: int) -> int:
    """Latent frames that hold so many samples, in runs of `together`."""
    return ceil(samples / (hop * together)) * together


def _looped(samples: FloatArray, frames: int, seam: int) -> FloatArray:
    loop: FloatArray = samples[:, :frames].copy()
    seam = min(seam, frames // 2)
    fade_from(samples[:, frames : frames + seam], loop[:, :seam])
    return loop


# A part of the source rendered again, or what comes before and after it


def _painted(work: _Work) -> Rendering:
    session, spec = work.session, work.spec
    canvas = laid_out(work.heard, session.hop)
    zones = [canvas.zone(span.first, span.end) for span in work.heard.spans]
    marked = conditioning.mask(zones, canvas.frames)
    first, end = canvas.zone(work.heard.source.first, work.heard.source.end)
    if bool(marked[:, first:end].all()):
        note = "the whole source was selected: this is a new piece of the same length"
        return replace(_composed(work), note=note)
    reading = shared(work.report, 0.0, READ_UNTIL)
    source = session.latents(canvas.samples, reading)
    hushed = conditioning.hushed(source, marked, session.modules)
    condition = work.condition(Task.REPAINT, hushed, marked, reading)
    freedom = REPAINT_STRENGTH if spec.strength is None else spec.strength
    kept = Kept(
        source.float(),
        marked.to(source.device),
        injected_steps=round((1 - freedom) * len(session.times(spec))),
        ramp_frames=round((1 - freedom) * RAMP_FRAMES),
    )
    rendering = shared(work.report, READ_UNTIL, RENDERED_UNTIL)
    latents = session.takes(spec, [work.seed], condition, rendering, kept=kept)
    return Rendering({MIX: _put_back(work, canvas, latents, zones)})


def _put_back(work: _Work, canvas: Canvas, latents: Tensor, zones: list[tuple[int, int]]) -> FloatArray:
    """The window with new audio in its zones and a frame beside them; all the rest is what was heard."""
    whole = canvas.samples.copy()
    hop = canvas.hop
    beside = [(max(first - 1, 0), min(end + 1, canvas.frames)) for first, end in zones]
    for number, (first, end) in enumerate(beside):
        report = shared(work.report, *(_between(RENDERED_UNTIL, 1.0, n / len(zones)) for n in (number, number + 1)))
        whole[:, first * hop : end * hop] = work.session.decoded(latents, report, first, end)
    return whole[:, canvas.offset : canvas.offset + work.frames]


def _between(begin: float, end: float, share: float) -> float:
    return begin + share * (end - begin)


# The whole source in another manner


def _covered(work: _Work) -> Rendering:
    """`strength` up to 0.8: for which share of the steps the source's structure is followed; above: from which noise on."""
    session, spec = work.session, work.spec
    strength = COVER_STRENGTH if spec.strength is None else spec.strength
    canvas = laid_out(work.heard, session.hop)
    reading = shared(work.report, 0.0, READ_UNTIL)
    source = session.latents(canvas.samples, reading)
    everywhere = torch.ones(1, canvas.frames, 1)
    closely = strength > COVER_STRENGTH
    shown = source if closely else session.retold(source)
    condition = work.condition(Task.COVER, shown, everywhere, reading)
    opening = switch = None
    if closely:
        opening = Opening(source.float(), 1 - (strength - COVER_STRENGTH) / (1 - COVER_STRENGTH) / 2)
    elif strength < COVER_STRENGTH:
        free = work.condition(Task.TEXT2MUSIC, session.silence(canvas.frames), everywhere, reading)
        switch = Switch(strength / COVER_STRENGTH, free)
    rendering = shared(work.report, READ_UNTIL, RENDERED_UNTIL)
    latents = session.takes(spec, [work.seed], condition, rendering, opening=opening, switch=switch)
    return Rendering({MIX: _window(work, canvas, latents, shared(work.report, RENDERED_UNTIL, 1.0))})


def _window(work: _Work, canvas: Canvas, latents: Tensor, report: Report) -> FloatArray:
    """Audio of the whole window."""
    first, end = canvas.zone(0, work.frames)
    decoded = work.session.decoded(latents, report, first, end)
    begin = canvas.offset - first * canvas.hop
    return decoded[:, begin : begin + work.frames]


# Stems out of the source, or beside it


def _extracted(work: _Work) -> Rendering:
    """One pass a stem."""
    asked = [track for track in work.spec.tracks or () if track != RESIDUAL]
    tracks = list(dict.fromkeys(track for one in asked for track in (INSTRUMENTS if one == ALL else (one,))))
    stems = {}
    for number, track in enumerate(tracks):
        report = shared(work.report, number / len(tracks), (number + 1) / len(tracks))
        stems[track] = _stem(work, Task.EXTRACT, (track,), report)
    return Rendering(stems)


def _stem(work: _Work, task: Task, tracks: tuple[str, ...], report: Report) -> FloatArray:
    canvas = laid_out(work.heard, work.session.hop)
    if work.session.desk is not None:
        seconds = Seconds(canvas.frames * canvas.hop / RATE)
        plan = planned(work.session, work.spec, work.seed, seconds, 0, shared(report, 0.0, THOUGHT_OUT_UNTIL))
        work, report = replace(work, spec=plan.spec), shared(report, THOUGHT_OUT_UNTIL, 1.0)
    reading = shared(report, 0.0, READ_UNTIL)
    source = work.session.latents(canvas.samples, reading)
    condition = work.condition(task, source, _marked(work, canvas, task), reading, tracks)
    latents = work.session.takes(work.spec, [work.seed], condition, shared(report, READ_UNTIL, RENDERED_UNTIL))
    return _window(work, canvas, latents, shared(report, RENDERED_UNTIL, 1.0))


def _marked(work: _Work, canvas: Canvas, task: Task) -> Tensor:
    """A new track may be wanted in a part only, and is marked there; of stems and accompaniments the model renders all."""
    spans = work.heard.spans
    if task is not Task.LEGO or sum(span.frames for span in spans) == work.frames:
        return torch.ones(1, canvas.frames, 1)
    return conditioning.mask([canvas.zone(span.first, span.end) for span in spans], canvas.frames)
