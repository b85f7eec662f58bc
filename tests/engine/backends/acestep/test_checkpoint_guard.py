import json
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from engine.backends.acestep.guard import header, headers, read_json, weight_files
from engine.errors import BadModel, NoModel


class Canary:
    """Unpickling it writes a file: proof that a program of the author's would have run."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return (Path.write_text, (self.trace, "sang"))


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "canary"
    yield path
    assert not path.exists()


def safetensors(entries, data, *, claimed=None):
    """A safetensors file by hand; `entries` is the header as text or object."""
    text = (entries if isinstance(entries, str) else json.dumps(entries)).encode()
    return (len(text) if claimed is None else claimed).to_bytes(8, "little") + text + data


def tensor(first, end, shape=None, kind="U8"):
    return {"dtype": kind, "shape": [end - first] if shape is None else shape, "data_offsets": [first, end]}


def written(folder, content, name="model.safetensors"):
    (folder / name).write_bytes(content)
    return folder / name


def test_the_canary_sings_when_it_is_opened(tmp_path):
    """Else the tests below would prove nothing."""
    trace = tmp_path / "sung"
    pickle.loads(pickle.dumps(Canary(trace)))
    assert trace.read_text() == "sang"


# Pickles


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_pickle_under_another_name_is_refused(tmp_path, trace, protocol):
    path = written(tmp_path, pickle.dumps(Canary(trace), protocol))
    with pytest.raises(BadModel, match=r"model\.safetensors is no safetensors file"):
        header(path)


def test_an_archive_of_torch_under_another_name_is_refused(tmp_path, trace):
    path = tmp_path / "model.safetensors"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Canary(trace)))
    with pytest.raises(BadModel, match="is no safetensors file"):
        header(path)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.ckpt", "MODEL.PTH"])
def test_pickles_in_the_place_of_weights_are_refused(tmp_path, trace, name):
    written(tmp_path, pickle.dumps(Canary(trace)), name)
    with pytest.raises(BadModel, match=f"{name} is not opened.*get the .safetensors"):
        weight_files(tmp_path, "model")


@pytest.mark.neural
@pytest.mark.parametrize("archive", [False, True])
def test_a_canary_in_the_silent_latent_never_sings(tmp_path, trace, archive):
    import torch

    from engine.backends.acestep.checkpoint import read_silence

    path = tmp_path / "silence_latent.pt"
    torch.save(Canary(trace), path) if archive else path.write_bytes(pickle.dumps(Canary(trace)))
    with pytest.raises(BadModel, match=r"silence_latent\.pt holds no plain tensor"):
        read_silence(path)


@pytest.mark.neural
@pytest.mark.parametrize("content", [{"a": 1}, [1, 2], None])
def test_a_silent_latent_is_one_tensor(tmp_path, content):
    import torch

    from engine.backends.acestep.checkpoint import read_silence

    torch.save(torch.zeros(2, 8, 10) if content is None else content, tmp_path / "silence_latent.pt")
    with pytest.raises(BadModel, match="holds no tensor of the shape"):
        read_silence(tmp_path / "silence_latent.pt")


@pytest.mark.parametrize("where", ["model.safetensors", "../vae/diffusion_pytorch_model.safetensors"])
def test_a_checkpoint_with_a_hidden_pickle_is_refused_before_anything_is_loaded(copied, tiny, trace, where):
    import torch

    from engine.backends.acestep.checkpoint import load

    folder = copied()
    (folder / where).write_bytes(pickle.dumps(Canary(trace)))
    told = []
    with pytest.raises(BadModel, match="is no safetensors file"):
        load(folder, torch.device("cpu"), torch.float32, lambda *progress: told.append(progress))
    assert told == []


def test_code_that_comes_with_a_checkpoint_is_not_run(copied, tiny, trace):
    """The release brings modeling_*.py and names it in its settings."""
    import torch

    from engine.backends.acestep.checkpoint import load

    folder = copied()
    for place in (folder, folder.parent / "Qwen3-Embedding-0.6B"):
        (place / "modeling_canary.py").write_text(f"open({str(trace)!r}, 'w').write('sang')\nclass Model: ...\n")
        config = json.loads((place / "config.json").read_text())
        config["auto_map"] = {"AutoModel": "modeling_canary.Model", "AutoTokenizer": ["modeling_canary.Model", None]}
        (place / "config.json").write_text(json.dumps(config))
    load(folder, torch.device("cpu"), torch.float32, lambda *_: None)


# Headers that lie


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (safetensors({"a": tensor(0, 4)}, bytes(4), claimed=2**63), "header does not fit"),
        (safetensors({"a": tensor(0, 4)}, bytes(4), claimed=10**9), "header does not fit"),
        (safetensors({"a": tensor(0, 4)}, bytes(4), claimed=40), "header cannot be read"),
        (b"", "header does not fit"),
        (b"\x02\x00\x00", "header does not fit"),
        (safetensors("[1]", b""), "header cannot be read"),
        (safetensors("[" * 100_000, b""), "header cannot be read"),
        (safetensors('{"a": \xff}', b""), "header cannot be read"),
        (safetensors({"a": tensor(0, 4), "b": tensor(2, 6)}, bytes(6)), "tensor b does not begin where"),
        (safetensors({"a": tensor(0, 4), "b": tensor(0, 4)}, bytes(4)), "tensor b does not begin where"),
        (safetensors({"a": tensor(0, 4), "b": tensor(8, 12)}, bytes(12)), "tensor b does not begin where"),
        (safetensors({"a": tensor(4, 0, [])}, bytes(4)), "tensor a makes no sense"),
        (safetensors({"a": tensor(-4, 0)}, bytes(4)), "tensor a makes no sense"),
        (safetensors({"a": tensor(0, 4, [3])}, bytes(4)), "tensor a makes no sense"),
        (safetensors({"a": tensor(0, 4, [2**62, 4])}, bytes(4)), "tensor a makes no sense"),
        (safetensors({"a": tensor(0, 4, [True, 4])}, bytes(4)), "tensor a makes no sense"),
        (safetensors({"a": tensor(0, 4, kind="OBJECT")}, bytes(4)), "tensor a makes no sense"),
        (safetensors({"a": {"dtype": "U8"}}, bytes(4)), "tensor a makes no sense"),
        (safetensors({"a": tensor(0, 4)}, bytes(3)), "cut short: 1 bytes"),
        (safetensors({"a": tensor(0, 4)}, bytes(9)), "5 bytes at its end that belong to no tensor"),
        (
            safetensors(f'{{"a": {json.dumps(tensor(0, 4))}, "a": {json.dumps(tensor(0, 4))}}}', bytes(4)),
            "names something twice",
        ),
        (
            safetensors('{"a": {"dtype": "U8", "dtype": "F32", "shape": [4], "data_offsets": [0, 4]}}', bytes(4)),
            "twice",
        ),
    ],
)
def test_a_lying_header_is_refused(tmp_path, content, message):
    with pytest.raises(BadModel, match=message):
        header(written(tmp_path, content))


def test_a_header_of_a_size_that_no_machine_has_costs_no_memory(tmp_path):
    """A file with a hole, so that the claimed 90 GB could be read, were they asked for."""
    path = tmp_path / "model.safetensors"
    with path.open("wb") as file:
        file.write((90 * 10**9).to_bytes(8, "little"))
        file.truncate(100 * 10**9)
    with pytest.raises(BadModel, match="header does not fit"):
        header(path)


def test_a_true_header_is_read(tmp_path):
    entries = {
        "__metadata__": {"format": "pt"},
        "b": tensor(4, 12, [2], "F32"),
        "a": tensor(0, 4),
        "c": tensor(12, 12, [0]),
    }
    found = header(written(tmp_path, safetensors(entries, bytes(12))))
    assert {name: (entry.kind, entry.shape, entry.first, entry.end) for name, entry in found.items()} == {
        "a": ("U8", (4,), 0, 4),
        "b": ("F32", (2,), 4, 12),
        "c": ("U8", (0,), 12, 12),
    }


def test_one_tensor_in_two_shards_is_refused(tmp_path):
    content = safetensors({"a": tensor(0, 4)}, bytes(4))
    files = [written(tmp_path, content, "one.safetensors"), written(tmp_path, content, "two.safetensors")]
    with pytest.raises(BadModel, match=r"tensor a is in .*one\.safetensors and in .*two\.safetensors"):
        headers(files)


# Indexes


def index(folder, **weight_map):
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


@pytest.mark.parametrize(
    "name",
    [
        "../secret.safetensors",
        "..\\secret.safetensors",
        "/etc/secret.safetensors",
        "C:secret.safetensors",
        "\\\\host\\share\\secret.safetensors",
        "part/secret.safetensors",
        "secret.bin",
        "secret.safetensors\x00",
        "sec\x00ret.safetensors",
        "",
        7,
        None,
        ["a.safetensors"],
    ],
)
def test_an_index_cannot_name_files_elsewhere(tmp_path, name):
    folder = tmp_path / "model"
    (folder / "part").mkdir(parents=True)
    for place in (tmp_path, folder, folder / "part"):
        written(place, safetensors({"a": tensor(0, 4)}, bytes(4)), "secret.safetensors")
    index(folder, a=name)
    with pytest.raises(BadModel, match="names a shard that is no file of its folder"):
        weight_files(folder, "model")


def test_an_index_names_shards_that_are_there(tmp_path):
    for name in ("one.safetensors", "two.safetensors"):
        written(tmp_path, safetensors({}, b""), name)
    index(tmp_path, a="two.safetensors", b="one.safetensors", c="two.safetensors")
    assert [path.name for path in weight_files(tmp_path, "model")] == ["one.safetensors", "two.safetensors"]
    (tmp_path / "two.safetensors").unlink()
    with pytest.raises(BadModel, match=r"two\.safetensors is missing"):
        weight_files(tmp_path, "model")


@pytest.mark.parametrize("content", ["", "[]", '{"weight_map": {}}', '{"weight_map": 3}', "{}", "\x00"])
def test_an_index_that_names_nothing_is_refused(tmp_path, content):
    (tmp_path / "model.safetensors.index.json").write_text(content)
    with pytest.raises(BadModel):
        weight_files(tmp_path, "model")


def test_settings_that_are_missing_too_long_or_no_object(tmp_path):
    with pytest.raises(NoModel, match=r"config\.json is missing"):
        read_json(tmp_path / "config.json")
    (tmp_path / "config.json").write_text("[" * 50_000)
    with pytest.raises(BadModel, match="cannot be read"):
        read_json(tmp_path / "config.json")
    (tmp_path / "config.json").write_bytes(b" " * 20_000_001)
    with pytest.raises(BadModel, match="too long"):
        read_json(tmp_path / "config.json")


def test_looking_at_checkpoints_imports_no_model_code():
    code = (
        "import sys; from engine.backends.acestep import guard, layout; "
        "print([name for name in ('torch', 'numpy', 'safetensors', 'huggingface_hub') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
