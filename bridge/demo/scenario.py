"""The demo, step by step, as a DAW would do it: requests over UDP, clips into a project."""

import math
import shutil
import sys
import time
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from bridge.demo.daemon import own_daemon
from bridge.demo.record import table, write_pictures, write_project, write_summary
from bridge.demo.step import Step
from bridge.osc.client import Client
from bridge.protocol import messages as m
from engine.errors import InvalidSpec
from engine.units import Bpm, Seconds

BPM, METER, KEY = 120.0, (4, 4), "A minor"
BAR = METER[0] * 60 / BPM
PIECE_AT = Seconds(4 * BAR)
"""Project time of the generated piece: room for what is put before it."""
RECORDING_AT = Seconds(16 * BAR)
SEED = 20256
RECORDING = "escape_from_chaosland.ogg"


def run(out: Path) -> int:
    """Run every step, write clips, project, pictures and summary into `out`; returns the exit code."""
    if out.exists() and any(out.iterdir()):
        raise InvalidSpec(f"{out} is not empty and nothing is overwritten: choose another folder with --out")
    out.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    with own_daemon() as client, _bar(console) as bar:
        client.ask("hello", {"client": "demo", "role": "daw", "daw": "demo", "version": version("punchin")})
        steps = _Demo(client, out, bar).steps()
    problems = [problem for step in steps for problem in step.problems()]
    write_project(out / "demo.rpp", steps, Bpm(BPM), METER)
    write_pictures(out, steps)
    write_summary(out / "summary.json", steps, problems)
    Console().print(table(steps, out))
    for problem in problems:
        console.print(f"[red]problem[/red]: {problem}", highlight=False)
    sys.stdout.write(f"Open {out / 'demo.rpp'} in REAPER; pictures and summary.json stand beside it.\n")
    return 1 if problems else 0


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        console=console,
        transient=True,
    )


class _Demo:
    def __init__(self, client: Client, out: Path, bar: Progress) -> None:
        self._client = client
        self._out = out
        self._bar = bar

    def steps(self) -> list[Step]:
        """Each step needs the clips of those before it."""
        project = {"bpm": BPM, "meter": f"{METER[0]}/{METER[1]}", "key": KEY, "directory": str(self._out), "seed": SEED}
        on_grid = {**project, "position": PIECE_AT}
        prompt = "mellow house, electric piano"
        piece = self._render(
            Step("generate 8 bars", "generate", {"prompt": prompt, "bars": 8, "name": "piece", **on_grid})
        )
        if not piece.done:
            return [piece]
        of_piece = {"source": str(piece.clips[0].path), **on_grid}
        around = {"start": -2 * BAR, "end": 12 * BAR, "name": "continued"}
        bars_3_and_4 = {"start": 2 * BAR, "end": 4 * BAR, "takes": 3, "name": "repainted"}
        two_ranges = {"ranges": f"{BAR}-{2 * BAR},{5.5 * BAR}-{6.25 * BAR}", "name": "ranges"}
        recording = {"source": str(self._recording()), "directory": str(self._out), "position": RECORDING_AT}
        long = {"prompt": "ambient", "length": 40.0, "takes": 8}
        illegal = {"prompt": "drum and bass", "length": 8.0, "bpm": 900.0}
        return [
            piece,
            self._render(Step("continue 2 bars before, 4 after", "continue", around | of_piece)),
            self._render(Step("repaint bars 3-4, 3 takes", "repaint", bars_3_and_4 | of_piece)),
            self._render(Step("repaint two ranges", "repaint", two_ranges | of_piece)),
            self._render(Step("extract stems of a recording", "extract", {"tracks": "all,residual", **recording})),
            self._render(Step("understand the recording", "understand", {"source": recording["source"]})),
            self._render(Step("cancel half way", "generate", long | project, m.Cancelled), cancel_at=0.5),
            self._render(Step("a bad request", "generate", illegal, m.Rejected)),
        ]

    def _recording(self) -> Path:
        copy = self._out / RECORDING
        with as_file(files("bridge.demo") / "audio" / RECORDING) as shipped:
            shutil.copyfile(shipped, copy)
        return copy

    def _render(self, step: Step, cancel_at: float = math.inf) -> Step:
        """Send a step's request and take down what comes; cancel it once it is that far."""
        task = self._bar.add_task(step.title, total=1.0)
        started = time.perf_counter()
        for reply in self._client.render(step.verb, step.values):
            match reply:
                case m.Progressed():
                    self._bar.update(task, completed=reply.fraction, description=f"{step.title}: {reply.stage}")
                    if reply.fraction >= cancel_at:
                        self._client.tell(m.Cancel(request_id="demo-cancel", job=reply.job_id))
                case m.ClipReady():
                    step.clips.append(reply)
                case m.Described():
                    step.description = reply
                case _:
                    step.outcome = reply
        step.seconds = time.perf_counter() - started
        self._bar.update(task, visible=False)
        return step
