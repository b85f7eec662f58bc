"""Guidance beside diffusers' own and beside geometry."""

import pytest

torch = pytest.importorskip("torch", reason="the neural engine's tests need torch")

from diffusers.guiders.adaptive_projected_guidance import MomentumBuffer, normalized_guidance  # noqa: E402

from engine.backends.acestep.guidance import ADG_WIDEST, Adg, Apg, Plain  # noqa: E402

pytestmark = pytest.mark.neural


def draw(seed, frames=50):
    return torch.randn(2, frames, 4, generator=torch.Generator().manual_seed(seed))


def test_apg_is_that_of_diffusers_over_several_steps():
    ours, buffer = Apg(7.0), MomentumBuffer(momentum=-0.75)
    for step in range(4):
        conditional, unconditional = draw(2 * step), draw(2 * step + 1)
        theirs = normalized_guidance(
            conditional, unconditional, 6.0, buffer, eta=0.0, norm_threshold=2.5, use_original_formulation=True, norm_dim=(1,)
        )  # fmt: skip
        assert (ours(conditional, unconditional, draw(9), 0.5) - theirs).abs().max() < 1e-5


def test_apg_adds_only_what_is_orthogonal_over_time():
    conditional, unconditional = draw(1), draw(2)
    update = Apg(3.0)(conditional, unconditional, draw(3), 0.5) - conditional
    assert (update * conditional).sum(dim=1).abs().max() < 1e-4
    assert update.norm(dim=1).max() <= 2 * 2.5 + 1e-5


def test_plain_guidance_extrapolates():
    conditional, unconditional = draw(1), draw(2)
    assert torch.allclose(Plain(1.0)(conditional, unconditional, draw(3), 0.5), conditional, atol=1e-6)
    assert torch.allclose(Plain(0.0)(conditional, unconditional, draw(3), 0.5), unconditional)


def test_adg_turns_each_frame_by_a_bounded_angle():
    x, time = draw(3), 0.6
    conditional, unconditional = draw(1), draw(2)
    music = x - time * Adg(30.0)(conditional, unconditional, x, time)
    wanted = x - time * conditional
    angle = torch.acos(torch.nn.functional.cosine_similarity(music, wanted, dim=-1).clamp(-1, 1))
    assert angle.max() < ADG_WIDEST + 0.6, "it goes on beside the wanted direction, not away from it"
    assert torch.isfinite(music).all()


def test_adg_leaves_equal_predictions_alone():
    x, same = draw(3), draw(1)
    assert (Adg(7.0)(same, same, x, 0.5) - same).abs().max() < 1e-3
