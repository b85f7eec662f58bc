"""`punchin bench separation`: the draft engine's stems beside the true ones of projects rendered track by track."""

import json as encoder
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from bridge.bench.projects import STEMS, Project, projects
from bridge.flags import Json
from engine.audio import FloatArray
from engine.backends.draft.separate import separate
from engine.backends.draft.separator.masks import Separator

_FOLDER_HELP = "folder with a folder a project, each with a file a track, e.g. as `lmms rendertracks` writes them"
MIX, MEDIANS, OURS = "mix as estimate", "medians alone", "ours"
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Score:
    """How near a method's stems of one project are to the true ones."""

    project: str
    method: str
    drums: float
    """Signal-to-distortion ratio in dB, over both channels and the whole excerpt, without any allowance."""
    bass: float
    other: float
    realtime: float | None
    """Seconds of audio a second of processor time, of all cores together."""


def separation(
    *,
    project_folder: Annotated[Path, Parameter(name="--projects", help=_FOLDER_HELP)],
    json: Json = False,
) -> int:
    """Separate the mix of every project and compare the stems with what was mixed, in dB SDR.

    Of each project the 40 s are taken in which drums, bass and the rest play most.
    """
    scores: list[Score] = []
    for project in projects(project_folder):
        scores += measured(project, Separator())
        if not json:
            sys.stderr.write(f"{project.name}\n")
    if json:
        told = {"means": [asdict(mean) for mean in _means(scores)], "projects": [asdict(score) for score in scores]}
        sys.stdout.write(encoder.dumps(told, indent=2) + "\n")
    else:
        Console().print(_table(scores))
    return 0


def measured(project: Project, net: Separator) -> Iterator[Score]:
    """The mix itself, the stems of median filters, and what `extract` gives."""
    mix = project.stems.sum(axis=0)
    yield _score(project, MIX, np.stack([mix] * len(STEMS)), None)
    # The first run of a net also makes room for it in memory.
    separate(mix[:, : project.rate], project.rate, lambda _share, _stage: None, net)
    for method, helper in ((MEDIANS, None), (OURS, net)):
        begin = time.process_time()
        stems = separate(mix, project.rate, lambda _share, _stage: None, helper)
        seconds = time.process_time() - begin
        yield _score(project, method, np.stack([stems[stem] for stem in STEMS]), mix.shape[1] / project.rate / seconds)


def sdr(truth: FloatArray, estimate: FloatArray) -> float:
    """Power of the true stem [channels, frames] over that of what the estimate has too much or lacks, in dB."""
    error = np.square(truth - estimate, dtype=np.float64).sum()
    return float(10 * np.log10((np.square(truth, dtype=np.float64).sum() + _TINY) / (error + _TINY)))


def _score(project: Project, method: str, estimates: FloatArray, realtime: float | None) -> Score:
    drums, bass, other = (sdr(truth, estimate) for truth, estimate in zip(project.stems, estimates, strict=True))
    return Score(project.name, method, drums, bass, other, realtime)


def _means(scores: Sequence[Score]) -> Iterator[Score]:
    """One row a method, over all projects."""
    for method in dict.fromkeys(score.method for score in scores):
        group = [score for score in scores if score.method == method]
        drums, bass, other = (float(np.mean([getattr(score, stem) for score in group])) for stem in STEMS)
        speeds = [score.realtime for score in group if score.realtime is not None]
        yield Score(f"mean of {len(group)}", method, drums, bass, other, float(np.mean(speeds)) if speeds else None)


def _table(scores: Sequence[Score]) -> Table:
    table = Table(title="Stems beside the true ones, SDR in dB")
    for heading in ("project", "method", *STEMS, "x real time"):
        table.add_column(heading, justify="left" if heading in {"project", "method"} else "right")
    last = ""
    for score in (*scores, *_means(scores)):
        if last and score.project != last:
            table.add_section()
        figures = (f"{getattr(score, stem):.1f}" for stem in STEMS)
        speed = "" if score.realtime is None else f"{score.realtime:.0f}"
        name = "" if score.project == last else score.project
        table.add_row(name, score.method, *figures, speed, style="bold" if score.method == OURS else "")
        last = score.project
    return table
