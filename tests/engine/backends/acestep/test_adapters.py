"""Adapters in every usual layout change what PEFT's own code changes, and leave no trace when they are taken off."""

import copy
import json
import pickle
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the neural engine's tests need torch")

from diffusers.models.transformers.ace_step_transformer import AceStepTransformer1DModel  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

from engine.backends import acestep, registry  # noqa: E402
from engine.backends.acestep.adapters import Adapters  # noqa: E402
from engine.backends.acestep.backend import AceStep  # noqa: E402
from engine.backends.acestep.loras import listed, place_of, wanted  # noqa: E402
from engine.backends.base import MIX, Heard, Span  # noqa: E402
from engine.errors import BadModel, InvalidSpec, NoModel, Unsupported  # noqa: E402
from engine.spec import RenderSpec  # noqa: E402
from engine.units import Frames, SampleRate, Seconds, Seed  # noqa: E402

pytestmark = pytest.mark.neural
RATE = 48000
RELEASED = {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out.0": "o_proj"}
TARGETS = list(RELEASED)
LAYER = "layers.0.self_attn.to_q"


def transformer(hidden=32, layers=2):
    torch.manual_seed(0)
    return AceStepTransformer1DModel(
        hidden_size=hidden, intermediate_size=48, num_hidden_layers=layers, num_attention_heads=4, num_key_value_heads=2,
        head_dim=8, in_channels=12, audio_acoustic_hidden_dim=4, encoder_hidden_size=32, sliding_window=8,
    ).eval()  # fmt: skip


def velocity(model, frames=24):
    generator = torch.Generator().manual_seed(1)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    with torch.inference_mode():
        return model(
            hidden_states=draw(1, frames, 4), timestep=torch.full((1,), 0.7), timestep_r=torch.full((1,), 0.7),
            encoder_hidden_states=draw(1, 7, 32), context_latents=draw(1, frames, 8), return_dict=False,
        )[0]  # fmt: skip


def worn(model, text):
    Adapters(model).wear(wanted(text))
    return velocity(model)


def with_peft(folder, config):
    """What PEFT makes of an adapter with random factors, which it saves into `folder`."""
    import peft

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PEFT, for models that are not of transformers
        model = peft.get_peft_model(copy.deepcopy(transformer()), config)
        torch.manual_seed(5)
        for name, parameter in model.named_parameters():
            if "lora_" in name or "lokr_" in name:
                parameter.data = torch.randn_like(parameter) * 0.3
        model.save_pretrained(folder)
    return velocity(model.eval())


def lora(**more):
    from peft import LoraConfig

    return LoraConfig(**{"r": 4, "lora_alpha": 8, "target_modules": TARGETS} | more)


@pytest.fixture
def peft_folder(tmp_path):
    """A folder as the makers' trainer writes it, in the release's names; with it, what PEFT makes of it."""
    expected = with_peft(tmp_path / "style", lora())
    tensors = load_file(tmp_path / "style" / "adapter_model.safetensors")
    save_file(
        {released(name): tensor for name, tensor in tensors.items()}, tmp_path / "style" / "adapter_model.safetensors"
    )
    config = json.loads((tmp_path / "style" / "adapter_config.json").read_text())
    config["target_modules"] = list(RELEASED.values())
    (tmp_path / "style" / "adapter_config.json").write_text(json.dumps(config))
    return tmp_path / "style", expected


def released(name):
    for ours, theirs in RELEASED.items():
        name = name.replace(f".{ours}.", f".{theirs}.")
    return name


def bare(folder):
    """Layer in the release's names, factor A or B, tensor."""
    tensors = load_file(folder / "adapter_model.safetensors")
    for name, tensor in tensors.items():
        layer, factor = name.removeprefix("base_model.model.").removesuffix(".weight").rsplit(".lora_", 1)
        yield layer, factor, tensor


def diffusers_names(layer):
    for ours, theirs in RELEASED.items():
        layer = layer.replace(theirs, ours)
    return layer


# Layouts


def as_peft(folder, to):
    return folder


def as_diffusers(folder, to):
    tensors = {f"transformer.{diffusers_names(layer)}.lora_{ab}.weight": tensor for layer, ab, tensor in bare(folder)}
    told = {"transformer.r": 4, "transformer.lora_alpha": 8, "transformer.peft_type": "LORA"}
    save_file(
        tensors, to / "pytorch_lora_weights.safetensors", {"format": "pt", "lora_adapter_metadata": json.dumps(told)}
    )
    return to


def as_diffusers_without_metadata(folder, to):
    tensors = {
        f"transformer.{diffusers_names(layer)}.lora_{ab}.weight": tensor * (2 if ab == "B" else 1)
        for layer, ab, tensor in bare(folder)
    }
    save_file(tensors, to / "plain.safetensors")
    return to / "plain.safetensors"


def as_kohya(folder, to):
    tensors = {}
    for layer, ab, tensor in bare(folder):
        stem = "lora_unet_" + layer.replace(".", "_")
        tensors[f"{stem}.lora_{'down' if ab == 'A' else 'up'}.weight"] = tensor
        tensors[f"{stem}.alpha"] = torch.tensor(8.0)
    save_file(tensors, to / "kohya.safetensors", {"ss_network_dim": "4"})
    return to / "kohya.safetensors"


def as_comfy(folder, to):
    tensors = {}
    for layer, ab, tensor in bare(folder):
        stem = f"diffusion_model.decoder.{layer}"
        tensors[f"{stem}.lora_{ab}.weight"] = tensor
        tensors[f"{stem}.alpha"] = torch.tensor(8.0)
    save_file(tensors, to / "comfy.safetensors")
    return to / "comfy.safetensors"


def as_named_adapter(folder, to):
    (to / "saved").mkdir()
    save_file(
        {f"base_model.model.{layer}.lora_{ab}.default.weight": tensor for layer, ab, tensor in bare(folder)},
        to / "saved" / "adapter_model.safetensors",
    )
    (to / "saved" / "adapter_config.json").write_text((folder / "adapter_config.json").read_text())
    return to / "saved"


def as_lokr(folder, to):
    """A low-rank change is the Kronecker product of 1 and itself."""
    tensors = {}
    for layer, ab, tensor in bare(folder):
        stem = "lycoris_" + layer.replace(".", "_")
        tensors[f"{stem}.lokr_w1"] = torch.ones(1, 1)
        tensors[f"{stem}.lokr_w2_{'b' if ab == 'A' else 'a'}"] = tensor
        tensors[f"{stem}.alpha"] = torch.tensor(8.0)
    save_file(
        tensors, to / "lokr_weights.safetensors", {"lokr_config": json.dumps({"linear_dim": 4, "linear_alpha": 8})}
    )
    return to


@pytest.mark.parametrize(
    "layout",
    [as_peft, as_diffusers, as_diffusers_without_metadata, as_kohya, as_comfy, as_named_adapter, as_lokr],
    ids=lambda layout: layout.__name__,
)
def test_every_layout_gives_what_peft_gives(peft_folder, tmp_path, layout):
    folder, expected = peft_folder
    (tmp_path / "other").mkdir()
    file = layout(folder, tmp_path / "other")
    model = transformer()
    plain = velocity(model)
    assert (worn(model, str(file)) - expected).abs().max() < 1e-5
    assert (expected - plain).abs().max() > 0.1


@pytest.mark.parametrize(
    "how",
    [
        {"use_rslora": True},
        {
            "rank_pattern": {"layers.0.self_attn.to_q": 2},
            "alpha_pattern": {"cross_attn.to_k": 3, r"layers\.1\..*to_v": 5},
        },
        {"target_modules": [*TARGETS, "gate_proj", "up_proj", "down_proj"]},
    ],
    ids=["rslora", "patterns", "mlp"],
)
def test_settings_of_peft_are_heeded(tmp_path, how):
    expected = with_peft(tmp_path / "style", lora(**how))
    assert (worn(transformer(), str(tmp_path / "style")) - expected).abs().max() < 1e-5


@pytest.mark.parametrize("how", [{}, {"decompose_both": True, "decompose_factor": 4}], ids=["one", "both"])
def test_lokr_of_peft(tmp_path, how):
    from peft import LoKrConfig

    expected = with_peft(tmp_path / "style", LoKrConfig(r=2, alpha=3, target_modules=TARGETS, **how))
    assert (worn(transformer(), str(tmp_path / "style")) - expected).abs().max() < 1e-5


def test_lokr_whose_factors_are_whole(tmp_path):
    """alpha means nothing then: no rank stands against it."""
    left, right = torch.randn(4, 2), torch.randn(8, 16)
    stem = "lycoris_" + LAYER.replace("to_q", "q_proj").replace(".", "_")
    tensors = {f"{stem}.lokr_w1": left, f"{stem}.lokr_w2": right, f"{stem}.alpha": torch.tensor(64.0)}
    save_file(tensors, tmp_path / "whole.safetensors")
    changed = transformer()
    changed.get_submodule(LAYER).weight.data += torch.kron(left, right)
    found = worn(transformer(), str(tmp_path / "whole.safetensors"))
    assert (found - velocity(changed)).abs().max() < 1e-5


# Scales, several at once, and off again


def test_several_adapters_add_up_at_their_scales(tmp_path):
    model = transformer()
    changed = copy.deepcopy(model)
    for number, scale in enumerate((0.8, -0.5)):
        torch.manual_seed(number)
        down, up = torch.randn(2, 32), torch.randn(32, 2)
        save_file(
            {f"transformer.{LAYER}.lora_A.weight": down, f"transformer.{LAYER}.lora_B.weight": up},
            tmp_path / f"{number}.safetensors",
        )
        changed.get_submodule(LAYER).weight.data += scale * up @ down
    found = worn(model, f"{tmp_path / '0.safetensors'}:0.8,{tmp_path / '1.safetensors'}:-0.5")
    assert (found - velocity(changed)).abs().max() < 1e-5


@pytest.mark.parametrize("off", ["", "{}:0"])
def test_without_adapters_all_is_as_before_to_the_bit(peft_folder, off):
    folder, _ = peft_folder
    model = transformer()
    before, weights = velocity(model), {name: tensor.clone() for name, tensor in model.state_dict().items()}
    adapters = Adapters(model)
    for _ in range(2):
        adapters.wear(wanted(f"{folder}:0.7"))
        assert not torch.equal(velocity(model), before)
        adapters.wear(wanted(off.format(folder)))
        assert torch.equal(velocity(model), before)
    after = model.state_dict()
    assert after.keys() == weights.keys()
    assert all(torch.equal(after[name], tensor) for name, tensor in weights.items())


def test_a_file_that_changed_is_read_anew(tmp_path):
    file, model = tmp_path / "style.safetensors", transformer()
    adapters = Adapters(model)
    found = []
    for rank in (2, 3):
        torch.manual_seed(rank)
        save_file(
            {f"{LAYER}.lora_down.weight": torch.randn(rank, 32), f"{LAYER}.lora_up.weight": torch.randn(32, rank)}, file
        )
        adapters.wear(wanted(str(file)))
        found.append(velocity(model))
    assert not torch.equal(*found)


# What is refused


def test_an_adapter_of_a_wider_or_deeper_model_is_refused_and_nothing_changes(peft_folder):
    folder, expected = peft_folder
    for other, words in ((transformer(hidden=40), "goes from 32"), (transformer(layers=1), "layers.1")):
        before = velocity(other)
        with pytest.raises(Unsupported, match=words) as error:
            worn(other, str(folder))
        assert "XL and 2B" in str(error.value)
        assert torch.equal(velocity(other), before)
    model = transformer()
    adapters = Adapters(model)
    adapters.wear(wanted(str(folder)))
    with pytest.raises(NoModel):
        adapters.wear(wanted("absent"))
    assert (velocity(model) - expected).abs().max() < 1e-5, "what acted still does"


def test_dora_is_refused_in_words(tmp_path):
    with_peft(tmp_path / "dora", lora(use_dora=True))
    with pytest.raises(Unsupported, match="DoRA"):
        worn(transformer(), str(tmp_path / "dora"))
    (tmp_path / "dora" / "adapter_config.json").unlink()
    with pytest.raises(Unsupported, match="DoRA"):
        worn(transformer(), str(tmp_path / "dora"))


@pytest.mark.parametrize(
    ("tensors", "error", "words"),
    [
        ({"hada_w1_a": (2, 2)}, Unsupported, "LoHa"),
        ({"diff": (32, 32)}, Unsupported, "full changes"),
        ({"lora_down.weight": (2, 32)}, BadModel, "lacks its factor up"),
        ({"lora_down.weight": (2, 32), "lora_up.weight": (32, 3)}, BadModel, "rank 2, the other 3"),
        ({"lora_down.weight": (2, 32, 1), "lora_up.weight": (32, 2)}, BadModel, "no matrix"),
        ({"lora_A.weight": (2, 32), "lora_down.weight": (2, 32)}, BadModel, "down twice"),
        ({"lokr_w1": (1, 1), "lokr_w2_a": (32, 2)}, BadModel, "lokr_w2_b"),
    ],
)
def test_files_that_do_not_add_up_are_refused(tmp_path, tensors, error, words):
    save_file({f"{LAYER}.{name}": torch.zeros(shape) for name, shape in tensors.items()}, tmp_path / "bad.safetensors")
    with pytest.raises(error, match=words):
        worn(transformer(), str(tmp_path / "bad.safetensors"))


def test_a_tensor_without_numbers_is_refused(tmp_path):
    tensors = {
        f"{LAYER}.lora_down.weight": torch.full((2, 32), torch.nan),
        f"{LAYER}.lora_up.weight": torch.ones(32, 2),
    }
    save_file(tensors, tmp_path / "bad.safetensors")
    with pytest.raises(BadModel, match="no number"):
        worn(transformer(), str(tmp_path / "bad.safetensors"))


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


@pytest.mark.parametrize("name", ["style.safetensors", "style.bin", "folder/adapter_model.bin"])
def test_a_pickle_is_never_opened(tmp_path, name):
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(BadModel):
        worn(transformer(), str(file.parent if "/" in name else file))


# Names


def test_names_scales_and_paths_are_told_apart(tmp_path):
    assert [(each.name, each.scale) for each in wanted(" a:0.8, b ,C:\\x\\y.safetensors,/z/c:-1")] == [
        ("a", 0.8), ("b", 1.0), ("C:\\x\\y.safetensors", 1.0), ("/z/c", -1.0),
    ]  # fmt: skip
    assert wanted("") == wanted("  ") == ()
    for text in (":1", "a:", "a:x", "a:nan", "a:11", "a,,b", "a,a:2"):
        with pytest.raises(InvalidSpec, match="lora"):
            wanted(text)


def test_adapters_are_found_by_name_in_the_models_folder_only(tmp_path, peft_folder):
    models = tmp_path / "models"
    (models / "loras").mkdir(parents=True)
    as_kohya(peft_folder[0], models / "loras")
    (models / "loras" / "style").mkdir()
    (models / "loras" / "evil.bin").write_bytes(b"\x80\x04.")
    assert [(model.name, model.state) for model in listed(models)] == [
        ("evil", "damaged"), ("kohya", "present"), ("style", "partial"),
    ]  # fmt: skip
    assert place_of("kohya", models).weights == models / "loras" / "kohya.safetensors"
    with pytest.raises(NoModel, match="kohya"):
        place_of("other", models)
    for name in ("../kohya", "..", "a\\b", "a/b", "x" * 300):
        with pytest.raises(InvalidSpec):
            place_of(name, models)


# In the engine


def rendered(engine, model, lora_text, seed=3):
    spec = RenderSpec.parse(
        {
            "verb": "generate",
            "prompt": "x",
            "length": 10,
            "steps": 2,
            "engine": "acestep",
            "model": str(model),
            "lora": lora_text,
        }
    )
    refused = acestep.obstacle(spec)
    if refused is not None:
        raise refused
    zeros = np.zeros((2, 10 * RATE), np.float32)
    heard = Heard(zeros, SampleRate(RATE), Seconds(0.0), Span(Frames(0), Frames(0)), ())
    return engine.render(spec, heard, Seed(seed), lambda *_: None).tracks[MIX]


def test_a_job_wears_its_own_adapters_and_the_next_one_does_not(checkpoints, tmp_path, monkeypatch):
    monkeypatch.setenv("PUNCHIN_MODELS", str(tmp_path))
    (tmp_path / "loras").mkdir()
    torch.manual_seed(0)
    tensors = {f"{LAYER}.lora_down.weight": torch.randn(2, 32), f"{LAYER}.lora_up.weight": torch.randn(32, 2)}
    save_file(tensors, tmp_path / "loras" / "style.safetensors")
    engine = AceStep()
    plain = rendered(engine, checkpoints["turbo"], "")
    half, whole = (rendered(engine, checkpoints["turbo"], f"style:{scale}") for scale in (0.5, 1))
    assert not np.array_equal(plain, half)
    assert not np.array_equal(half, whole)
    assert np.array_equal(rendered(engine, checkpoints["turbo"], "style:0"), plain)
    assert np.array_equal(rendered(engine, checkpoints["turbo"], ""), plain)
    with pytest.raises(Unsupported, match="XL and 2B"):
        rendered(engine, checkpoints["xl"], "style")
    with pytest.raises(NoModel, match="style"):
        rendered(engine, checkpoints["turbo"], "other")


def test_a_job_with_adapters_never_goes_to_an_engine_that_has_none(tmp_path, monkeypatch):
    monkeypatch.setenv("PUNCHIN_MODELS", str(tmp_path))
    for engine in ("auto", "draft"):
        spec = RenderSpec.parse({"verb": "generate", "prompt": "x", "length": 4, "engine": engine, "lora": "style"})
        with pytest.raises(Unsupported, match="adapters"):
            registry.chosen(spec, registry.installed())
