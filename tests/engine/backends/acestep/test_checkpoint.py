import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.backends.acestep.checkpoint import Dtypes, load, tensors
from engine.backends.acestep.resident import Resident
from engine.backends.base import Stage
from engine.errors import BadModel, NoModel

CPU = torch.device("cpu")
VARIANTS = [{"variant": variant, "xl": xl} for variant in ("turbo", "base", "sft") for xl in (False, True)]


pytestmark = pytest.mark.neural


def ignore(fraction, stage):
    pass


def loaded(folder, dtype=torch.bfloat16, **more):
    return load(folder, CPU, dtype, ignore, **more)


def differing(left, right):
    """Names of the tensors that are not bit for bit the same."""
    one, other = dict(tensors(left)), dict(tensors(right))
    assert one.keys() == other.keys()
    return [name for name in one if one[name].dtype != other[name].dtype or not torch.equal(one[name], other[name])]


def rewritten(path, change):
    """Change the tensors of a file, by a function on their dictionary."""
    content = load_file(path)
    change(content)
    save_file(content, path, {"format": "pt"})


# Layouts


@pytest.mark.parametrize("how", VARIANTS, ids=lambda how: f"{'xl-' * how['xl']}{how['variant']}")
def test_the_released_layout_loads_as_the_layout_of_diffusers_does(tiny, how):
    released, diffusers = loaded(tiny(**how)), loaded(tiny(layout="diffusers", **how))
    assert differing(released, diffusers) == []
    assert released.transformer.config.is_turbo == (how["variant"] == "turbo")
    for part in ("transformer", "condition_encoder", "audio_tokenizer", "audio_token_detokenizer"):
        ours, theirs = (dict(getattr(modules, part).config) for modules in (released, diffusers))
        for config in (ours, theirs):
            config.pop("_name_or_path", None)
            config.pop("_use_default_values", None)
        assert ours == theirs, part


def test_shards_load_as_one_file_does(tiny):
    assert len(list(tiny(sharded=True).glob("*.safetensors"))) == 3
    assert differing(loaded(tiny()), loaded(tiny(sharded=True))) == []


def test_our_modules_are_those_of_the_pipeline(tiny):
    from diffusers import AceStepPipeline

    folder = tiny(layout="diffusers")
    theirs = AceStepPipeline.from_pretrained(folder, dtype=torch.float32)
    ours = loaded(folder, torch.float32)
    for name, tensor in tensors(ours):
        part, _, key = name.partition(".")
        assert torch.equal(getattr(theirs, part).state_dict()[key], tensor), name


def test_a_folder_with_one_checkpoint_stands_for_it(tiny):
    folder = tiny()
    assert differing(loaded(folder), loaded(folder.parent)) == []
    assert loaded(folder.parent).traits.name == "acestep-v15-turbo"


def test_of_several_checkpoints_one_must_be_named(copied):
    folder = copied()
    (folder.parent / "second").mkdir()
    (folder.parent / "second" / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(NoModel, match="acestep-v15-turbo, second"):
        loaded(folder.parent)


def test_names_with_model_before_them_are_the_same_text_encoder(copied, tiny):
    folder = copied()
    path = folder.parent / "Qwen3-Embedding-0.6B" / "model.safetensors"

    def prefix(content):
        for name in list(content):
            content[f"model.{name}"] = content.pop(name)
        content["lm_head.weight"] = content["model.embed_tokens.weight"].clone()

    rewritten(path, prefix)
    assert differing(loaded(folder), loaded(tiny())) == []


# What comes out


def test_sizes_and_silence(tiny):
    modules = loaded(tiny())
    assert (modules.latent_channels, modules.hop, modules.rate) == (8, 1920, 48000)
    assert modules.silence.shape == (1, 15000, 8)
    assert 0.4 < modules.silence.float().std() < 0.6
    stored = torch.load(tiny() / "silence_latent.pt", weights_only=True)
    assert torch.equal(modules.silence, stored.transpose(1, 2).bfloat16())


def test_64_channels_as_released(tiny):
    modules = loaded(tiny(latent_channels=64))
    assert modules.latent_channels == 64
    assert modules.transformer.config.in_channels == 192


@pytest.mark.parametrize(
    ("how", "turbo", "xl", "base"),
    [
        ({}, True, False, False),
        ({"variant": "base", "xl": True}, False, True, True),
        ({"variant": "sft"}, False, False, False),
    ],
)
def test_traits(tiny, how, turbo, xl, base):
    traits = loaded(tiny(**how)).traits
    assert (traits.turbo, traits.xl, traits.base, traits.lego_sft) == (turbo, xl, base, False)


def test_a_stems_checkpoint_says_so(copied):
    folder = copied(variant="sft")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"is_lego_sft": True}))
    assert loaded(folder).traits.lego_sft


def test_every_text_ends_with_the_end_token(tiny):
    tokenizer = loaded(tiny()).tokenizer
    ids = tokenizer("warm bass<|endoftext|>\n", truncation=True, max_length=256)["input_ids"]
    assert tokenizer.decode(ids) == "warm bass<|endoftext|>\n<|endoftext|>"
    assert tokenizer("slow " * 300, truncation=True, max_length=256)["input_ids"][-1] == ids[-1]


def test_modules_are_ready_to_run(tiny):
    modules = load(tiny(), CPU, Dtypes(torch.float32, torch.float32, torch.bfloat16, torch.float32), ignore)
    kinds = {name: tensor.dtype for name, tensor in tensors(modules)}
    assert {kind for name, kind in kinds.items() if name.startswith("vae.")} == {torch.bfloat16}
    assert {kind for name, kind in kinds.items() if not name.startswith("vae.")} == {torch.float32}
    for part in (modules.transformer, modules.condition_encoder, modules.vae, modules.text_encoder):
        assert not part.training
        assert not any(parameter.requires_grad for parameter in part.parameters())
        assert not any(tensor.is_meta for tensor in (*part.parameters(), *part.buffers()))


def test_progress_goes_from_nothing_to_all(tiny):
    told = []
    load(tiny(), CPU, torch.float32, lambda fraction, stage: told.append((fraction, stage)))
    assert told[0] == (0.0, Stage.LOADING)
    assert told[-1] == (1.0, Stage.LOADING)
    assert told == sorted(told)
    assert 0.99 < told[-2][0] < 1.0
    assert len(told) > 100


# What does not


@pytest.mark.parametrize("layout", ["original", "diffusers"])
@pytest.mark.parametrize("part", ["transformer", "vae", "text_encoder"])
def test_a_missing_and_a_surplus_tensor_are_named(copied, layout, part):
    folder = copied(layout=layout)
    path = {
        ("original", "transformer"): folder / "model.safetensors",
        ("original", "vae"): folder.parent / "vae" / "diffusion_pytorch_model.safetensors",
        ("original", "text_encoder"): folder.parent / "Qwen3-Embedding-0.6B" / "model.safetensors",
        ("diffusers", "transformer"): folder / "transformer" / "diffusion_pytorch_model.safetensors",
        ("diffusers", "vae"): folder / "vae" / "diffusion_pytorch_model.safetensors",
        ("diffusers", "text_encoder"): folder / "text_encoder" / "model.safetensors",
    }[layout, part]
    rewritten(path, lambda content: content.update({"of.another.model": torch.zeros(2)}))
    with pytest.raises(BadModel, match=r"of\.another\.model"):
        loaded(folder)
    name = min(load_file(path))
    rewritten(path, lambda content: (content.pop("of.another.model"), content.pop(name)))
    with pytest.raises(BadModel, match=f"{path.name}: tensor {name} is missing"):
        loaded(folder)


def test_a_tensor_of_another_shape_is_named(copied):
    folder = copied()
    rewritten(folder / "model.safetensors", lambda content: content.update(null_condition_emb=torch.zeros(1, 1, 7)))
    with pytest.raises(BadModel, match=r"null_condition_emb has the shape \(1, 1, 7\), .* \(1, 1, 32\)"):
        loaded(folder)


def test_a_shard_that_was_cut_short_is_named(copied):
    folder = copied(sharded=True)
    shard = sorted(folder.glob("*.safetensors"))[1]
    shard.write_bytes(shard.read_bytes()[:-1000])
    with pytest.raises(BadModel, match=f"{shard.name} is cut short: 1000 bytes"):
        loaded(folder)
    shard.unlink()
    with pytest.raises(BadModel, match=f"{shard.name} is missing"):
        loaded(folder)


@pytest.mark.parametrize(
    "gone",
    ["config.json", "model.safetensors", "silence_latent.pt", "../vae", "../Qwen3-Embedding-0.6B/tokenizer.json"],
)
def test_what_is_missing_is_named(copied, gone):
    folder = copied()
    path = folder / gone
    path.rename(path.with_name("elsewhere"))
    with pytest.raises(NoModel, match=path.name if gone != "config.json" else "no ACE-Step checkpoint"):
        loaded(folder)


def test_settings_that_fit_no_model_are_refused(copied):
    folder = copied()
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_attention_heads": "many"}))
    with pytest.raises(BadModel, match=r"config\.json does not describe a model"):
        loaded(folder)


# Timbre of XL


def timbre(modules, reference, first):
    """What the timbre encoder makes of [1, frames, channels], its parts called one by one, with `first` before the frames."""
    encoder = modules.condition_encoder.timbre_encoder
    from diffusers.pipelines.ace_step.modeling_ace_step import _ace_step_rotary_freqs, _create_4d_mask

    weight, bias = encoder.embed_tokens.weight, encoder.embed_tokens.bias
    hidden = torch.cat([*first, torch.nn.functional.linear(reference, weight, bias)], dim=1)
    frames = hidden.shape[1]
    positions = _ace_step_rotary_freqs(frames, encoder.head_dim, encoder.rope_theta, CPU, torch.float32)
    near = _create_4d_mask(frames, torch.float32, CPU, None, encoder.sliding_window, True, False)
    for layer, kind in zip(encoder.layers, encoder._layer_types, strict=True):
        hidden = layer(hidden, positions, near if kind == "sliding_attention" else None)
    return encoder.norm(hidden)[:, 0]


@pytest.mark.parametrize("xl", [False, True])
def test_the_learned_token_stands_before_the_reference_in_xl_only(tiny, xl):
    modules = loaded(tiny(xl=xl), torch.float32)
    encoder = modules.condition_encoder.timbre_encoder
    reference = modules.silence[:, :750]
    with torch.no_grad():
        given, mask = encoder(reference, torch.zeros(1, dtype=torch.long))
        with_token = timbre(modules, reference, [encoder.special_token])
        without = timbre(modules, reference, [])
    assert given.shape == (1, 1, 32)
    assert mask.tolist() == [[1]]
    assert torch.allclose(given[0], with_token if xl else without, atol=1e-6)
    assert (with_token - without).abs().max() > 0.1


# Sharing


def storage(tensor):
    return tensor.untyped_storage().data_ptr() + tensor.storage_offset() * tensor.element_size()


def test_checkpoints_side_by_side_share_what_is_equal(copied, tiny):
    resident = Resident()
    turbo = copied()
    base = turbo.parent / "acestep-v15-base"
    base.mkdir()
    for path in turbo.iterdir():
        (base / path.name).write_bytes(path.read_bytes())
    rewritten(base / "model.safetensors", lambda content: content["encoder.text_projector.weight"].add_(1))
    one, other = loaded(turbo, resident=resident), loaded(base, resident=resident)
    apart = [
        name
        for (name, left), (_, right) in zip(tensors(one), tensors(other), strict=True)
        if storage(left) != storage(right)
    ]
    private = {name for name, _ in tensors(one) if name.startswith("transformer.")}
    changed = {"condition_encoder.text_projector.weight", "condition_encoder.silence_latent"}
    assert set(apart) == private | changed
    other.condition_encoder.to(torch.float64)
    assert one.condition_encoder.text_projector.weight.dtype == torch.bfloat16


def test_nothing_is_held_that_no_module_holds(tiny):
    import gc

    resident = Resident()
    modules = loaded(tiny(), resident=resident)
    assert sum(len(resident._living(*key)) for key in resident._held) > 100
    del modules
    gc.collect()
    assert sum(len(resident._living(*key)) for key in resident._held) == 0


def test_the_same_arguments_make_the_same_bytes(tmp_path):
    from engine.backends.acestep.tiny import make_tiny

    one, other = make_tiny(tmp_path / "one", seed=7), make_tiny(tmp_path / "other", seed=7)
    names = sorted(str(path.relative_to(one.parent)) for path in one.parent.rglob("*.safetensors"))
    assert len(names) == 3
    for name in names:
        assert (one.parent / name).read_bytes() == (other.parent / name).read_bytes(), name
    different = make_tiny(tmp_path / "different", seed=8)
    assert (one / "model.safetensors").read_bytes() != (different / "model.safetensors").read_bytes()
    assert "random" in (one / "RANDOM-WEIGHTS.txt").read_text()
