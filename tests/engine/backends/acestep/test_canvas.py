"""Windows on the model's frames: whole patches, never too short, every sample where it was."""

import numpy as np
import pytest

from engine.backends.acestep.canvas import PATCH, laid_out
from engine.backends.base import Heard, Span
from engine.units import Frames, SampleRate, Seconds

RATE, HOP = 48000, 1920


def heard(frames, first=0, end=None):
    samples = np.zeros((2, frames), np.float32)
    end = frames if end is None else end
    samples[:, first:end] = 1 + np.arange(end - first)
    return Heard(samples, SampleRate(RATE), Seconds(0.0), Span(Frames(first), Frames(end - first)), ())


@pytest.mark.parametrize("frames", [1, 1000, 3 * RATE, 10 * RATE, 10 * RATE + 1, 29 * RATE + 12345])
def test_a_canvas_is_whole_patches_of_at_least_ten_seconds_and_holds_the_window(frames):
    window = heard(frames)
    canvas = laid_out(window, HOP)
    assert canvas.samples.shape[1] % (HOP * PATCH) == 0
    assert canvas.samples.shape[1] >= 10 * RATE
    assert canvas.samples.shape[1] < max(frames, 10 * RATE) + 2 * HOP * PATCH
    assert canvas.offset % (HOP * PATCH) == 0
    assert np.array_equal(canvas.samples[:, canvas.offset : canvas.offset + frames], window.samples)


def test_a_short_source_is_repeated_before_itself():
    canvas = laid_out(heard(3 * RATE), HOP)
    at = canvas.samples[0, : canvas.offset]
    assert at[-1] == 3 * RATE, "the loop's last sample comes right before its first"
    assert np.array_equal(at[-3 * RATE :], 1 + np.arange(3 * RATE))


def test_what_leads_into_a_short_source_is_followed_by_its_repetition():
    frames, first = 5 * RATE, 2 * RATE
    canvas = laid_out(heard(frames, first), HOP)
    assert canvas.offset == 0
    assert np.array_equal(canvas.samples[0, frames : frames + RATE], 1 + np.arange(RATE))


def test_a_source_in_the_middle_is_left_alone():
    canvas = laid_out(heard(4 * RATE, RATE, 3 * RATE), HOP)
    assert not canvas.samples[:, 4 * RATE :].any()


def test_a_zone_covers_every_frame_that_a_selection_touches():
    canvas = laid_out(heard(20 * RATE), HOP)
    assert canvas.zone(0, HOP) == (0, 1)
    assert canvas.zone(HOP - 1, HOP + 1) == (0, 2)
    assert canvas.zone(19 * RATE, 20 * RATE) == (475, 500)
