from pathlib import Path

from bridge.protocol import reference
from bridge.protocol.table import TABLE


def test_the_page_is_what_the_table_says():
    page = Path(__file__).parents[2] / "docs" / "osc.md"
    assert page.read_text("utf-8") == reference.text(), "run python -m bridge.protocol.reference > docs/osc.md"


def test_every_address_is_on_the_page():
    text = reference.text()
    assert [address for address in TABLE if f"| `{address}` |" not in text] == []
