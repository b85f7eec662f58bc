"""What an installer noted of what it put in, so that taking it out leaves nothing behind."""

import json
from pathlib import Path
from typing import Any


def read_record(path: Path) -> dict[str, Any] | None:
    """The note; None where there is none of ours."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and {"version", "created"} <= record.keys() else None
