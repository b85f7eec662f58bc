"""The transformer in 8 bits: half the memory, nearly the same velocity, no adapters."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="the neural engine's tests need torch")

from torch import nn  # noqa: E402

from engine.backends.acestep.adapters import Adapters  # noqa: E402
from engine.backends.acestep.backend import AceStep  # noqa: E402
from engine.backends.acestep.checkpoint import load  # noqa: E402
from engine.backends.acestep.loras import wanted  # noqa: E402
from engine.backends.acestep.occupancy import PARTS, TRANSFORMER, Occupancy  # noqa: E402
from engine.backends.acestep.quantise import quantise  # noqa: E402
from engine.backends.acestep.tiers import Residency  # noqa: E402
from engine.errors import Unsupported  # noqa: E402

pytestmark = pytest.mark.neural


@pytest.fixture
def pair(tiny):
    """A transformer in float32, and the same in 8 bits."""
    whole, small = (load(tiny(), torch.device("cpu"), torch.float32, lambda *_: None).transformer for _ in range(2))
    quantise(small)
    return whole, small


def stored(transformer):
    """Bytes of the weights of linear layers, with what belongs to them."""
    linear = [module.weight for module in transformer.modules() if isinstance(module, nn.Linear)]
    parts = [[getattr(weight, name) for name in weight.__tensor_flatten__()[0]] if hasattr(weight, "qdata") else [weight]
             for weight in linear]  # fmt: skip
    return sum(part.numel() * part.element_size() for each in parts for part in each)


def velocity(model):
    generator = torch.Generator().manual_seed(1)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    with torch.inference_mode():
        return model(
            hidden_states=draw(1, 100, 8), timestep=torch.full((1,), 0.7), timestep_r=torch.full((1,), 0.7),
            encoder_hidden_states=draw(1, 9, 32), context_latents=draw(1, 100, 16), return_dict=False,
        )[0]  # fmt: skip


def test_weights_shrink_to_a_quarter_of_float32_and_predict_nearly_the_same(pair):
    whole, small = pair
    # Rows of a tiny model are short, so their scales weigh more than in a real one.
    assert stored(small) < 0.32 * stored(whole)
    assert small.dtype == whole.dtype
    difference = velocity(small) - velocity(whole)
    assert 0 < difference.std() < 0.02 * velocity(whole).std()


def test_adapters_are_refused_in_words(pair):
    _, small = pair
    adapters = Adapters(small, quantised=True)
    adapters.wear(())
    with pytest.raises(Unsupported, match="8 bits"):
        adapters.wear(wanted("style"))


def test_it_can_be_moved_in_the_middle_of_a_render(pair):
    """To the one other device that there is everywhere, which takes no memory and gives nothing back."""
    _, small = pair
    modules = SimpleNamespace(**{part: nn.Identity() for part in PARTS if part != TRANSFORMER}, transformer=small)
    occupancy = Occupancy(modules, torch.device("cpu"), Residency.OFFLOAD)
    occupancy._device = torch.device("meta")
    with torch.inference_mode():
        arrival = occupancy.present(TRANSFORMER)
        arrival.__enter__()
    weight = small.layers[0].self_attn.to_q.weight
    assert weight.qdata.device.type == weight.device.type == "meta"
    assert not weight.is_inference()


def test_the_engine_keeps_it_so_where_it_is_asked_to(checkpoints, monkeypatch):
    monkeypatch.setenv("ACESTEP_QUANTIZATION", "int8_weight_only")
    monkeypatch.setenv("ACESTEP_DEVICE", "cpu")
    session = AceStep()._opened(checkpoints["turbo"], lambda *_: None)
    assert hasattr(session.modules.transformer.layers[0].self_attn.to_q.weight, "qdata")
    assert not hasattr(session.modules.condition_encoder.text_projector.weight, "qdata")


def test_loading_the_engine_says_nothing_alarming():
    program = "from engine.backends.acestep.backend import AceStep; AceStep"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout + told.stderr == ""
