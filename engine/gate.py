"""The gate that every render passes: audio that nobody would want on a track ends the job before it reaches the DAW."""

import numpy as np

from engine.audio import FloatArray, peak_db
from engine.errors import BadOutput
from engine.spec import FileFormat
from engine.units import Decibels, Frames, SampleRate

SILENCE = Decibels(-60.0)
"""Below this peak a clip counts as silent."""
MAX_PEAK = Decibels(12.0)
"""Above this peak a float clip counts as broken: no mix holds that level."""
MAX_DC = 0.05
"""The largest mean of a channel, in full scales."""
CLIPPING_LEVEL = 0.9
"""A channel whose peak lies below it is not looked at for clipping."""
CLIPPING_RUN = 4
"""Equal samples in a row at a channel's peak that make a flat top."""
MAX_CLIPPED = 0.001
"""The largest share of frames that may lie in flat tops."""


def is_silent(samples: FloatArray) -> bool:
    """Whether the peak of [channels, frames] lies below -60 dBFS."""
    return peak_db(samples) < SILENCE


def dc_offset(samples: FloatArray) -> float:
    """The largest absolute mean of a channel of [channels, frames], in full scales; 0 for no frames."""
    if samples.size == 0:
        return 0.0
    return float(np.abs(samples.mean(axis=1, dtype=np.float64)).max())


def clipped_share(samples: FloatArray) -> float:
    """The share of frames of [channels, frames] that lie in a flat top of at least one channel, 0 to 1.

    A flat top is a run of 4 or more equal samples at the channel's own peak, where that peak is 0.9 or more: so audio
    that was clipped and then turned down a little is found as well.
    """
    if samples.size == 0:
        return 0.0
    flat = np.zeros(samples.shape[1], dtype=np.bool_)
    for channel in samples:
        peak = np.abs(channel).max()
        if peak < CLIPPING_LEVEL:
            continue
        for top in (peak, -peak):
            runs = np.flatnonzero(np.diff(channel == top, prepend=False, append=False)).reshape(-1, 2)
            runs = runs[runs[:, 1] - runs[:, 0] >= CLIPPING_RUN]
            steps = np.zeros(samples.shape[1] + 1, dtype=np.int8)
            steps[runs[:, 0]] = 1
            steps[runs[:, 1]] = -1
            flat |= np.cumsum(steps[:-1], dtype=np.int8).astype(np.bool_)
    return float(flat.mean())


def check(
    samples: FloatArray,
    *,
    frames: Frames,
    rate: SampleRate,
    reference: FloatArray | None,
    sound_expected: bool,
    file_format: FileFormat,
) -> None:
    """Raise BadOutput, with the figures, if a rendered clip is not fit for a track.

    `samples` are [channels, frames] as they will be written; `frames` is the length that was promised; `reference` is
    the old audio at and around the place, or None: what it has of DC, flat tops or silence the clip may have as well.
    """
    if samples.shape[1] != frames:
        seconds = (samples.shape[1] - frames) / rate
        raise BadOutput(f"the clip has {samples.shape[1]} frames instead of {frames} ({seconds:+.3f} s)")
    if frames == 0:
        return
    finite = np.isfinite(samples)
    if not finite.all():
        first = int(np.argmin(finite.all(axis=0)))
        count = int(finite.size - finite.sum())
        raise BadOutput(f"the clip holds {count} samples that are NaN or infinite, the first at {first / rate:.3f} s")
    _check_level(samples, reference, sound_expected=sound_expected, file_format=file_format)
    old = np.zeros((1, 0), dtype=np.float32) if reference is None else reference
    offset, old_offset = dc_offset(samples), dc_offset(old)
    if offset > max(MAX_DC, old_offset):
        figures = f"{offset:.3f} of full scale, {MAX_DC:g} is the limit (before: {old_offset:.3f})"
        raise BadOutput(f"the clip has a DC offset of {figures}")
    share, old_share = clipped_share(samples), clipped_share(old)
    if share > max(MAX_CLIPPED, 2 * old_share):
        figures = f"{share:.2%} of it is flat-topped, {MAX_CLIPPED:.2%} is the limit (before: {old_share:.2%})"
        raise BadOutput(f"the clip is clipped: {figures}")


def _check_level(
    samples: FloatArray, reference: FloatArray | None, *, sound_expected: bool, file_format: FileFormat
) -> None:
    peak = peak_db(samples)
    quiet_before = reference is not None and is_silent(reference)
    if sound_expected and not quiet_before and peak < SILENCE:
        raise BadOutput(f"the clip is silent: its peak is {peak:.1f} dBFS, sound has {SILENCE:g} dBFS or more")
    if peak > MAX_PEAK:
        raise BadOutput(f"the clip is far too loud: its peak is {peak:+.1f} dBFS, {MAX_PEAK:+g} dBFS is the limit")
    if peak > 0 and file_format != "wav32f":
        raise BadOutput(
            f"the clip would be clipped in {file_format}: its peak is {peak:+.2f} dBFS; ask for format wav32f"
        )
