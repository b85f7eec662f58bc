"""Text as Lua reads it."""

import re
from pathlib import Path


def quoted(text: str | Path) -> str:
    """As a Lua string: bytes that Lua would read otherwise are escaped."""
    return '"' + re.sub(r'[\\"\x00-\x1f]', lambda found: f"\\{ord(found[0]):03d}", str(text)) + '"'
