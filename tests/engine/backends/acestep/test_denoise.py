"""The integration of the flow, on fields whose end is known."""

import pytest

torch = pytest.importorskip("torch", reason="the neural engine's tests need torch")

from engine.backends.acestep.sampler import Kept, Noise, denoise, ramped, varied  # noqa: E402
from engine.backends.acestep.schedule import times  # noqa: E402
from engine.errors import BadOutput, Cancelled  # noqa: E402

pytestmark = pytest.mark.neural


class Straight:
    """The field that leads every noise straight to one piece of music."""

    def __init__(self, music):
        self.music = music
        self.asked = []

    def __call__(self, x, time, *, corrects=False):
        self.asked.append((time, corrects))
        return (x - self.music) / time


def noise(seed=1, frames=40):
    return Noise([seed], frames, 4).draw()


@pytest.mark.parametrize("method", ["euler", "sde", "heun"])
def test_every_method_ends_where_a_straight_field_leads(method):
    music = noise(seed=9)
    source = Noise([1], 40, 4)
    found = denoise(lambda _: Straight(music), source.draw(), times(8, 3.0), method=method, fresh=source.draw)
    assert (found - music).abs().max() < 1e-5


def test_heun_corrects_every_step_but_the_last():
    field = Straight(noise(seed=9))
    denoise(lambda _: field, noise(), (1.0, 0.5), method="heun")
    assert field.asked == [(1.0, False), (0.5, True), (0.5, False)]


def test_heun_follows_a_curve_better_than_euler():
    # dx/dt = 2 x / t: x falls as time squared, from 1 at time 1 to .16 at time .4, where the last step begins.
    reached = {}
    for method in ("euler", "heun"):
        seen = []

        def field(number, seen=seen):
            def look(x, time, *, corrects=False):
                if not corrects:
                    seen.append((time, x.clone()))
                return 2 * x / time

            return look

        denoise(field, torch.ones(1, 2, 4), tuple(1 - 0.05 * step for step in range(13)), method=method)
        reached[method] = abs(float(seen[-1][1][0, 0, 0]) - 0.16)
    assert reached["heun"] < reached["euler"] / 4


def test_a_seed_means_the_same_in_every_batch():
    together = Noise([5, 6, 7], 30, 4)
    first, second = together.draw(), together.draw()
    for number, seed in enumerate([5, 6, 7]):
        alone = Noise([seed], 30, 4)
        assert torch.equal(alone.draw()[0], first[number])
        assert torch.equal(alone.draw()[0], second[number])
    assert not torch.equal(first, second)


def test_varied_noise_keeps_its_power_and_runs_from_one_to_the_other():
    one, other = Noise([1], 5000, 4).draw(), Noise([2], 5000, 4).draw()
    assert torch.allclose(varied(one, other, 0.0), one)
    assert torch.allclose(varied(one, other, 1.0), other, atol=1e-6)
    assert float(varied(one, other, 0.5).std()) == pytest.approx(1.0, abs=0.02)


def zone(*runs, frames=40):
    mask = torch.zeros(1, frames, 1)
    for first, end in runs:
        mask[:, first:end] = 1
    return mask


def test_outside_of_the_zone_the_source_stays_and_inside_it_goes():
    source, music = noise(seed=3), noise(seed=4)
    kept = Kept(source, zone((10, 20)), injected_steps=4, ramp_frames=0)
    found = denoise(lambda _: Straight(music), noise(), times(8, 1.0), kept=kept)
    assert torch.equal(found[:, :10], source[:, :10])
    assert torch.equal(found[:, 20:], source[:, 20:])
    assert (found[:, 10:20] - music[:, 10:20]).abs().max() < 1e-5


def test_while_injected_the_model_sees_the_source_at_its_noise_level():
    source, start = noise(seed=3), noise()
    seen = {}

    def field(number):
        def look(x, time, *, corrects=False):
            seen[number] = (time, x.clone())
            return torch.zeros_like(x)

        return look

    denoise(field, start, times(8, 1.0), kept=Kept(source, zone((10, 20)), injected_steps=4, ramp_frames=0))
    for number in range(1, 8):
        time, x = seen[number]
        as_kept = torch.equal(x[:, :10], time * start[:, :10] + (1 - time) * source[:, :10])
        assert as_kept == (number <= 4)


def test_ramps_lie_outside_of_the_zone_and_are_straight():
    mask = ramped(zone((10, 20))[0, :, 0], 4)
    assert mask[10:20].eq(1).all()
    assert mask[6:10].tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert mask[20:24].tolist() == pytest.approx([0.8, 0.6, 0.4, 0.2])
    assert mask[:6].eq(0).all()
    assert mask[24:].eq(0).all()
    between = ramped(zone((10, 20), (23, 30))[0, :, 0], 4)
    assert between[20:23].tolist() == pytest.approx([0.8, 0.6, 0.8])


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_never_leaves(bad):
    with pytest.raises(BadOutput):
        denoise(lambda _: lambda x, time, **_: torch.full_like(x, bad), noise(), (1.0, 0.5))


def test_silence_of_the_model_never_leaves():
    start = noise()
    with pytest.raises(BadOutput):
        denoise(lambda _: lambda x, time, **_: x / time, start, (1.0,))


def test_a_cancel_between_steps_ends_it():
    def stepped(number):
        if number == 2:
            raise Cancelled("enough")

    field = Straight(noise(seed=9))
    with pytest.raises(Cancelled):
        denoise(lambda _: field, noise(), times(8, 1.0), stepped=stepped)
    assert len(field.asked) == 3
