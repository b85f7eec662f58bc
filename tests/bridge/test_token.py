import os
import stat
import subprocess
import sys

import pytest

from bridge.remote import token
from engine.errors import CannotStart


def test_it_is_made_once_and_changes_when_asked(tmp_path):
    first = token.make(tmp_path / "state")
    assert token.make(tmp_path / "state") == first == token.read(tmp_path / "state")
    second = token.make(tmp_path / "state", new=True)
    assert second != first
    assert token.read(tmp_path / "state") == second
    assert len(second) >= 43
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["token"]


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_nobody_else_can_read_it_at_any_time(tmp_path, monkeypatch):
    modes = []
    opened = os.open

    def watching(path, *arguments, **more):
        descriptor = opened(path, *arguments, **more)
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return descriptor

    monkeypatch.setattr(os, "open", watching)
    before = os.umask(0)
    try:
        token.make(tmp_path)
    finally:
        os.umask(before)
    assert modes == [0o600]
    assert stat.S_IMODE(token.token_file(tmp_path).stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_a_file_that_others_can_read_is_no_secret(tmp_path):
    token.make(tmp_path)
    token.token_file(tmp_path).chmod(0o640)
    with pytest.raises(CannotStart, match="punchin token --new"):
        token.read(tmp_path)
    assert token.make(tmp_path, new=True)


@pytest.mark.parametrize("content", [b"", b"hunter2\n", b"\xff" * 50])
def test_a_file_that_holds_none(tmp_path, content):
    token.make(tmp_path)
    token.token_file(tmp_path).write_bytes(content)
    with pytest.raises(CannotStart):
        token.read(tmp_path)


def test_only_the_whole_token_matches(tmp_path):
    right = token.make(tmp_path)
    assert token.matches(right, right)
    for wrong in (None, "", right[:-1], right + "x", right.swapcase(), "ü" * 43):
        assert not token.matches(wrong, right)
        assert not token.matches(wrong, None)
        assert not token.matches(wrong, "")


def test_the_command_prints_it_and_nothing_else_tells_it(tmp_path):
    def punchin(*words):
        return subprocess.run(
            [sys.executable, "-m", "bridge", *words, "--state", str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )

    told = punchin("token").stdout
    assert told.strip() == token.read(tmp_path) == punchin("token").stdout.strip()
    assert punchin("token", "--new").stdout != told
    for doctor in (punchin("doctor"), punchin("doctor", "--json")):
        assert token.read(tmp_path) not in doctor.stdout + doctor.stderr
