"""Engines that do what real ones do on a bad day, for tests of the rooms around them."""

import os
import signal
import time

import numpy as np

from engine.backends.base import MIX, Description, Rendering, Stage
from engine.spec import Verb
from engine.understanding import Told

ALL_VERBS = frozenset(Verb)


class Misbehaving:
    """Does what the prompt says; anything else renders noise by the seed."""

    def render(self, spec, heard, seed, report):
        note = ""
        match spec.prompt.split():
            case ["die"]:
                os.kill(os.getpid(), signal.SIGKILL)
            case ["exit"]:
                os._exit(3)
            case ["raise"]:
                raise RuntimeError("the model has a bug")
            case ["memory"]:
                raise MemoryError
            case ["hang"]:
                while True:
                    time.sleep(0.05)
            case ["stuck"]:
                while True:
                    report(0.5, Stage.RENDERING)
                    time.sleep(0.05)
            case ["slow", seconds]:
                started = time.monotonic()
                while (passed := time.monotonic() - started) < float(seconds):
                    report(passed / float(seconds), Stage.RENDERING)
                    time.sleep(0.02)
            case ["layer", seconds]:
                report(0.5, Stage.RENDERING)
                time.sleep(float(seconds))
                report(0.6, Stage.RENDERING)
            case ["stop"]:
                os.kill(os.getpid(), signal.SIGSTOP)
            case ["environment", *names]:
                note = " ".join(f"{name}={os.environ.get(name)}" for name in names)
        samples = np.random.default_rng(seed).standard_normal(heard.samples.shape).astype(np.float32) * 0.1
        report(1.0, Stage.RENDERING)
        return Rendering({MIX: _spoiled(samples, spec.prompt), **dict.fromkeys(("drums", "bass"), samples)}, note)


def _spoiled(samples, prompt):
    match prompt:
        case "nan":
            samples[:, samples.shape[1] // 2] = np.nan
        case "silence":
            samples = np.zeros_like(samples)
        case "clipping":
            samples = np.clip(samples * 100, -0.95, 0.95)
        case "dc":
            samples = samples + np.float32(0.3)
        case "short":
            samples = samples[:, :-100]
    return samples


class Talkative(Misbehaving):
    """Says what it was given to hear."""

    def describe(self, spec, heard, report):
        report(0.5, Stage.PLANNING)
        if spec.prompt == "raise":
            raise RuntimeError("the model has no words")
        channels, frames = heard.samples.shape
        caption = f"{channels} channels, {frames} frames at {heard.rate} Hz from {heard.start:g} s: {heard.spans}"
        return Told(
            bpm=spec.bpm, language="de", caption=caption, tempo_map=((0.0, 120.0, 4, 4),), note="in its own words"
        )


class Unloadable:
    def __init__(self):
        raise RuntimeError("weights are missing")


DESCRIPTION = Description("odd", "for tests", "misbehaving:Misbehaving", ALL_VERBS, ("drums", "bass"))
AT_ITS_OWN_RATE = Description(
    "rated", "for tests", "misbehaving:Misbehaving", ALL_VERBS, ("drums", "bass"), rate=48000, channels=2
)
SETTLED = Description(
    "settled", "for tests", "misbehaving:Misbehaving", ALL_VERBS, environment={"PUNCHIN_ODD": "7", "PUNCHIN_OWN": "no"}
)
UNLOADABLE = Description("broken", "for tests", "misbehaving:Unloadable", ALL_VERBS)
TALKATIVE = Description(
    "talkative", "for tests", "misbehaving:Talkative", ALL_VERBS, ("drums", "bass"), rate=48000, channels=1
)
DEAF = Description("deaf", "for tests", "misbehaving:Misbehaving", ALL_VERBS, ("drums",), ("drums", "bass"))
