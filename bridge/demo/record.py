"""What the demo leaves behind: a project, pictures, a summary, a table."""

import json
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from bridge.demo.picture import Region, Row, waveforms
from bridge.demo.project import Item, Take, rpp
from bridge.demo.step import Step
from bridge.protocol import messages as m
from engine import audio
from engine.units import Bpm, Frames, SampleRate, Seconds


def write_project(path: Path, steps: Sequence[Step], bpm: Bpm, meter: tuple[int, int]) -> None:
    """A REAPER project with every clip at its place."""
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
            items.append(Item(track, step.project_time(first), length, names))
    rate = steps[0].clips[0].sample_rate if steps[0].clips else 48000
    path.write_text(rpp(items, bpm=bpm, meter=meter, rate=SampleRate(rate)), "utf-8", newline="")


def _samples(path: Path) -> audio.FloatArray:
    return audio.read(path, Frames(0), audio.probe(path).frames).samples


def write_pictures(out: Path, steps: Sequence[Step]) -> None:
    """A waveform of every step that made clips, with selections and seams."""
    for number, step in enumerate((step for step in steps if step.done and step.clips), 1):
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


def write_summary(path: Path, steps: Sequence[Step], problems: Sequence[str]) -> None:
    """Everything that was made, for programs."""
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
    told = [{"step": step.title, "verb": step.verb, "seconds": round(step.seconds, 3), **step.told()} for step in steps]
    summary = {
        "ok": not problems,
        "punchin": version("punchin"),
        "clips": clips,
        "steps": told,
        "problems": list(problems),
    }
    path.write_text(json.dumps(summary, indent=2) + "\n", "utf-8")


def table(steps: Sequence[Step], out: Path) -> Table:
    """Everything that was made, for people."""
    made = Table("what", "audio s", "compute s", title=f"punchin demo, engine draft, in {out}")
    made.add_column("file", overflow="fold")
    for step in steps:
        if not step.clips:
            outcome = step.told()
            made.add_row(step.title, "", f"{step.seconds:.2f}", outcome.get("message", outcome["outcome"]))
        for clip in step.clips:
            what = f"{step.title} ({clip.track if step.verb == 'extract' else f'take {clip.take}'})"
            made.add_row(what, f"{clip.frames / clip.sample_rate:.3f}", f"{clip.compute_seconds:.2f}", clip.path.name)
    return made
