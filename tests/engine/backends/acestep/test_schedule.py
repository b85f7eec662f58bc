import pytest

from engine.backends.acestep.schedule import begun_late, given, times


@pytest.mark.parametrize(
    ("shift", "table"),
    [
        (1.0, (1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125)),
        (2.0, (1, 0.9333, 0.8571, 0.7692, 0.6667, 0.5455, 0.4, 0.2222)),
        (3.0, (1, 0.9545, 0.9, 0.8333, 0.75, 0.6429, 0.5, 0.3)),
    ],
)
def test_eight_steps_are_the_tables_that_the_turbo_models_were_distilled_with(shift, table):
    assert times(8, shift) == pytest.approx(table, abs=5e-5)


def test_times_of_a_user_may_end_in_zero_and_must_fall():
    assert given([0.97, 0.5, 0.085, 0]) == (0.97, 0.5, 0.085)
    for wrong in ([0.5, 0.5], [0.2, 0.4], [1.2, 0.5], [0], []):
        with pytest.raises(ValueError, match="fall"):
            given(wrong)


def test_a_late_beginning_takes_up_the_schedule_at_the_nearest_time():
    whole = times(8, 1.0)
    assert begun_late(whole, 1.0) == whole
    assert begun_late(whole, 0.55) == (0.5, 0.375, 0.25, 0.125)
