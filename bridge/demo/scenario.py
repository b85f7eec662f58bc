"""The demo, step by step, as a DAW would do it: requests over UDP, clips into a project."""

import json
import shutil
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from bridge.demo.daemon import own_daemon
from bridge.demo.picture import Region, Row, waveforms
from bridge.demo.project import Item, Take, rpp
from bridge.osc.client import Client
from bridge.protocol import messages as m
from engine import audio
from engine.errors import InvalidSpec, PunchinError
from engine.units import Bpm, Frames, SampleRate, Seconds

BPM, METER, KEY = 120.0, (4, 4), "A minor"
BAR = METER[0] * 60 / BPM
PIECE_AT = Seconds(4 * BAR)
"""Project time of the generated piece: room for what is put before it."""
RECORDING_AT = Seconds(16 * BAR)
SEED = 20256
CROSSFADE = 0.03
RECORDING = "escape_from_chaosland.ogg"
CANCEL_AT = 0.5


@dataclass(slots=True)
class Step:
    """One request of the demo and what came of it."""

    title: str
    verb: str
    values: dict[str, Any]
    clips: list[m.ClipReady] = field(default_factory=list)
    outcome: m.Message | None = None
    seconds: float = 0.0

    @property
    def done(self) -> bool:
        """Whether it ended with clips."""
        return isinstance(self.outcome, m.Done)


def run(out: Path) -> int:
    """Run every step, write clips, project, pictures and summary into `out`; returns the exit code."""
    if out.exists() and any(out.iterdir()):
        raise InvalidSpec(f"{out} is not empty and nothing is overwritten: choose another folder with --out")
    out.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    with own_daemon() as client, _bar(console) as bar:
        client.ask("hello", {"client": "demo", "role": "daw", "daw": "demo", "version": version("punchin")})
        steps = _Demo(client, out, bar).steps()
    problems = [problem for step in steps for problem in _problems(step)]
    _write_project(out / "demo.rpp", steps)
    _write_pictures(out, steps)
    _write_summary(out / "summary.json", steps, problems)
    Console().print(_table(steps, out))
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
        music = {"bpm": BPM, "meter": f"{METER[0]}/{METER[1]}", "key": KEY, "seed": SEED, "directory": str(self._out)}
        piece = self._step(
            "generate 8 bars",
            "generate",
            {"prompt": "mellow house, electric piano", "bars": 8, "position": PIECE_AT, **music, "name": "piece"},
        )
        if not piece.done:
            return [piece]
        source = {"source": str(piece.clips[0].path), "position": PIECE_AT, **music}
        return [
            piece,
            self._step(
                "continue 2 bars before, 4 after",
                "continue",
                {"start": -2 * BAR, "end": 12 * BAR, **source, "name": "continued"},
            ),
            self._step(
                "repaint bars 3-4, 3 takes",
                "repaint",
                {"start": 2 * BAR, "end": 4 * BAR, "takes": 3, **source, "name": "repainted"},
            ),
            self._step(
                "repaint two ranges",
                "repaint",
                {"ranges": f"{BAR}-{2 * BAR},{5.5 * BAR}-{6.25 * BAR}", **source, "name": "ranges"},
            ),
            self._step(
                "extract stems of a recording",
                "extract",
                {
                    "source": str(self._recording()),
                    "tracks": "all,residual",
                    "directory": str(self._out),
                    "position": RECORDING_AT,
                },
            ),
            self._step(
                "cancel half way",
                "generate",
                {"prompt": "ambient", "length": 90.0, "takes": 8, **music},
                cancel_at=CANCEL_AT,
            ),
            self._step("a bad request", "generate", {"prompt": "drum and bass", "length": 8.0, "bpm": 900.0}),
        ]

    def _recording(self) -> Path:
        copy = self._out / RECORDING
        with as_file(files("bridge.demo") / "audio" / RECORDING) as shipped:
            shutil.copyfile(shipped, copy)
        return copy

    def _step(self, title: str, verb: str, values: Mapping[str, Any], cancel_at: float | None = None) -> Step:
        step = Step(title, verb, dict(values))
        task = self._bar.add_task(title, total=1.0)
        started = time.perf_counter()
        for reply in self._client.render(verb, values):
            match reply:
                case m.Progressed():
                    self._bar.update(task, completed=reply.fraction, description=f"{title}: {reply.stage}")
                    if cancel_at is not None and reply.fraction >= cancel_at:
                        self._client.tell(m.Cancel(request_id="demo-cancel", job=reply.job_id))
                case m.ClipReady():
                    step.clips.append(reply)
                case _:
                    step.outcome = reply
        step.seconds = time.perf_counter() - started
        self._bar.update(task, completed=1.0, description=title, visible=False)
        return step


def _problems(step: Step) -> Iterable[str]:
    """What is not as it should be, in words; nothing when all is well."""
    expected = {"cancel half way": m.Cancelled, "a bad request": m.Rejected}.get(step.title, m.Done)
    if not isinstance(step.outcome, expected):
        yield f"{step.title}: ended with {step.outcome!r}"
    for clip in step.clips:
        try:
            written = audio.probe(clip.path)
        except PunchinError as error:
            yield f"{step.title}: {error}"
            continue
        if (written.frames, written.rate) != (clip.frames, clip.sample_rate):
            announced = f"announced were {clip.frames} at {clip.sample_rate}"
            yield f"{step.title}: {clip.path.name} has {written.frames} frames at {written.rate} Hz, {announced}"


# What is written


def _project_position(step: Step, clip: m.ClipReady) -> Seconds:
    return Seconds(float(step.values["position"]) + clip.start)


def _write_project(path: Path, steps: Sequence[Step]) -> None:
    items: list[Item] = []
    for step in filter(lambda step: step.done, steps):
        places: dict[tuple[str, float], list[m.ClipReady]] = {}
        for clip in step.clips:
            track = f"{step.verb}: {clip.track}" if step.verb == "extract" else step.title
            places.setdefault((track, clip.start), []).append(clip)
        for (track, _), takes in places.items():
            first = takes[0]
            length = Seconds(first.frames / first.sample_rate)
            names = tuple(
                Take(f"take {clip.take}, seed {clip.seed}, {clip.engine}", Path(clip.path.name)) for clip in takes
            )
            items.append(Item(track, _project_position(step, first), length, names))
    rate = steps[0].clips[0].sample_rate if steps[0].clips else 48000
    path.write_text(rpp(items, bpm=Bpm(BPM), meter=METER, rate=SampleRate(rate)), "utf-8", newline="")


def _samples(path: Path) -> audio.FloatArray:
    return audio.read(path, Frames(0), audio.probe(path).frames).samples


def _write_pictures(out: Path, steps: Sequence[Step]) -> None:
    for number, step in enumerate(filter(lambda step: step.done, steps), 1):
        name = "".join(letter if letter.isalnum() else "_" for letter in step.title)
        waveforms(
            _rows(step), SampleRate(step.clips[0].sample_rate), title=step.title, out=out / f"{number:02d}_{name}.png"
        )


def _rows(step: Step) -> list[Row]:
    if step.verb == "generate":
        (clip,) = step.clips
        return [Row("new", _samples(clip.path), Seconds(0.0), (_region(clip, "clip", ""),))]
    source = _samples(Path(step.values["source"]))
    rate = step.clips[0].sample_rate
    kept = Region(Seconds(0.0), Seconds(source.shape[1] / rate), "source", "kept")
    if step.verb == "extract":
        rows = [Row("source", source, Seconds(0.0), (kept,))]
        return rows + [
            Row(clip.track, _samples(clip.path), Seconds(0.0), (_region(clip, "clip", ""),)) for clip in step.clips
        ]
    selected = [_region(clip, "selection", "") for clip in step.clips if clip.take == 1]
    rows = [Row("source", source, Seconds(0.0), (kept, *selected))]
    for take in sorted({clip.take for clip in step.clips}):
        mine = [clip for clip in step.clips if clip.take == take]
        rows.append(
            Row(
                f"take {take}",
                *_spliced(source, mine),
                tuple(_region(clip, "clip", f"seed {clip.seed}") for clip in mine),
                _seams(mine),
            )
        )
    return rows


def _spliced(source: audio.FloatArray, clips: Sequence[m.ClipReady]) -> tuple[audio.FloatArray, Seconds]:
    """Source with clips put where they belong, and the time of its first frame."""
    rate = clips[0].sample_rate
    firsts = [round(clip.start * rate) for clip in clips]
    begin = min(0, *firsts)
    end = max(source.shape[1], *(first + clip.frames for first, clip in zip(firsts, clips, strict=True)))
    whole = np.zeros((source.shape[0], end - begin), np.float32)
    whole[:, -begin : source.shape[1] - begin] = source
    for first, clip in zip(firsts, clips, strict=True):
        whole[:, first - begin : first - begin + clip.frames] = _samples(clip.path)
    return whole, Seconds(begin / rate)


def _region(clip: m.ClipReady, kind: Any, label: str) -> Region:
    return Region(Seconds(clip.start), Seconds(clip.start + clip.frames / clip.sample_rate), label, kind)


def _seams(clips: Iterable[m.ClipReady]) -> tuple[Seconds, ...]:
    edges = [(clip.start, clip.start + clip.frames / clip.sample_rate) for clip in clips]
    return tuple(Seconds(edge) for pair in edges for edge in pair)


def _write_summary(path: Path, steps: Sequence[Step], problems: Sequence[str]) -> None:
    clips = [
        {
            "path": str(clip.path),
            "verb": step.verb,
            "take": clip.take,
            "track": clip.track,
            "frames": clip.frames,
            "sample_rate": clip.sample_rate,
            "seed": clip.seed,
            "start": clip.start,
            "engine": clip.engine,
            "compute_seconds": clip.compute_seconds,
            "peak_db": clip.peak_db,
            "lufs": clip.lufs,
            "silent": clip.silent,
            "note": clip.note or "",
        }
        for step in steps
        for clip in step.clips
    ]
    told = [
        {"step": step.title, "verb": step.verb, "seconds": round(step.seconds, 3), **_outcome(step)} for step in steps
    ]
    summary = {
        "ok": not problems,
        "punchin": version("punchin"),
        "clips": clips,
        "steps": told,
        "problems": list(problems),
    }
    path.write_text(json.dumps(summary, indent=2) + "\n", "utf-8")


def _outcome(step: Step) -> dict[str, str]:
    match step.outcome:
        case m.Rejected(code=code, message=message) | m.Failed(code=code, message=message):
            return {"outcome": type(step.outcome).__name__.lower(), "code": code, "message": message}
        case None:
            return {"outcome": "none"}
        case outcome:
            return {"outcome": type(outcome).__name__.lower()}


def _table(steps: Sequence[Step], out: Path) -> Table:
    table = Table("what", "audio s", "compute s", "file", title=f"punchin demo, engine draft, in {out}")
    for step in steps:
        if not step.clips:
            outcome = _outcome(step)
            table.add_row(step.title, "", f"{step.seconds:.2f}", outcome.get("message", outcome["outcome"]))
        for clip in step.clips:
            what = f"{step.title} ({clip.track if step.verb == 'extract' else f'take {clip.take}'})"
            table.add_row(what, f"{clip.frames / clip.sample_rate:.3f}", f"{clip.compute_seconds:.2f}", clip.path.name)
    return table
