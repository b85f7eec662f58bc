"""A backend that renders at one rate or channel count, made to fit audio of any."""

from dataclasses import replace

import numpy as np

from engine.audio import FloatArray, resample
from engine.backends.base import Backend, Describer, Description, Heard, Rendering, Report, Span
from engine.errors import BadOutput
from engine.spec import RenderSpec
from engine.understanding import Told
from engine.units import Frames, SampleRate, Seed


def rendered(
    backend: Backend, description: Description, spec: RenderSpec, heard: Heard, seed: Seed, report: Report
) -> Rendering:
    """Render one take at the backend's rate and channels, and bring it back to those of `heard`.

    Raises BadOutput when the backend returns another length or NaN.
    """
    channels, frames = heard.samples.shape
    rate = description.rate or heard.rate
    rendering = backend.render(spec, _at(heard, rate, description.channels or channels), seed, report)
    tracks = {
        name: _fitted(with_channels(resample(samples, rate, heard.rate), channels), frames)
        for name, samples in rendering.tracks.items()
    }
    return replace(rendering, tracks=tracks)


def described(backend: Describer, description: Description, spec: RenderSpec, heard: Heard, report: Report) -> Told:
    """What a backend says of a window, which it hears at its own rate and channels."""
    channels = description.channels or heard.samples.shape[0]
    return backend.describe(spec, _at(heard, description.rate or heard.rate, channels), report)


def _at(heard: Heard, rate: SampleRate, channels: int) -> Heard:
    if (rate, channels) == (heard.rate, heard.samples.shape[0]):
        return heard

    def moved(span: Span) -> Span:
        first = round(span.first * rate / heard.rate)
        return Span(Frames(first), Frames(round(span.end * rate / heard.rate) - first))

    samples = resample(with_channels(heard.samples, channels), heard.rate, rate)
    return Heard(samples, rate, heard.start, moved(heard.source), tuple(moved(span) for span in heard.spans))


def with_channels(samples: FloatArray, channels: int) -> FloatArray:
    """Mix to mono, keep the first channels, or repeat those that there are."""
    there = samples.shape[0]
    if channels == there:
        return samples
    if channels == 1:
        return np.asarray(samples.mean(axis=0, keepdims=True), np.float32)
    repeated: FloatArray = samples[np.arange(channels) % there]
    return repeated


def _fitted(samples: FloatArray, frames: int) -> FloatArray:
    """Resampling there and back may miss by a frame; anything more is the backend's fault."""
    missing = frames - samples.shape[1]
    if abs(missing) > 1:
        raise BadOutput(f"the engine returned {samples.shape[1]} frames instead of {frames}")
    if not np.isfinite(samples).all():
        raise BadOutput("the engine returned NaN or infinity: another seed may do better")
    fitted: FloatArray = np.pad(samples, ((0, 0), (0, max(missing, 0))), mode="edge")[:, :frames]
    return fitted
