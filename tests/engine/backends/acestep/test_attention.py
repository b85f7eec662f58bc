"""Blocks and kept keys compute what the plain processors compute."""

import pytest

torch = pytest.importorskip("torch", reason="the neural engine's tests need torch")

from diffusers.models.transformers.ace_step_transformer import AceStepTransformer1DModel  # noqa: E402

from engine.backends.acestep.attention import compile_layers, prepare  # noqa: E402

pytestmark = pytest.mark.neural


def transformer(window=8, heads=4, kv_heads=2):
    torch.manual_seed(0)
    model = AceStepTransformer1DModel(
        hidden_size=32, intermediate_size=48, num_hidden_layers=4, num_attention_heads=heads,
        num_key_value_heads=kv_heads, head_dim=8, in_channels=12, audio_acoustic_hidden_dim=4, sliding_window=window,
    )  # fmt: skip
    return model.double().eval()


def velocity(model, frames, batch=2, tokens=7, seed=1):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    time = torch.full((batch,), 0.7, dtype=torch.float64)
    with torch.inference_mode():
        return model(
            hidden_states=draw(batch, frames, 4), timestep=time, timestep_r=time,
            encoder_hidden_states=draw(batch, tokens, 32), context_latents=draw(batch, frames, 8), return_dict=False,
        )[0]  # fmt: skip


@pytest.mark.parametrize("frames", [2, 16, 18, 34, 48, 50, 64, 66, 130, 257])
@pytest.mark.parametrize("kv_heads", [2, 4])
def test_attention_in_blocks_is_the_masked_attention(frames, kv_heads):
    plain = velocity(transformer(kv_heads=kv_heads), frames)
    ours = transformer(kv_heads=kv_heads)
    prepare(ours)
    assert (velocity(ours, frames) - plain).abs().max() < 1e-12


def test_a_condition_is_projected_once_and_only_under_its_own_name():
    model = transformer()
    memory = prepare(model)
    projected = []
    for layer in model.layers:
        layer.cross_attn.to_k.register_forward_hook(lambda *_: projected.append(1))
    first, other = velocity(transformer(), 40, seed=1), velocity(transformer(), 40, seed=2)
    for _ in range(3):
        with memory.holding("verse"):
            assert (velocity(model, 40, seed=1) - first).abs().max() < 1e-12
    assert len(projected) == len(model.layers)
    with memory.holding("chorus"):
        assert (velocity(model, 40, seed=2) - other).abs().max() < 1e-12
    memory.clear()
    with memory.holding("verse"):
        assert (velocity(model, 40, seed=2) - other).abs().max() < 1e-12
    assert (velocity(model, 40, seed=1) - first).abs().max() < 1e-12, "outside of holding nothing is kept"


def test_compiled_layers_compute_the_same_and_are_compiled_once_for_all_of_a_kind():
    """Neither for each layer, nor for each condition that is remembered."""
    from torch._dynamo.testing import CompileCounter

    def deep():
        torch.manual_seed(0)
        return AceStepTransformer1DModel(
            hidden_size=32, intermediate_size=48, num_hidden_layers=10, num_attention_heads=4, num_key_value_heads=2,
            head_dim=8, in_channels=12, audio_acoustic_hidden_dim=4, sliding_window=8,
        ).double().eval()  # fmt: skip

    plain, compiled, counter = deep(), deep(), CompileCounter()
    memories = prepare(plain), prepare(compiled)
    compile_layers(compiled, counter)
    counts = []
    for condition, seed, frames in (("verse", 1, 50), ("verse", 1, 50), ("chorus", 2, 50), ("chorus", 2, 58)):
        if frames == 58:
            [memory.clear() for memory in memories]
        with memories[0].holding(condition), memories[1].holding(condition):
            assert (velocity(plain, frames, seed=seed) - velocity(compiled, frames, seed=seed)).abs().max() < 1e-12
        counts.append(counter.frame_count)
    assert 0 < counts[0] < 10
    assert counts == [counts[0]] * 4
