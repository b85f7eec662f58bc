import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.backends.base import Heard, Span
from engine.placement import match_level, outside, place, residual, span_of, windows
from engine.units import Frames, SampleRate, Seconds

RATES = (8000, 44100, 48000, 88200, 96000, 192000)
rates = st.sampled_from(RATES)


def noise(channels, frames, seed=0, level=0.1):
    return (np.random.default_rng(seed).standard_normal((channels, frames)) * level).astype(np.float32)


def heard_for(window, source, rate):
    """What a window of this source holds, as the reader of files would give it."""
    first = window.start * rate
    samples = np.zeros((source.shape[0], window.frames), np.float32)
    begin, end = max(first, 0), min(first + window.frames, source.shape[1])
    if begin < end:
        samples[:, begin - first : end - first] = source[:, begin:end]
    held = Span(Frames(begin - first), Frames(max(end - begin, 0)))
    return Heard(samples, SampleRate(rate), Seconds(window.start), held, tuple(part.rendered for part in window.parts))


def plan(spans, source_frames, rate, before=1.0, after=1.0, handles=0):
    return windows(spans, Frames(source_frames), SampleRate(rate), before=before, after=after, handles=Frames(handles))


@given(rates, st.floats(-10, 600), st.floats(0.01, 600))
def test_a_span_has_exactly_the_promised_frames(rate, start, length):
    end = start + length
    span = span_of(Seconds(start), Seconds(end), SampleRate(rate))
    assert span.frames == round((end - start) * rate)
    assert span.first == round(start * rate)


@settings(max_examples=60, deadline=None)
@given(
    rates,
    st.integers(1, 8),
    st.floats(0.1, 3.0),
    st.floats(0.01, 0.6),
    st.sampled_from([0.0, 0.0005, 0.03, 5.0]),
    st.sampled_from([0.0, 0.013, 0.25]),
)
def test_a_repaint_is_exact_and_leaves_everything_else_bit_identical(rate, channels, start, length, crossfade, handle):
    source = noise(channels, 4 * rate)
    span = span_of(Seconds(start), Seconds(start + length), SampleRate(rate))
    assume(span.end + 0.3 * rate < source.shape[1])
    handles = round(handle * rate)
    (window,) = plan([span], source.shape[1], rate, handles=handles)
    (part,) = window.parts
    heard = heard_for(window, source, rate)
    clip = place(
        heard,
        noise(channels, window.frames, 1),
        part,
        crossfade=Frames(round(crossfade * rate)),
        handles=Frames(handles),
    )
    assert clip.shape == (channels, round((start + length - start) * rate) + 2 * handles)
    first = span.first - handles
    old = np.pad(source, ((0, 0), (max(-first, 0), 0)))[:, max(first, 0) :]
    assert np.array_equal(clip[:, :handles], old[:, :handles])
    tail = handles + span.frames
    assert np.array_equal(clip[:, tail:], old[:, tail : tail + handles])
    if crossfade:
        assert np.array_equal(clip[:, handles], source[:, span.first]), "the seam begins with the source alone"
        assert np.array_equal(clip[:, tail - 1], source[:, span.end - 1]) or span.frames < 4


@pytest.mark.parametrize("rate", RATES)
def test_an_impulse_in_the_rendering_stays_on_its_frame(rate):
    source = np.zeros((2, 3 * rate), np.float32)
    span = span_of(Seconds(1.00037), Seconds(2.1), SampleRate(rate))
    (window,) = plan([span], source.shape[1], rate)
    new = np.zeros((2, window.frames), np.float32)
    at = round(1.5 * rate)
    new[:, at - window.start * rate] = 1.0
    clip = place(
        heard_for(window, source, rate), new, window.parts[0], crossfade=Frames(rate // 100), handles=Frames(0)
    )
    assert np.flatnonzero(clip[0]).tolist() == [at - span.first]
    assert clip[0, at - span.first] == 1.0


def test_a_seam_keeps_the_power_of_unrelated_material():
    rate = 48000
    source = noise(1, 8 * rate, 0)
    span = span_of(Seconds(3), Seconds(5), SampleRate(rate))
    (window,) = plan([span], source.shape[1], rate)
    clip = place(
        heard_for(window, source, rate),
        noise(1, window.frames, 1),
        window.parts[0],
        crossfade=Frames(rate // 2),
        handles=Frames(0),
    )
    blocks = clip[0, : rate // 2].reshape(10, -1)
    level = 10 * np.log10(np.mean(blocks**2, axis=1) / 0.01)
    assert np.abs(level).max() < 0.5


@given(st.floats(-20, 30), st.integers(1, 2))
@settings(max_examples=30, deadline=None)
def test_new_audio_is_matched_in_loudness_within_twelve_decibels(offset_db, channels):
    rate = 16000
    source = noise(channels, 12 * rate, 0, 0.02)
    span = Span(Frames(5 * rate), Frames(3 * rate))
    (window,) = plan([span], source.shape[1], rate, before=4, after=4)
    heard = heard_for(window, source, rate)
    new = noise(channels, window.frames, 1, 0.02 * 10 ** (offset_db / 20))
    inside = window.parts[0].clip
    matched = match_level(heard, new, inside)[:, inside.first : inside.end]
    level = 20 * np.log10(matched.std() / source.std())
    excess = np.sign(offset_db) * max(abs(offset_db) - 12, 0)
    assert abs(level - excess) < 0.8


def test_a_piece_that_fades_away_is_taken_up_again_at_its_own_level():
    rate = 16000
    source = noise(1, 10 * rate, 0, 0.1)
    source[:, 8 * rate :] *= np.linspace(1, 0.02, 2 * rate, dtype=np.float32)
    (window,) = plan(outside(Seconds(10), Seconds(18), Frames(10 * rate), SampleRate(rate)), 10 * rate, rate, before=20)
    span = window.parts[0].clip
    matched = match_level(heard_for(window, source, rate), noise(1, window.frames, 1, 0.1), span)[
        :, span.first : span.end
    ]
    level = 20 * np.log10(np.array([matched[:, :rate].std(), matched[:, -rate:].std()]) / 0.1)
    assert level[0] < -6
    assert abs(level[1]) < 1


def test_matching_lifts_no_peak_above_full_scale():
    rate = 16000
    source = noise(1, 6 * rate, 0, 0.3).clip(-0.99, 0.99)
    span = Span(Frames(2 * rate), Frames(2 * rate))
    (window,) = plan([span], source.shape[1], rate)
    new = noise(1, window.frames, 1, 0.1)
    new[0, window.parts[0].clip.first + rate] = 0.9
    matched = match_level(heard_for(window, source, rate), new, window.parts[0].clip)
    assert np.abs(matched[:, window.parts[0].clip.first : window.parts[0].clip.end]).max() <= 1.0 + 1e-6


def test_silence_around_a_seam_changes_no_level():
    rate = 8000
    (window,) = plan([Span(Frames(rate), Frames(rate))], 3 * rate, rate)
    new = noise(1, window.frames, 1)
    heard = heard_for(window, np.zeros((1, 3 * rate), np.float32), rate)
    assert np.array_equal(match_level(heard, new, window.parts[0].clip), new)


@pytest.mark.parametrize("rate", RATES)
def test_a_continuation_begins_where_the_source_stopped(rate):
    time = np.arange(4 * rate) / rate
    source = np.sin(2 * np.pi * 110 * time)[None].astype(np.float32) * 0.5
    (span,) = outside(Seconds(2), Seconds(6.5), Frames(4 * rate), SampleRate(rate))
    assert (span.first, span.frames) == (4 * rate, round(2.5 * rate))
    (window,) = plan([span], source.shape[1], rate)
    new = noise(1, window.frames, 1, 0.1)
    clip = place(
        heard_for(window, source, rate), new, window.parts[0], crossfade=Frames(round(0.03 * rate)), handles=Frames(0)
    )
    step = abs(float(clip[0, 0] - source[0, -1]))
    assert step <= np.abs(np.diff(source[0])).max() + 1e-6


def test_a_continuation_both_ways_is_two_clips_with_handles_that_hold_rendered_audio():
    rate = 8000
    source = noise(2, 4 * rate)
    spans = outside(Seconds(-1.5), Seconds(5), Frames(4 * rate), SampleRate(rate))
    assert [(span.first, span.frames) for span in spans] == [(-12000, 12000), (32000, 8000)]
    (window,) = plan(spans, source.shape[1], rate, before=4, after=4, handles=400)
    assert window.start == -2
    new = noise(2, window.frames, 1)
    heard = heard_for(window, source, rate)
    before, after = (place(heard, new, part, crossfade=Frames(80), handles=Frames(400)) for part in window.parts)
    assert before.shape[1] == 12000 + 800
    assert np.array_equal(before[:, -400:], source[:, :400]), "the inner handle is source"
    assert np.array_equal(after[:, :400], source[:, -400:])
    assert np.any(before[:, :400]), "the outer handle is rendered"
    assert np.any(after[:, -400:])


def test_ranges_close_together_share_a_window_and_distant_ones_do_not():
    rate = 48000
    spans = [Span(Frames(second * rate), Frames(rate)) for second in (10, 14, 200)]
    near, far = plan(spans, 300 * rate, rate, before=20, after=20)
    assert [len(near.parts), len(far.parts)] == [2, 1]
    assert (near.start, near.frames) == (0, 35 * rate)
    assert (far.start, far.frames) == (180, 41 * rate)


@given(rates, st.floats(0, 50), st.floats(0.01, 20), st.floats(0, 30), st.floats(0, 30), st.floats(0, 2))
def test_a_window_holds_its_selection_and_never_more_than_it_needs(rate, start, length, before, after, handle):
    source = 60 * rate
    span = span_of(Seconds(start), Seconds(start + length), SampleRate(rate))
    (window,) = plan([span], source, rate, before=before, after=after, handles=round(handle * rate))
    (part,) = window.parts
    assert part.clip.first + window.start * rate == span.first
    assert 0 <= part.rendered.first <= part.clip.first
    assert part.clip.end <= part.rendered.end <= window.frames
    assert window.start >= (-3 if start < handle else 0)
    assert part.clip.first <= (max(before, handle) + 1) * rate + 1
    assert window.start * rate + window.frames <= max(source, part.rendered.end + window.start * rate)


def test_stems_and_residual_add_up():
    source = noise(2, 48000)
    stems = [noise(2, 48000, seed) for seed in (1, 2, 3)]
    total = residual(source, stems).astype(np.float64) + sum(stem.astype(np.float64) for stem in stems)
    difference = np.abs(total - source).max()
    assert 20 * np.log10(difference + 1e-12) < -120


def test_ten_minutes_and_ten_milliseconds():
    rate = 8000
    source = noise(1, 601 * rate)
    for start, end in ((0.5, 600.5), (3.0, 3.01)):
        span = span_of(Seconds(start), Seconds(end), SampleRate(rate))
        (window,) = plan([span], source.shape[1], rate)
        clip = place(
            heard_for(window, source, rate),
            noise(1, window.frames, 1),
            window.parts[0],
            crossfade=Frames(240),
            handles=Frames(0),
        )
        assert clip.shape[1] == round((end - start) * rate)
        assert np.isfinite(clip).all()
