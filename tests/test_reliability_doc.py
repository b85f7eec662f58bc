"""docs/reliability.md names tests that exist, and no case is left without a test or a reason."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reliability.md").read_text("utf-8")
ROWS = re.findall(r"^\| (\d+)\. [^|]+ \| [^|]+ \| ([^|]+) \|$", PAGE, re.MULTILINE)
NAMED = sorted(set(re.findall(r"`(tests/[^`]+?)(?:::(\w+))?`", PAGE)))


def test_every_case_has_a_row():
    assert [int(number) for number, _ in ROWS] == list(range(1, 31))


@pytest.mark.parametrize("row", ROWS, ids=[number for number, _ in ROWS])
def test_every_row_has_a_test_or_says_why_not_yet(row):
    _, shown = row
    assert "::test_" in shown or shown.startswith("Not yet:")


@pytest.mark.parametrize(("path", "name"), NAMED, ids=["::".join(filter(None, named)) for named in NAMED])
def test_what_is_named_exists(path, name):
    defined = {node.name for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))) if hasattr(node, "name")}
    assert not name or name in defined
