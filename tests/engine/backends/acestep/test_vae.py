"""The VAE in pieces, with diffusers' own model in the real geometry and few channels."""

import pytest
import torch
from diffusers import AutoencoderOobleck

from engine.backends.acestep.vae import Vae
from engine.backends.base import Stage
from engine.errors import Cancelled, OutOfMemory

# diffusers' model is built with it
pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning")

HOP = 1920


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """With layers as small as these, threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(7)
    made = AutoencoderOobleck(
        encoder_hidden_size=4,
        downsampling_ratios=[2, 4, 4, 6, 10],
        channel_multiples=[1, 1, 1, 2, 2],
        decoder_channels=2,
        decoder_input_channels=2,
        sampling_rate=48000,
    )
    with torch.no_grad():
        for name, weight in made.named_parameters():
            # a new model has all of its Snakes alike, and no offsets
            if name.endswith(("alpha", "beta", "bias")):
                weight.normal_(0.0, 0.3)
    return made.double().eval()


@pytest.fixture(scope="module")
def latents():
    return torch.randn(1, 120, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def samples():
    return torch.randn(2, 60 * HOP, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) * 0.3


@pytest.fixture(scope="module")
def whole(model, latents):
    """What the model itself makes of all frames at once [2, samples]."""
    with torch.inference_mode():
        return model.decode(latents.mT).sample[0]


def silent(fraction, stage):
    assert 0.0 <= fraction <= 1.0
    assert stage in {Stage.READING, Stage.DECODING}


def difference(found, wanted):
    assert found.shape == wanted.shape
    return float((found - wanted).abs().max())


def reference_encoding(model, samples):
    """The model's own posterior mean of whole frames [1, frames, channels]."""
    with torch.inference_mode():
        return model.encode(samples[None]).latent_dist.mode().mT


# pieces and the whole


@pytest.mark.parametrize("tile", [1, 19, 20, 27, 64, 119, 120, 500])
def test_pieces_decode_to_what_the_whole_decodes_to(model, latents, whole, tile):
    assert difference(Vae(model, tile).decode(latents, silent), whole) < 1e-12


@pytest.mark.parametrize("frames", [1, 2, 7, 9, 19, 20, 33])
@pytest.mark.parametrize("tile", [5, 19, 24])
def test_any_length_decodes(model, latents, frames, tile):
    part = latents[:, :frames]
    with torch.inference_mode():
        wanted = model.decode(part.mT).sample[0]
    assert difference(Vae(model, tile).decode(part, silent), wanted) < 1e-12


@pytest.mark.parametrize(("first", "end"), [(0, 120), (0, 1), (119, 120), (40, 41), (13, 58), (3, 117), (60, 60)])
@pytest.mark.parametrize("tile", [19, 31, 500])
def test_a_part_is_the_slice_of_the_whole(model, latents, whole, first, end, tile):
    found = Vae(model, tile).decode(latents, silent, first, end)
    if first == end:
        assert found.shape == (2, 0)
        return
    assert difference(found, whole[:, first * HOP : end * HOP]) < 1e-12


@pytest.mark.parametrize(("first", "end"), [(-1, 5), (7, 6), (100, 121)])
def test_frames_that_do_not_exist_are_refused(model, latents, first, end):
    with pytest.raises(ValueError, match="of 120"):
        Vae(model, 64).decode(latents, silent, first, end)


def test_a_part_costs_its_frames_and_margins_only(model, latents):
    seen = []
    hook = model.decoder.register_forward_pre_hook(lambda _net, inputs: seen.append(inputs[0].shape[-1]))
    Vae(model, 500).decode(latents, silent, 50, 60)
    hook.remove()
    assert seen == [28]


@pytest.mark.parametrize("tile", [1, 15, 16, 29, 60, 500])
def test_pieces_encode_to_what_the_whole_encodes_to(model, samples, tile):
    assert difference(Vae(model, tile).encode(samples, silent), reference_encoding(model, samples)) < 1e-12


@pytest.mark.parametrize("length", [1, 1919, 1920, 1921, 7 * HOP - 1, 16 * HOP + 1, 31 * HOP + 1000])
@pytest.mark.parametrize("tile", [4, 15, 22])
def test_any_length_encodes_filled_up_with_zeros(model, samples, length, tile):
    frames = -(-length // HOP)
    filled = torch.zeros(2, frames * HOP, dtype=torch.float64)
    filled[:, :length] = samples[:, :length]
    found = Vae(model, tile).encode(samples[:, :length], silent)
    assert found.shape == (1, frames, 2)
    assert difference(found, reference_encoding(model, filled)) < 1e-12


def test_float32_is_as_exact_as_float32_can_be(model, latents, samples, whole):
    single = AutoencoderOobleck.from_config(model.config).eval()
    single.load_state_dict(model.state_dict())
    decoded = Vae(single, 24).decode(latents, silent)
    encoded = Vae(single, 24).encode(samples.float(), silent)
    assert (decoded.dtype, encoded.dtype) == (torch.float32, torch.float32)
    with torch.inference_mode():
        at_once = single.decode(latents.float().mT).sample[0]
    assert difference(decoded, at_once) <= 1e-5
    assert difference(decoded, whole) <= 1e-4
    assert difference(encoded, reference_encoding(single, samples.float())) <= 1e-5


def test_bfloat16_gives_latents_of_its_own_type_and_samples_that_can_be_written(model, latents, samples):
    half = AutoencoderOobleck.from_config(model.config).to(torch.bfloat16).eval()
    vae = Vae(half, 24)
    assert vae.encode(samples[:, : 30 * HOP].float(), silent).dtype == torch.bfloat16
    assert vae.decode(latents[:, :30], silent).dtype == torch.float32


def test_an_encoding_is_the_same_every_time(model, samples):
    torch.manual_seed(1)
    once = Vae(model, 29).encode(samples, silent)
    torch.manual_seed(2)
    assert torch.equal(once, Vae(model, 29).encode(samples, silent))


def test_no_gradient_is_kept_and_no_hook_is_left(model, latents):
    found = Vae(model, 29).decode(latents, silent)
    assert not found.requires_grad
    own = AutoencoderOobleck.from_config(model.config)
    # weight_norm has hooks of its own
    assert [len(module._forward_pre_hooks) for module in model.modules()] == [
        len(module._forward_pre_hooks) for module in own.modules()
    ]
    assert float(found.clone().add_(1.0).sum()) != 0.0


# memory


def full(monkeypatch, net, largest, steps, error):
    """Let `net` fail for windows above `largest` frames, as an allocator does; returns the sizes that were tried."""
    forward, tried = net.forward, []

    def limited(window):
        frames = window.shape[-1] // steps
        tried.append(frames)
        if frames > largest:
            raise error
        return forward(window)

    monkeypatch.setattr(net, "forward", limited)
    return tried


ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"),
    MemoryError(),
]


@pytest.mark.parametrize("error", ERRORS, ids=["cuda", "cpu", "mps", "python"])
def test_when_memory_runs_out_smaller_pieces_give_the_same(model, latents, whole, monkeypatch, error):
    tried = full(monkeypatch, model.decoder, 40, 1, error)
    notes = []
    found = Vae(model, 110, notes.append).decode(latents, silent)
    assert difference(found, whole) < 1e-12
    assert tried[:3] == [110, 55, 27]
    assert max(tried[3:]) == 27
    assert notes == ["memory ran out at 110 latent frames at once; 27 at once did fit"]


def test_memory_that_runs_out_midway_keeps_what_is_done(model, latents, whole, monkeypatch):
    tried, forward, notes = [], model.decoder.forward, []

    def fails_third(window):
        tried.append(window.shape[-1])
        if len(tried) == 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(window)

    monkeypatch.setattr(model.decoder, "forward", fails_third)
    found = Vae(model, 40, notes.append).decode(latents, silent)
    assert difference(found, whole) < 1e-12
    assert tried[:4] == [40, 40, 40, 20]
    assert len(notes) == 1


def test_encoding_takes_smaller_pieces_as_well(model, samples, monkeypatch):
    wanted = reference_encoding(model, samples)
    full(monkeypatch, model.encoder, 30, HOP, ERRORS[0])
    notes = []
    assert difference(Vae(model, 500, notes.append).encode(samples, silent), wanted) < 1e-12
    assert notes == ["memory ran out at 60 latent frames at once; 30 at once did fit"]


def test_no_room_for_the_smallest_piece_ends_the_job(model, latents, monkeypatch):
    tried = full(monkeypatch, model.decoder, 18, 1, ERRORS[0])
    notes = []
    with pytest.raises(OutOfMemory, match="19 frames at once"):
        Vae(model, 100, notes.append).decode(latents, silent)
    assert tried == [100, 50, 25, 19]
    assert notes == []


def test_another_error_is_not_taken_for_want_of_memory(model, latents, monkeypatch):
    tried = full(monkeypatch, model.decoder, 0, 1, RuntimeError("expected 2 channels, got 5"))
    with pytest.raises(RuntimeError, match="expected 2 channels"):
        Vae(model, 100).decode(latents, silent)
    assert tried == [100]


def test_the_size_of_pieces_is_asked_for_before_each_call(model, latents):
    sizes, seen = iter([19, 500]), []
    hook = model.decoder.register_forward_pre_hook(lambda _net, inputs: seen.append(inputs[0].shape[-1]))
    vae = Vae(model, lambda: next(sizes))
    vae.decode(latents, silent, 40, 45)
    vae.decode(latents, silent, 40, 45)
    hook.remove()
    assert seen == [19, 19, 19, 19, 19, 23]


# progress and cancel


def test_progress_rises_to_one_within_pieces(model, latents, samples):
    told = []
    Vae(model, 50).decode(latents, lambda fraction, stage: told.append((fraction, stage)), 10, 100)
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert len({round(fraction, 6) for fraction in fractions}) > 50
    assert {stage for _, stage in told} == {Stage.DECODING}
    told.clear()
    Vae(model, 50).encode(samples, lambda fraction, stage: told.append((fraction, stage)))
    assert {stage for _, stage in told} == {Stage.READING}


@pytest.mark.parametrize("kind", ["decode", "encode"])
def test_a_cancel_takes_hold_within_a_piece(model, latents, samples, whole, kind):
    net = model.decoder if kind == "decode" else model.encoder
    finished = []
    hook = net.register_forward_hook(lambda *_: finished.append(1))
    asked = 0

    def cancel(fraction, stage):
        nonlocal asked
        asked += 1
        if asked == 20:
            raise Cancelled("cancelled")

    vae = Vae(model, 500)
    with pytest.raises(Cancelled):
        getattr(vae, kind)(latents if kind == "decode" else samples, cancel)
    hook.remove()
    assert (asked, finished) == (20, [])
    assert difference(vae.decode(latents, silent), whole) < 1e-12
