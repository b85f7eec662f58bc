"""A measurement of model code, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.errors import EngineError


def measured(module: str, *arguments: str | Path) -> Any:
    """The JSON on the last line that a module of ours prints; raises EngineError with the last line of its complaint."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)  # noqa: S603  our own module
    if ended.returncode:
        said = ended.stderr.strip().splitlines() or [f"it was ended with code {ended.returncode}, without a word"]
        raise EngineError(f"{' '.join(command[2:])} failed: {said[-1]}")
    return json.loads(ended.stdout.splitlines()[-1])
