"""The rules of the house, run as tests: style, types, imports, and what a user installs."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def succeeds(*command, cwd=ROOT, timeout=280):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=["check", "format"])
def test_ruff(command):
    succeeds(sys.executable, "-m", "ruff", *command, ".")


def test_mypy():
    succeeds(sys.executable, "-m", "mypy")


def test_import_contracts():
    succeeds(sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    succeeds(sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT))
    return next(folder.glob("*.whl"))


@pytest.mark.wheel
@pytest.mark.timeout(600)
def test_the_wheel_runs_the_demo_in_an_empty_environment(wheel, tmp_path):
    succeeds(sys.executable, "-m", "venv", str(tmp_path / "venv"))
    python = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    succeeds(str(python), "-m", "pip", "install", "--quiet", str(wheel), timeout=500)
    out = tmp_path / "demo"
    succeeds(str(python), "-m", "bridge", "demo", "--out", str(out), cwd=tmp_path, timeout=200)
    summary = json.loads((out / "summary.json").read_text())
    assert summary["ok"] is True
    assert all(Path(clip["path"]).exists() for clip in summary["clips"])
    presets = succeeds(str(python), "-c", "from bridge.presets import presets; print(len(presets()))", cwd=tmp_path)
    assert int(presets) >= 5
    shutil.rmtree(tmp_path / "venv")
