"""The script in the interpreter that Live had up to 12.0, end to end, and its sources. Collected where there is one."""

import shutil
from pathlib import Path

from booth import Booth
from old_python import WHERE, newer_parts, run_tests

HERE = Path(__file__).parent
SCRIPT = HERE.parents[2] / "daw_scripts" / "ableton" / "Punchin"


def test_the_script_is_python_3_7():
    assert newer_parts(SCRIPT) == ""


if WHERE:

    def test_every_action_by_cpython_3_7(tmp_path, monkeypatch, live_daemon, music):
        booth = Booth(tmp_path / "Bühne", live_daemon.state)
        booth.close()
        folder = tmp_path / "tests"
        folder.mkdir()
        shutil.copy(HERE / "python37" / "walk.py", folder / "test_walk.py")
        shutil.copy(HERE / "test_live_pure.py", folder)
        for name, value in {
            "PUNCHIN_PACKAGE": booth.package,
            "PUNCHIN_SCRIPT": booth.package,
            "PUNCHIN_MUSIC": music,
            "PUNCHIN_SIMULATORS": HERE.parents[1] / "simulators",
        }.items():
            monkeypatch.setenv(name, str(value))
        told = run_tests(folder, tmp_path / "pytest.ini")
        assert " passed in " in told
        assert "skipped" not in told
