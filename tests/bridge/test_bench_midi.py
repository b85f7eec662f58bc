"""The bench of MIDI: its figures belong together, and without a server it says what it needs."""

import json
import shutil
import subprocess
import sys

import pytest
from jackrig import only_one

COMMAND = [sys.executable, "-m", "bridge", "bench", "midi"]


@pytest.mark.midi
@pytest.mark.skipif(shutil.which("jackd") is None, reason="jackd is not installed (Debian: jackd2)")
def test_notes_are_measured_beside_the_period():
    with only_one("punchin-bench"):
        done = subprocess.run(
            [*COMMAND, "--notes", "5", "--frames", "480", "--json"], capture_output=True, text=True, check=True
        )
    told = json.loads(done.stdout)
    assert told["period"] == pytest.approx(10.0)
    assert (told["notes"], told["lost"]) == (5, 0)
    assert 0 < told["p50"] <= told["p99"] <= told["longest"]
    assert told["ratio"]["p99"] == pytest.approx(told["p99"] / 10.0)


def test_without_a_server_it_says_what_it_needs(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "jackd" in done.stderr
