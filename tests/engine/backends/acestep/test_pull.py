import hashlib
import json
import os
import shutil
import subprocess
import sys

import pytest
from hubs import COMMIT, hub

from engine.backends.acestep import pull as pulling
from engine.backends.acestep import shelf
from engine.backends.acestep.catalogue import BY_NAME, RELEASES
from engine.backends.acestep.record import Record, problems
from engine.errors import BadModel, Busy, DiskFull, NoModel

BUNDLE = "ACE-Step/Ace-Step1.5"
TURBO = BY_NAME["acestep-v15-turbo"]
WEIGHTS = "acestep-v15-turbo/model.safetensors"


@pytest.fixture
def server(tiny, tmp_path, monkeypatch):
    """Hubs that offer the bundle and the base checkpoint, each with a pickle and code that must not be fetched."""
    repos = tmp_path / "repos"
    shutil.copytree(tiny().parent, repos / "bundle")
    shutil.copytree(tiny(variant="base", sharded=True), repos / "base")
    for folder in (repos / "bundle" / "acestep-v15-turbo", repos / "base"):
        (folder / "modeling_acestep.py").write_text("raise SystemExit")
        (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
        (folder / "README.md").write_text("license: mit\n")
    (repos / "bundle" / "README.md").write_text("of the bundle\n")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with hub() as running:
        running.repos = {BUNDLE: repos / "bundle", "ACE-Step/acestep-v15-base": repos / "base"}
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("MODELSCOPE_ENDPOINT", running.url)
        yield running


def pulled(name, models, **more):
    told = []
    for release in pulling.needed(name):
        pulling.pull(release, models, lambda *progress: told.append(progress), **more)
    return told


def state(name, models):
    return next(model.state for model in shelf.listed(models) if model.name == name)


def files(folder):
    return {path.name for path in folder.iterdir() if path.is_file()}


# What arrives


@pytest.mark.parametrize("source", ["huggingface", "modelscope"])
def test_a_pull_brings_what_a_checkpoint_needs_and_nothing_else(server, tmp_path, source):
    models = tmp_path / "models"
    told = pulled("acestep-v15-turbo", models, source=source)
    assert files(models / "acestep-v15-turbo") == {
        "config.json",
        "model.safetensors",
        "silence_latent.pt",
        "README.md",
        "RANDOM-WEIGHTS.txt",
        "punchin.json",
    }
    assert {
        name: state(name, models) for name in ("acestep-v15-turbo", "vae", "Qwen3-Embedding-0.6B")
    } == dict.fromkeys(("acestep-v15-turbo", "vae", "Qwen3-Embedding-0.6B"), "present")
    assert not any(path.endswith((".py", ".bin")) for method, path, _ in server.log)
    done, total, _ = told[-1]
    assert done == total == sum(content.bytes for content in Record.read(models / "acestep-v15-turbo").files.values())


def test_what_arrived_is_written_down(server, tmp_path):
    pulled("acestep-v15-base", tmp_path / "models")
    folder = tmp_path / "models" / "acestep-v15-base"
    record = Record.read(folder)
    revision = record.revision
    assert (record.name, record.repo, record.source) == ("acestep-v15-base", "ACE-Step/acestep-v15-base", "huggingface")
    assert revision == COMMIT
    for name, content in record.files.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == content.sha256, name
    assert sum(name.endswith(".safetensors") for name in record.files) == 3
    assert problems(folder, record) == []


def test_what_was_pulled_loads(server, tmp_path):
    import torch

    from engine.backends.acestep.checkpoint import load

    pulled("acestep-v15-base", tmp_path / "models")
    found = shelf.complete(tmp_path / "models")
    assert found == [tmp_path / "models" / "acestep-v15-base"]
    modules = load(found[0], torch.device("cpu"), torch.float32, lambda *_: None)
    assert modules.traits.base


def test_a_second_pull_downloads_nothing(server, tmp_path):
    pulled("acestep-v15-turbo", tmp_path / "models")
    server.log.clear()
    pulled("acestep-v15-turbo", tmp_path / "models")
    assert not any(method == "GET" and "/resolve/" in path for method, path, _ in server.log)


# What goes wrong on the way


def test_a_broken_download_goes_on_where_it_stopped(server, tmp_path, monkeypatch):
    # The library writes whole blocks of 10 MB: smaller ones, that a small file has some.
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 30_000)
    models = tmp_path / "models"
    server.break_after[WEIGHTS] = 100_000
    unfinished = models / "acestep-v15-turbo" / ".unfinished" / "acestep-v15-turbo" / "model.safetensors.incomplete"
    with pytest.raises(NoModel, match="goes on where it stopped"):
        pulling.pull(TURBO, models, lambda *_: None)
    there = unfinished.stat().st_size
    assert there == 90_000
    assert state("acestep-v15-turbo", models) == "partial"
    with pytest.raises(NoModel, match="not complete: punchin models pull acestep-v15-turbo"):
        shelf.folder_of("acestep-v15-turbo", models)
    server.mended()
    server.log.clear()
    pulling.pull(TURBO, models, lambda *_: None)
    ranges = [asked for method, path, asked in server.log if method == "GET" and path.endswith("model.safetensors")]
    assert ranges == ["bytes=90000-"]
    assert not (models / "acestep-v15-turbo" / ".unfinished").exists()
    assert state("acestep-v15-turbo", models) == "present"


def test_what_arrives_damaged_is_not_kept_as_good(server, tmp_path):
    server.spoilt.add(WEIGHTS)
    with pytest.raises(BadModel, match=r"model\.safetensors of .* arrived damaged twice"):
        pulling.pull(TURBO, tmp_path / "models", lambda *_: None)
    assert state("acestep-v15-turbo", tmp_path / "models") == "partial"
    server.spoilt.clear()
    pulling.pull(TURBO, tmp_path / "models", lambda *_: None)
    assert state("acestep-v15-turbo", tmp_path / "models") == "present"


def test_a_hub_without_it_says_so(server, tmp_path):
    with pytest.raises(NoModel, match="ACE-Step/acestep-v15-sft could not be fetched from huggingface"):
        pulling.pull(BY_NAME["acestep-v15-sft"], tmp_path / "models", lambda *_: None)
    for path in (server.repos["ACE-Step/acestep-v15-base"]).glob("*.safetensors"):
        path.unlink()
    with pytest.raises(NoModel, match="no safetensors of acestep-v15-base"):
        pulling.pull(BY_NAME["acestep-v15-base"], tmp_path / "models", lambda *_: None)
    with pytest.raises(NoModel, match="is no release"):
        pulling.needed("acestep-v16")


def test_a_full_disk_is_told_before_it_is_full(server, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9 - 10**6, 10**6))
    with pytest.raises(DiskFull, match=r"0\.0 GB free.*--to FOLDER"):
        pulling.pull(TURBO, tmp_path / "models", lambda *_: None)


def test_two_pulls_of_one_model_do_not_meet(server, tmp_path):
    from filelock import FileLock

    (tmp_path / "models").mkdir()
    with FileLock(tmp_path / "models" / ".acestep-v15-turbo.lock"), pytest.raises(Busy, match="being downloaded"):
        pulling.pull(TURBO, tmp_path / "models", lambda *_: None)


def test_a_hub_cannot_name_files_elsewhere(tmp_path):
    listing = pulling.Listing(
        COMMIT,
        {
            name: pulling.Content(1)
            for name in (
                "ok.safetensors",
                "../out.safetensors",
                "/out.json",
                "a/../../out.json",
                "C:/out.json",
                "..\\out.json",
            )
        },
    )
    record = pulling._record(BY_NAME["acestep-v15-base"], "huggingface", listing, None)
    assert list(record.files) == ["ok.safetensors"]


# Verify, remove, list


@pytest.fixture
def models(server, tmp_path):
    pulled("acestep-v15-turbo", tmp_path / "models")
    return tmp_path / "models"


def test_verify_finds_a_flipped_bit(models):
    folder = models / "acestep-v15-turbo"
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    found = problems(folder, Record.read(folder))
    assert len(found) == 1
    assert found[0].startswith("model.safetensors is damaged: its sha256 is not ")
    pulled("acestep-v15-turbo", models)
    assert problems(folder, Record.read(folder)) == []


def test_verify_finds_what_is_missing_and_cut_short(models):
    folder = models / "acestep-v15-turbo"
    (folder / "config.json").unlink()
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(1000)
    record = Record.read(folder)
    size = record.files["model.safetensors"].bytes
    assert problems(folder, record) == ["config.json is missing", f"model.safetensors has 1000 bytes instead of {size}"]
    assert state("acestep-v15-turbo", models) == "damaged"
    with pytest.raises(BadModel, match="punchin models verify acestep-v15-turbo"):
        shelf.folder_of("acestep-v15-turbo", models)


def test_a_checkpoint_without_its_vae_is_not_offered(models):
    assert [folder.name for folder in shelf.complete(models)] == ["acestep-v15-turbo"]
    shelf.remove("vae", models)
    assert shelf.complete(models) == []
    assert state("vae", models) == "missing"


def test_remove_leaves_what_is_the_users(models):
    (models / "acestep-v15-turbo" / "my-adapter.safetensors").write_bytes(b"mine")
    shelf.remove("acestep-v15-turbo", models)
    assert files(models / "acestep-v15-turbo") == {"my-adapter.safetensors"}
    shelf.remove("vae", models)
    assert not (models / "vae").exists()
    assert (models / "Qwen3-Embedding-0.6B" / "model.safetensors").exists()


def test_remove_touches_only_what_was_pulled(tiny, tmp_path):
    own = tmp_path / "own"
    shutil.copytree(tiny().parent, own)
    for name in ("acestep-v15-turbo", "vae"):
        with pytest.raises(NoModel, match="remove it yourself"):
            shelf.remove(name, own)
    for name in ("..", "../own", "", "acestep-v15-turbo/..", str(own)):
        with pytest.raises(NoModel):
            shelf.remove(name, own)
    assert (own / "acestep-v15-turbo" / "model.safetensors").exists()


def test_a_record_cannot_name_files_elsewhere(models):
    path = models / "vae" / "punchin.json"
    record = json.loads(path.read_text())
    record["files"]["../Qwen3-Embedding-0.6B/config.json"] = {"bytes": 1, "sha256": "0"}
    path.write_text(json.dumps(record))
    with pytest.raises(BadModel, match="names a file outside its folder"):
        shelf.remove("vae", models)
    assert (models / "Qwen3-Embedding-0.6B" / "config.json").exists()
    assert state("vae", models) == "damaged"


def test_a_folder_of_the_makers_own_program_serves(tiny, tmp_path):
    own = tmp_path / "checkpoints"
    shutil.copytree(tiny().parent, own)
    shutil.copytree(own / "acestep-v15-turbo", own / "my-merge")
    assert [folder.name for folder in shelf.complete(own)] == ["acestep-v15-turbo", "my-merge"]
    assert shelf.folder_of("my-merge", own) == own / "my-merge"
    listed = {model.name: model.state for model in shelf.listed(own)}
    assert listed["my-merge"] == listed["vae"] == "present"
    assert list(listed)[: len(RELEASES)] == [release.name for release in RELEASES]
    (own / "my-merge" / "silence_latent.pt").unlink()
    shutil.copyfile(own / "my-merge" / "config.json", own / "acestep-v15-turbo" / "model.safetensors")
    assert state("my-merge", own) == "partial"
    assert state("acestep-v15-turbo", own) == "damaged"


def test_another_disk_is_looked_in_once_it_is_remembered(tiny, tmp_path):
    home, other = tmp_path / "home", tmp_path / "other"
    shutil.copytree(tiny().parent, other)
    assert shelf.complete(home) == []
    shelf.remember(other, home)
    shelf.remember(other, home)
    assert shelf.folders(home) == [home, other]
    assert shelf.complete(home) == [other / "acestep-v15-turbo"]


# The commands


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "bridge", "models", *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_the_commands_from_pull_to_remove(server, tmp_path):
    models = {"PUNCHIN_MODELS": str(tmp_path / "models")}
    other = tmp_path / "disk"
    done = run("pull", "acestep-v15-turbo", "--to", other, **models)
    assert done.returncode == 0, done.stderr
    assert str(other / "acestep-v15-turbo") in done.stdout
    listed = json.loads(run("list", "--json", **models).stdout)
    assert listed["folder"] == str(tmp_path / "models")
    assert {model["name"]: model["state"] for model in listed["models"]}["acestep-v15-turbo"] == "present"
    assert run("path", "acestep-v15-turbo", **models).stdout.strip() == str(other / "acestep-v15-turbo")
    assert run("verify", **models).returncode == 0
    weights = other / "vae" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\xff")
    verified = run("verify", "vae", "--json", **models)
    assert verified.returncode == 1
    assert json.loads(verified.stdout)["problems"]["vae"][0].startswith(
        "diffusion_pytorch_model.safetensors is damaged"
    )
    assert run("remove", "vae", **models).returncode == 0
    assert not (other / "vae").exists()
    gone = run("path", "vae", **models)
    assert gone.returncode == 1
    assert gone.stderr == "punchin: vae is not here: punchin models pull vae\n"


@pytest.mark.neural
def test_random_weights_are_called_random(tmp_path):
    done = run("make-tiny", tmp_path / "tiny", "--variant", "base", "--xl")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("random weights")
    assert [folder.name for folder in shelf.complete(tmp_path / "tiny")] == ["acestep-v15-xl-base"]
    assert run("make-tiny", tmp_path / "tiny", "--variant", "base", "--xl").returncode == 2


def test_a_source_whose_library_is_missing_names_the_extra(tmp_path):
    code = (
        "import sys; sys.modules['modelscope_hub'] = None; sys.argv = ['punchin', 'models', 'pull', '--source', 'modelscope']; "
        "from bridge.cli import main; main()"
    )
    environment = {**os.environ, "PUNCHIN_MODELS": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("punchin: modelscope needs modelscope_hub: pip install 'punchin[modelscope]'\n")


def test_once_models_are_there_nothing_goes_out(models):
    """The loader runs where every connection, and every look-up of a name, ends the process."""
    code = f"""
import os, socket
def refuse(*_, **__):
    os._exit(77)
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
import torch
from pathlib import Path
from engine.backends.acestep import shelf
from engine.backends.acestep.checkpoint import load
folder, = shelf.complete(Path({str(models)!r}))
modules = load(folder, torch.device("cpu"), torch.float32, lambda *_: None)
print(len(modules.tokenizer("warm bass")["input_ids"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1
