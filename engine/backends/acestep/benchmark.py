"""One measured case, in a process of its own: `python -m engine.backends.acestep.benchmark CASE CHECKPOINT`.

The case `make` writes a checkpoint of middling size with random weights into a folder and prints its place. Every other
prints a JSON object: seconds, the parts they went to, and how much memory it took. The reference is diffusers' own pipeline on
the same weights, with tiling switched on. All in float32, with 8 steps. Without a graphics processor, seconds are those of one
thread, which other programs hardly change, and memory is the growth of the process's; with one, the device's.
"""

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.audio import FloatArray
from engine.backends.acestep import devices
from engine.backends.base import Heard, Span, Stage
from engine.spec import RenderSpec
from engine.units import Frames, SampleRate, Seconds, Seed

RATE = 48000
SONG_SECONDS, SELECTION_SECONDS, CONTEXT_SECONDS, MUSIC_SECONDS = 240, 8, 20, 120
STEPS = 8
DEVICE = devices.torch_device(devices.best())
WORDS = "slow blues with brushes and a walking bass"


def song(seconds: int) -> FloatArray:
    """Noise with a beat: the time that a model takes does not depend on what it hears."""
    rng = np.random.default_rng(0)
    level = 0.1 + 0.1 * (np.arange(seconds * RATE) % (RATE // 2) < RATE // 20)
    return (level * rng.standard_normal((2, seconds * RATE))).astype(np.float32)


class Meter:
    """Processor seconds by part, from the stages that are reported."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self._stage: str | None = None
        self._since = 0.0

    def __call__(self, _: float, stage: Stage) -> None:
        """As a report: the time since the last one belongs to the stage that was told then."""
        now = _now()
        if self._stage is not None:
            self.parts[self._stage] = self.parts.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = str(stage), now

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count from here to the end of the block."""
        self(0.0, Stage.READING)
        yield
        self(1.0, Stage.WRITING)


def measured(run: Callable[[Meter], object]) -> dict[str, Any]:
    """Seconds and parts of one run."""
    meter = Meter()
    began = _now()
    with meter.running():
        run(meter)
    return {"seconds": _now() - began, "parts": meter.parts}


def _now() -> float:
    if DEVICE.type == "cpu":
        return time.process_time()
    getattr(torch, DEVICE.type).synchronize()
    return time.perf_counter()


def reference(checkpoint: Path, *, repaint: bool) -> dict[str, Any]:
    """The pipeline: a repaint in a whole song, or new music."""
    from diffusers import AceStepPipeline  # noqa: PLC0415  as late as any user of it would

    pipeline = AceStepPipeline.from_pretrained(checkpoint, dtype=torch.float32).to(DEVICE)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.vae.enable_tiling()
    told: dict[str, Any] = {"prompt": WORDS, "num_inference_steps": STEPS, "guidance_scale": 1.0}
    if repaint:
        start = (SONG_SECONDS - SELECTION_SECONDS) / 2
        told |= {"task_type": "repaint", "src_audio": torch.from_numpy(song(SONG_SECONDS)), "audio_duration": -1}
        told |= {"repainting_start": start, "repainting_end": start + SELECTION_SECONDS}
    else:
        told |= {"audio_duration": float(MUSIC_SECONDS)}
    before = _peak()
    return measured(lambda _: pipeline(**told)) | {"parts": {}, "memory": _peak() - before}


def ours(checkpoint: Path, *, repaint: bool) -> dict[str, Any]:
    """Our engine on the same task, and then a second take of it; a warm engine, as after the first job."""
    from engine.backends.acestep.backend import AceStep  # noqa: PLC0415

    engine = AceStep()
    common = {"prompt": WORDS, "engine": "acestep", "model": str(checkpoint), "steps": STEPS}
    if repaint:
        begin, end = CONTEXT_SECONDS, CONTEXT_SECONDS + SELECTION_SECONDS
        spec = RenderSpec.parse(common | {"verb": "repaint", "source": "/song.wav", "start": begin, "end": end})
        heard = _heard(song(end + CONTEXT_SECONDS), Span(Frames(begin * RATE), Frames(SELECTION_SECONDS * RATE)))
    else:
        spec = RenderSpec.parse(common | {"verb": "generate", "length": MUSIC_SECONDS})
        nothing = np.zeros((2, MUSIC_SECONDS * RATE), np.float32)
        heard = _heard(nothing, Span(Frames(0), Frames(MUSIC_SECONDS * RATE)), source=0)
    engine.render(*_warming(common), lambda *_: None)
    before = _peak()
    first = measured(lambda meter: engine.render(spec, heard, Seed(1), meter))
    memory = _peak() - before
    second = measured(lambda meter: engine.render(spec, heard, Seed(2), meter))
    return first | {"memory": memory, "second_take": second}


def _warming(common: dict[str, Any]) -> tuple[RenderSpec, Heard, Seed]:
    """Something short that loads the checkpoint."""
    spec = RenderSpec.parse(common | {"verb": "generate", "length": 10, "steps": 1, "prompt": "anything"})
    return spec, _heard(np.zeros((2, RATE), np.float32), Span(Frames(0), Frames(RATE)), source=0), Seed(0)


def _heard(samples: FloatArray, span: Span, source: int | None = None) -> Heard:
    frames = samples.shape[1] if source is None else source
    return Heard(samples, SampleRate(RATE), Seconds(0.0), Span(Frames(0), Frames(frames)), (span,))


def _peak() -> int:
    """The most memory that was ever taken, of the device or by this process, bytes."""
    if DEVICE.type in {"cuda", "xpu"}:
        return int(getattr(torch, DEVICE.type).max_memory_allocated())
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def made(folder: Path) -> dict[str, Any]:
    """A checkpoint that has the structure of the release, a sixtieth of its weights, and latents of 8 channels."""
    from engine.backends.acestep.tiny import make_tiny  # noqa: PLC0415

    return {"checkpoint": str(make_tiny(folder, layout="diffusers", size="mid", dtype=torch.float32))}


CASES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "make": made,
    "reference-repaint": lambda checkpoint: reference(checkpoint, repaint=True),
    "reference-music": lambda checkpoint: reference(checkpoint, repaint=False),
    "repaint": lambda checkpoint: ours(checkpoint, repaint=True),
    "music": lambda checkpoint: ours(checkpoint, repaint=False),
}

if __name__ == "__main__":
    os.environ["ACESTEP_DTYPE"] = "float32"
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PUNCHIN_CACHE"] = folder
        sys.stdout.write(json.dumps(CASES[sys.argv[1]](Path(sys.argv[2]))) + "\n")
