"""CPython 3.7, the interpreter inside Live up to 12.0: `PUNCHIN_PYTHON37` names one that has pytest."""

import os
import subprocess
import sys

WHERE = os.environ.get("PUNCHIN_PYTHON37")


def run_tests(folder, inifile):
    """Run the tests in `folder` by CPython 3.7, with nothing of this project but what lies there; pytest's output.

    `inifile` is written; warnings count as errors.
    """
    inifile.write_text("[pytest]\nmarkers = ableton\nfilterwarnings = error\n", "utf-8")
    options = [
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        str(inifile),
        "--confcutdir",
        str(folder),
        "--rootdir",
        str(folder),
    ]
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTEST_ADDOPTS"}}
    program = [WHERE, "-B", "-m", "pytest", *options, str(folder)]
    ran = subprocess.run(
        program, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


def newer_parts(folder):
    """What in the sources of `folder` is newer than Python 3.7, in syntax and standard library; empty if nothing is."""
    program = [sys.executable, "-c", "import vermin; vermin.main()", "--target=3.7-", "--violations", "--no-tips"]
    ran = subprocess.run([*program, str(folder)], capture_output=True, text=True, check=False)
    assert "Minimum required versions" in ran.stdout, ran.stderr
    return "" if ran.returncode == 0 else ran.stdout
