"""A source understood, inside the worker: measured without a model, and described by an engine that can."""

from dataclasses import replace

from engine.analysis.measuring import measured
from engine.backends.adapt import described
from engine.backends.base import Backend, Describer, Description, Heard, Report, Span, Stage
from engine.progress import shared
from engine.source import Source
from engine.spec import RenderSpec
from engine.understanding import Measured, Told, Understanding
from engine.units import Frames, Seconds

MEASURING_SHARE = 0.3
"""The part of the progress bar that belongs to measuring, where an engine has something to say as well."""


def understood(spec: RenderSpec, description: Description, backend: Backend, report: Report) -> Understanding:
    """Understand the source of a spec, or the selected part of it alone.

    Raises BadSource, TooLarge, and what the engine raises.
    """
    report(0.0, Stage.READING)
    heard = _heard(spec)
    share = MEASURING_SHARE if isinstance(backend, Describer) else 1.0
    while_measuring = shared(report, 0.0, share)
    found = measured(heard.samples, heard.rate, lambda fraction: while_measuring(fraction, Stage.READING))
    told = Told()
    if isinstance(backend, Describer):
        told = described(backend, description, spec, heard, shared(report, share, 1.0))
    report(1.0, Stage.READING)
    return Understanding(_from_start(found, heard.start), told)


def _heard(spec: RenderSpec) -> Heard:
    source = Source.of(spec)
    window = source.beside(spec, before=Seconds(0.0), after=Seconds(0.0))
    clip = window.parts[0].clip
    samples = source.hear(window).samples[:, clip.first : clip.end]
    everything = Span(Frames(0), clip.frames)
    start = Seconds(window.start + clip.first / source.rate)
    return Heard(samples, source.rate, start, everything, (everything,))


def _from_start(found: Measured, start: Seconds) -> Measured:
    """With times counted from the source's start."""
    return replace(found, chords=tuple((round(start + time, 3), name) for time, name in found.chords))
