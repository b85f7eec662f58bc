"""`punchin bench engine`: ACE-Step rendered by punchin beside diffusers' pipeline, on the same random weights."""

import json as decoder
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from bridge.bench.apart import measured
from bridge.flags import Json
from engine.errors import NoModel

STEPS, MUSIC_SECONDS = 8, 120
_CASES = {
    "reference-repaint": "diffusers: repaint of 8 s in a song of 240 s",
    "repaint": "punchin: the same, with 20 s of context",
    "reference-music": "diffusers: 120 s of new music",
    "music": "punchin: the same",
}


def engine(
    *,
    model: Annotated[
        Path | None, Parameter(help="checkpoint in the layout of diffusers; default: a new one with random weights")
    ] = None,
    json: Json = False,
) -> int:
    """Measure time and memory, each case in a process of its own; without a GPU it takes about ten minutes."""
    if find_spec("diffusers") is None or find_spec("torch") is None:
        raise NoModel("this benchmark needs torch and diffusers: pip install 'punchin[ace]'")
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = model or Path(_run("make", Path(folder))["checkpoint"])
        parts = {}
        for case, meaning in _CASES.items():
            sys.stderr.write(f"{meaning}\n")
            parts[case] = _run(case, checkpoint)
    result = {"ratios": ratios(parts), "rates": rates(parts["music"]), "parts": parts}
    if json:
        sys.stdout.write(decoder.dumps(result, indent=2) + "\n")
    else:
        Console().print(_table(parts), result["ratios"], result["rates"])
    return 0


def ratios(parts: dict[str, Any]) -> dict[str, float]:
    """How many times faster, and in how many times less memory, than the reference."""
    repaint, music = parts["reference-repaint"], parts["reference-music"]
    return {
        "repaint_8s_in_240s": repaint["seconds"] / parts["repaint"]["seconds"],
        "second_take": repaint["seconds"] / parts["repaint"]["second_take"]["seconds"],
        "text2music": music["seconds"] / parts["music"]["seconds"],
        "peak_memory": repaint["memory"] / max(parts["repaint"]["memory"], 1),
    }


def rates(music: dict[str, Any]) -> dict[str, float]:
    """What this machine does in a second, for 120 s of music."""
    return {
        "steps_a_second": STEPS / music["parts"]["rendering"],
        "seconds_decoded_a_second": MUSIC_SECONDS / music["parts"]["decoding"],
    }


def _run(case: str, checkpoint: Path) -> dict[str, Any]:
    found: dict[str, Any] = measured("engine.backends.acestep.benchmark", case, checkpoint)
    return found


def _table(parts: dict[str, Any]) -> Table:
    table = Table("case", "seconds", "reading", "rendering", "decoding", "memory, MB")
    for case, meaning in _CASES.items():
        _add(table, meaning, parts[case], f"{parts[case]['memory'] / 1e6:.0f}")
        if "second_take" in parts[case]:
            _add(table, "… a second take", parts[case]["second_take"], "")
    return table


def _add(table: Table, meaning: str, measured: dict[str, Any], memory: str) -> None:
    stages = (measured["parts"].get(stage) for stage in ("reading", "rendering", "decoding"))
    shown = ("" if value is None else f"{value:.1f}" for value in stages)
    table.add_row(meaning, f"{measured['seconds']:.1f}", *shown, memory)
