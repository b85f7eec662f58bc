"""The gate in numbers: what passes, what does not, and what the old audio excuses."""

import numpy as np
import pytest

from engine import gate
from engine.errors import BadOutput
from engine.units import Frames, SampleRate

RATE = 48000


def tone(level=0.5, seconds=1.0, channels=2, frequency=220.0):
    time = np.arange(round(seconds * RATE)) / RATE
    return np.tile(level * np.sin(2 * np.pi * frequency * time), (channels, 1)).astype(np.float32)


def check(samples, *, frames=RATE, reference=None, sound_expected=True, file_format="wav32f"):
    gate.check(
        samples,
        frames=Frames(frames),
        rate=SampleRate(RATE),
        reference=reference,
        sound_expected=sound_expected,
        file_format=file_format,
    )


@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("file_format", ["wav32f", "wav24", "flac"])
def test_sound_passes(channels, file_format):
    check(tone(channels=channels), file_format=file_format)


def test_the_length_must_be_exact_to_the_frame():
    for wrong in (RATE - 1, RATE + 1):
        with pytest.raises(BadOutput, match=rf"{RATE} frames instead of {wrong} \("):
            check(tone(), frames=wrong)
    check(np.zeros((2, 0), np.float32), frames=0)


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_found_with_its_place(poison):
    samples = tone()
    samples[1, 12000] = samples[0, 36000] = poison
    with pytest.raises(BadOutput, match=r"2 samples .* the first at 0\.250 s"):
        check(samples)


def test_silence_passes_only_where_it_is_expected_or_was_there():
    quiet, silence = tone(10 ** (-61 / 20)), np.zeros((2, RATE), np.float32)
    for samples, level in ((quiet, "-61.0"), (silence, "-144.0")):
        with pytest.raises(BadOutput, match=f"silent: its peak is {level} dBFS"):
            check(samples)
        with pytest.raises(BadOutput, match="silent"):
            check(samples, reference=tone())
        check(samples, sound_expected=False)
        check(samples, reference=quiet)
    check(tone(10 ** (-59 / 20)))


def test_is_silent_draws_the_line_at_60_db_below_full_scale():
    assert gate.is_silent(np.full((1, 10), 0.00099, np.float32))
    assert not gate.is_silent(np.full((1, 10), 0.00101, np.float32))
    assert gate.is_silent(np.zeros((2, 0), np.float32))


def test_dc_is_measured_by_channel_and_excused_by_what_was_there():
    samples = tone(0.2)
    samples[1] += 0.06
    with pytest.raises(BadOutput, match=r"DC offset of 0\.060 .* \(before: 0\.000\)"):
        check(samples, reference=tone())
    check(samples, reference=tone() + np.float32(0.07))
    with pytest.raises(BadOutput, match=r"before: 0\.055"):
        check(samples, reference=tone() + np.float32(0.055))
    check(tone(0.2) + np.float32(0.04))


def clipped(gain, ceiling):
    return np.clip(tone(gain), -ceiling, ceiling)


def test_flat_tops_are_found_at_any_ceiling_that_is_loud():
    for ceiling in (1.0, 0.97, 0.9):
        with pytest.raises(BadOutput, match="flat-topped"):
            check(clipped(1.5, ceiling))
    check(clipped(1.5, 0.89))


def test_the_share_of_flat_tops_is_that_of_a_clipped_sine():
    # |1.5 sin| >= 1 for 1 - 2 asin(1/1.5) / pi of the time.
    expected = 1 - 2 * np.arcsin(1 / 1.5) / np.pi
    assert gate.clipped_share(clipped(1.5, 1.0)) == pytest.approx(expected, abs=0.01)
    assert gate.clipped_share(tone(1.0)) == 0
    one = tone(0.5)
    one[1] = clipped(1.5, 1.0)[1]
    assert gate.clipped_share(one) == pytest.approx(expected, abs=0.01)


def test_a_run_of_four_counts_and_one_of_three_does_not():
    samples = np.zeros((1, 1000), np.float32)
    samples[0, 10:13] = 1.0
    assert gate.clipped_share(samples) == 0
    samples[0, 500:504] = -1.0
    assert gate.clipped_share(samples) == pytest.approx(0.004)
    samples[0, 996:] = 1.0
    assert gate.clipped_share(samples) == pytest.approx(0.008)


def test_clipping_is_excused_where_the_old_audio_was_clipped_half_as_much():
    hot, source = clipped(1.5, 1.0), clipped(1.2, 1.0)
    share, before = gate.clipped_share(hot), gate.clipped_share(source)
    assert before < share < 2 * before
    check(hot, reference=source)
    with pytest.raises(BadOutput, match="flat-topped"):
        check(clipped(6.0, 1.0), reference=clipped(1.05, 1.0))


def test_a_peak_over_full_scale_passes_in_float_only():
    hot = tone(1.5)
    check(hot)
    for file_format in ("wav24", "flac"):
        with pytest.raises(BadOutput, match=r"\+3\.52 dBFS; ask for format wav32f"):
            check(hot, file_format=file_format)
        check(tone(1.0), file_format=file_format)


def test_a_peak_far_over_full_scale_never_passes():
    check(tone(3.9))
    with pytest.raises(BadOutput, match=r"\+14\.0 dBFS, \+12 dBFS is the limit"):
        check(tone(5.0))
