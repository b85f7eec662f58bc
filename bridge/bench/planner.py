"""`punchin bench planner`: ACE-Step's language model beside `generate` of transformers, on the same weights."""

import json as decoder
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from bridge.bench.apart import measured
from bridge.flags import Json
from engine.errors import NoModel

_CASES = {
    "transformers": ("transformers: generate", "transformers"),
    "text": ("punchin: free text, the rows of text", "transformers"),
    "metadata": ("punchin: metadata by the grammar", "transformers"),
    "codes": ("punchin: codes, their rows only", "transformers"),
    "codes_whole_head": ("punchin: codes, all rows", "transformers"),
    "transformers_guided": ("transformers: generate, guided", "transformers_guided"),
    "codes_guided": ("punchin: codes, guided", "transformers_guided"),
    "codes_guided_4_takes": ("punchin: codes of four takes, guided", "transformers_guided"),
}
"""Case to what it is, and the case that it is compared with."""


def planner(
    *,
    model: Annotated[Path | None, Parameter(help="folder of a planner; default: a new one with random weights")] = None,
    json: Json = False,
) -> int:
    """Measure text with and without the grammar, codes with and without guidance and the whole head; it takes minutes."""
    missing = [name for name in ("torch", "transformers", "llguidance") if find_spec(name) is None]
    if missing:
        raise NoModel(f"this benchmark needs {', '.join(missing)}: pip install 'punchin[ace]'")
    rates: dict[str, float] = measured("engine.backends.acestep.planner.benchmark", *([model] if model else []))
    if json:
        sys.stdout.write(decoder.dumps({"ratios": ratios(rates), "tokens_a_second": rates}, indent=2) + "\n")
    else:
        Console().print(_table(rates))
    return 0


def ratios(rates: dict[str, float]) -> dict[str, float]:
    """How many times as fast as `generate`, the guided cases as the guided one."""
    return {case: rates[case] / rates[beside] for case, (_, beside) in _CASES.items() if case != beside}


def _table(rates: dict[str, float]) -> Table:
    table = Table("case", "tokens a second", "ratio")
    for case, (meaning, _) in _CASES.items():
        ratio = ratios(rates).get(case)
        table.add_row(meaning, f"{rates[case]:.1f}", "" if ratio is None else f"{ratio:.2f}")
    return table
