"""Sources that Live's own interpreter runs, or might: nothing in them is newer than Python 3.7."""

from pathlib import Path

import pytest
from old_python import newer_parts

pytestmark = pytest.mark.ableton

ROOT = Path(__file__).parents[2]


def test_the_simulation_is_python_3_7():
    assert newer_parts(ROOT / "tests" / "simulators" / "live") == ""


def test_what_is_newer_is_seen(tmp_path):
    lines = ["print((n := 3))", "'ace: pad'.removeprefix('ace:')", "def f(a, /): pass"]
    (tmp_path / "new.py").write_text("\n".join(lines), "utf-8")
    seen = newer_parts(tmp_path)
    assert [word in seen for word in ("named expressions", "removeprefix", "positional-only")] == [True] * 3
