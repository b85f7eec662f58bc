"""The simulated Live in the interpreter that Live had up to 12.0. Collected where there is one."""

import subprocess
from pathlib import Path

import pytest
from old_python import WHERE, run_tests

pytestmark = pytest.mark.ableton


def test_it_is_cpython_3_7():
    told = subprocess.run(
        [WHERE, "-c", "import platform; print(platform.python_implementation(), platform.python_version())"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert told.startswith("CPython 3.7.")


def test_the_simulation_behaves_alike(tmp_path):
    told = run_tests(Path(__file__).parent / "live", tmp_path / "pytest.ini")
    assert " passed in " in told
    assert "skipped" not in told
