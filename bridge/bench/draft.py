"""`punchin bench draft`: re-use on real songs beside what anybody could do by hand."""

import json as encoder
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from bridge.bench.songs import songs
from bridge.bench.trial import OURS, Result, continuations, holes
from bridge.flags import Json
from engine.backends.draft.backend import Draft
from engine.errors import BadSource
from engine.units import Seed

CONTEXTS = (75.0, 32.0)
HOLES = (4.0, 8.0)
_MEASURES = ("chroma", "mel_db", "onsets", "click", "repeat", "seconds")
_HEADINGS = ("chroma cosine", "log-mel dB", "onset corr.", "click ratio", "repeat", "seconds")
_AUDIO_HELP = "folder with songs, e.g. games/fretsonfire/data/songs of Debian's package fretsonfire-songs-sectoid (MIT)"


def draft(
    *,
    audio: Annotated[Path, Parameter(help=_AUDIO_HELP)],
    seed: Annotated[int, Parameter(help="seed of the takes; a multiple of 8 is the best fit")] = 0,
    json: Json = False,
) -> int:
    """Cut holes and ends into real songs, let the draft engine fill them, and compare with what was there."""
    results = []
    for result in measured(audio, Seed(seed)):
        results.append(result)
        if not json and result.method == OURS:
            sys.stderr.write(f"{result.song} at {result.place:.0%}: {result.length:g} s in {result.context:g} s\n")
    if not results:
        raise BadSource(f"{audio}: no song is long enough for {min(CONTEXTS):g} s of context")
    if json:
        rows = [{key: _plain(value) for key, value in result.row().items()} for result in results]
        sys.stdout.write(encoder.dumps({"means": _means(results), "trials": rows}, indent=2) + "\n")
    else:
        Console().print(_table(results))
    return 0


def measured(folder: Path, seed: Seed) -> Iterator[Result]:
    """Every trial of every song below a folder, in the order they are made."""
    engine = Draft()
    for song in songs(folder):
        for context in CONTEXTS:
            for length in HOLES:
                yield from holes(song, engine, seed, context, length)
        yield from continuations(song, engine, seed, max(CONTEXTS))


def _plain(value: str | float) -> str | float | None:
    return None if isinstance(value, float) and math.isnan(value) else value


def _task(result: Result) -> str:
    if math.isnan(result.repeat):
        return f"{result.length:g} s in {result.context:g} s"
    return f"8 bars after {result.context:g} s"


def _means(results: Sequence[Result]) -> list[dict[str, str | int | float | None]]:
    """One row a task and method, the task's first method first."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((_task(result), result.method), []).append(result)
    tasks = [task for task, _ in groups]
    rows: list[dict[str, str | int | float | None]] = []
    for (task, method), group in sorted(groups.items(), key=lambda item: tasks.index(item[0][0])):
        means = {name: _plain(float(np.mean([getattr(each, name) for each in group]))) for name in _MEASURES}
        rows.append({"task": task, "method": method, "trials": len(group), **means})
    return rows


def _table(results: Sequence[Result]) -> Table:
    table = Table(title="Re-use beside what stood there")
    for heading in ("task", "method", "trials", *_HEADINGS):
        table.add_column(heading, justify="left" if heading in {"task", "method"} else "right")
    last = ""
    for row in _means(results):
        task = str(row["task"])
        if last and task != last:
            table.add_section()
        figures = ("" if row[name] is None else f"{row[name]:.3f}" for name in _MEASURES)
        style = "bold" if row["method"] == OURS else ""
        table.add_row("" if task == last else task, str(row["method"]), str(row["trials"]), *figures, style=style)
        last = task
    return table
