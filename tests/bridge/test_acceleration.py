import importlib.util
import json
import os
import subprocess
import sys

import pytest

from bridge.install import acceleration
from bridge.install.acceleration import acestep_plan, cards

GIB = 1024**3


@pytest.fixture
def no_torch(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "torch" else find(name, *more))


@pytest.fixture
def play_smi(tmp_path, monkeypatch):
    """Puts a program named nvidia-smi first on the search path, that prints what it is given."""

    def play(text, code=0):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / "nvidia-smi"
        program.write_text(f"#!{sys.executable}\nprint({text!r})\nraise SystemExit({code})\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    return play


@pytest.fixture
def play_torch(tmp_path, monkeypatch):
    """Puts a torch on the import path whose import runs a line of code."""

    def play(line):
        (tmp_path / "torch").mkdir()
        (tmp_path / "torch" / "__init__.py").write_text(line + "\n")
        return {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}

    return play


def test_torch_is_asked_in_a_process_of_its_own(monkeypatch):
    monkeypatch.setattr(acceleration, "TIME_LIMIT", 120.0)
    found = acestep_plan({**os.environ, "ACESTEP_DEVICE": "cpu"})
    assert found.values["torch"] is True
    assert found.values["processor"]["kind"] == "cpu"
    assert found.values["plan"]["tier"] == "1"
    assert found.state == ("ok" if found.values["plan"]["fits"] else "problem")
    assert "tier 1" in found.detail


def test_the_plan_of_another_card_costs_no_torch(monkeypatch):
    monkeypatch.setattr(acceleration, "_asked_torch", lambda _: pytest.fail("torch was asked"))
    found = acestep_plan({"MAX_CUDA_VRAM": "8"})
    plan = found.values["plan"]
    assert (found.state, plan["tier"], plan["device"], plan["residency"]) == ("ok", "3", "cuda", "offload")
    assert "simulated by MAX_CUDA_VRAM (cuda), 8.0 GiB, 7.5 free; tier 3: bfloat16, offload" in found.detail
    assert json.loads(json.dumps(found.values))["plan"]["max_seconds"] == 600
    assert acestep_plan({"MAX_CUDA_VRAM": "24"}).values["plan"]["tier"] == "unlimited"
    assert acestep_plan({"MAX_CUDA_VRAM": "2"}).state == "problem"


def test_without_torch_the_plan_is_told_and_so_is_what_it_needs(no_torch, monkeypatch):
    monkeypatch.setenv("PATH", "")
    found = acestep_plan({})
    assert (found.state, found.values["torch"], found.values["plan"]["device"]) == ("off", False, "cpu")
    assert "torch is not installed" in found.detail
    assert "punchin[ace]" in found.remedy
    assert acestep_plan({"MAX_CUDA_VRAM": "8"}).values["plan"]["tier"] == "3"


@pytest.mark.skipif(sys.platform == "win32", reason="the played program is a script")
def test_without_torch_the_driver_tells_the_card(no_torch, play_smi):
    play_smi("NVIDIA GeForce GTX 1060, 6144, 5000, 6.1\nNVIDIA GeForce RTX 3060, 12288, 11264, 8.6")
    found = acestep_plan({})
    assert found.values["processor"]["name"] == "NVIDIA GeForce RTX 3060"
    assert found.values["plan"]["tier"] == "4"
    play_smi("Failed to initialize NVML: Driver/library version mismatch", code=18)
    assert acestep_plan({}).values["plan"]["device"] == "cpu"


def test_lines_of_the_driver_are_read_and_others_left_out():
    found = cards("A, B, 8192, 4096, 7.5\nnot a card\nNVIDIA GB10, [N/A], [N/A], 12.1\n\nC, 1024, 100, 9.0")
    assert [(card.name, card.total, card.free, card.bfloat16) for card in found] == [
        ("A, B", 8 * GIB, 3.5 * GIB, False),
        ("C", GIB, 0, True),
    ]


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"MAX_CUDA_VRAM": "eight"}, "MAX_CUDA_VRAM"),
        ({"ACESTEP_DTYPE": "float8"}, "ACESTEP_DTYPE"),
        ({"ACESTEP_DEVICE": "tpu"}, "there is no tpu here"),
    ],
)
def test_a_variable_that_is_wrong_is_a_problem(environ, words, monkeypatch):
    monkeypatch.setattr(acceleration, "TIME_LIMIT", 120.0)
    found = acestep_plan({**os.environ, **environ})
    assert found.state == "problem"
    assert words in found.detail
    assert found.remedy


def test_a_torch_that_cannot_be_imported_is_a_problem(play_torch, monkeypatch):
    monkeypatch.setattr(acceleration, "TIME_LIMIT", 120.0)
    environ = play_torch("raise ImportError('libcudart.so.13: cannot open shared object file')")
    found = acestep_plan(environ)
    assert found.state == "problem"
    assert "libcudart.so.13" in found.detail
    assert "force-reinstall torch" in found.remedy


def test_a_torch_that_never_answers_is_ended(play_torch, monkeypatch):
    monkeypatch.setattr(acceleration, "TIME_LIMIT", 1.0)
    found = acestep_plan(play_torch("import time; time.sleep(600)"))
    assert found.state == "problem"
    assert "timed out" in found.detail


def test_a_torch_that_kills_its_process_is_a_problem(play_torch, monkeypatch):
    monkeypatch.setattr(acceleration, "TIME_LIMIT", 120.0)
    found = acestep_plan(play_torch("import os; os.abort()"))
    assert found.state == "problem"


def test_the_command_prints_it(tmp_path):
    command = [sys.executable, "-m", "bridge", "doctor", "--json", "--state", str(tmp_path), "--port", "0"]
    environ = {**os.environ, "MAX_CUDA_VRAM": "8"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    (found,) = [each for each in json.loads(done.stdout) if each["name"] == "ace-step plan"]
    assert found["values"]["plan"]["tier"] == "3"
    assert found["values"]["processor"]["simulated"] is True
    assert found["values"]["plan"]["reasons"]
