"""Build the sample pack again: the audio files beside this one, and index.json.

Needs two Debian packages unpacked, fluid-soundfont-gm (MIT) and sonic-pi-samples (CC0), the program fluidsynth, and a
soundfile that takes a compression level (0.13 or later); none of them is needed to play the pack. Then:

    python -m engine.backends.draft.pack.build FluidR3_GM.sf2 FOLDER_OF_SONIC_PI_SAMPLES

The same inputs and the same encoder give the same bytes. `recipe.toml` says what is built.
"""

import argparse
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from scipy.signal import butter, sosfilt

from engine.audio import FloatArray
from engine.backends.draft.pack.shaping import cents_off, encoded, fall, loop_start, loudness, trimmed
from engine.backends.draft.pack.soundfont import RATE, notes
from engine.backends.draft.tone import hertz

HERE = Path(__file__).parent
NOTE_LUFS = -15.5
"""Loudness of a note's loudest 0.4 s at full velocity, as of the synthesised instruments."""
VELOCITY = 112
"""MIDI velocity of all samples; its soft notes are its loud ones through a filter, and that is the sampler's business."""
PEAK = 0.8
"""Of every file: as loud as the encoder bears."""
HIT_FADE_SECONDS = 0.1


def main() -> None:
    """Read the arguments, write the pack."""
    parser = argparse.ArgumentParser(description="Build the draft engine's sample pack.")
    parser.add_argument("soundfont", type=Path)
    parser.add_argument("sonic_pi_samples", type=Path)
    given = parser.parse_args()
    recipe = tomllib.loads((HERE / "recipe.toml").read_text(encoding="utf-8"))
    for old in HERE.glob("*/*.ogg"):
        old.unlink()
    instruments = {
        name: _instrument(name, {**recipe["defaults"], **entry}, given.soundfont)
        for name, entry in recipe["instruments"].items()
    }
    kits = {name: _kit(name, entry, recipe["hits"], given) for name, entry in recipe["kits"].items()}
    index = {"rate": RATE, "instruments": instruments, "kits": kits}
    (HERE / "index.json").write_text(_readable(index), encoding="utf-8")


def _instrument(name: str, entry: dict[str, Any], soundfont: Path) -> dict[str, Any]:
    pitches = range(entry["from"], entry["to"] + 1, entry["step"])
    zones = []
    rendered = notes(soundfont, entry["program"], pitches, VELOCITY, entry["seconds"] + 0.3)
    for pitch, note in zip(pitches, rendered, strict=True):
        # High strings are short: what they would keep is silence.
        share = float(np.clip(2 ** ((48 - pitch) / 24), 0.4, 1)) if entry["sustain"] == "falling" else 1.0
        sample = trimmed(note if entry["stereo"] else note.mean(axis=0, keepdims=True), entry["seconds"] * share)
        zones.append(_zone(f"{name}/{pitch:03}.ogg", sample, pitch, entry))
    return {"attack": entry["attack"], "release": entry["release"], "zones": zones}


def _zone(file: str, sample: FloatArray, pitch: int, entry: dict[str, Any]) -> dict[str, Any]:
    fade = min(round(entry["fade"] * RATE), sample.shape[1] // 5)
    start = loop_start(sample, fade)
    falls = fall(sample, start, fade) if entry["sustain"] == "falling" else 1.0
    written = _write(file, sample, entry["quality"])
    return {
        "file": file,
        "root": round(pitch + cents_off(sample, hertz(pitch)) / 100, 3),
        "gain": round(NOTE_LUFS + entry["level"] - loudness(written, 0.4), 2),
        "loop": start,
        "fade": fade,
        "fall": round(falls, 4),
    }


def _kit(name: str, entry: dict[str, Any], figures: dict[str, Any], given: argparse.Namespace) -> dict[str, Any]:
    hits = {}
    for note, hit in sorted(_hits(entry, given), key=lambda pair: pair[0]):
        long, usual = (_figure(figures[figure], note) for figure in ("seconds", "loudness"))
        loud = entry.get("loudness", {}).get(str(note), usual)
        sample = _struck(hit, long, entry.get("hertz"))
        sides = np.sqrt(np.mean(sample.astype(np.float64) ** 2, axis=1))
        file = f"{name}/{note:03}.ogg"
        written = _write(file, sample.mean(axis=0, keepdims=True), 0.3)
        hits[str(note)] = {
            "file": file,
            "gain": round(loud + entry.get("level", 0.0) - loudness(written, 0.1), 2),
            "pan": round(float((sides[-1] - sides[0]) / sides.sum()), 2),
        }
    return {"borrow": entry.get("borrow"), "hits": hits}


def _hits(entry: dict[str, Any], given: argparse.Namespace) -> Iterator[tuple[int, FloatArray]]:
    pitches = entry.get("hits", [])
    if pitches:
        yield from zip(
            pitches, notes(given.soundfont, entry["program"], pitches, VELOCITY, 2.4, drums=True), strict=True
        )
    for note, name in entry.get("files", {}).items():
        audio, rate = soundfile.read(given.sonic_pi_samples / f"{name}.flac", dtype="float32", always_2d=True)
        yield int(note), soxr.resample(audio, rate, RATE).T


def _struck(hit: FloatArray, seconds: float, low_pass: float | None) -> FloatArray:
    sample = np.array(trimmed(hit, seconds))
    if low_pass:
        sample = sosfilt(butter(2, low_pass, fs=RATE, output="sos"), sample, axis=1).astype(np.float32)
    fade = min(sample.shape[1] // 2, round(HIT_FADE_SECONDS * RATE))
    sample[:, sample.shape[1] - fade :] *= np.linspace(1, 0, fade, dtype=np.float32) ** 2
    return sample


def _figure(figures: dict[str, float], note: int) -> float:
    return next((value for notes, value in figures.items() if str(note) in notes.split()), figures["other"])


def _write(file: str, sample: FloatArray, quality: float) -> FloatArray:
    """Write a sample at full level; returns what a reader will hear."""
    path = HERE / file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(encoded(sample * np.float32(PEAK / np.abs(sample).max()), quality))
    heard, _ = soundfile.read(path, dtype="float32", always_2d=True)
    return np.asarray(heard, dtype=np.float32).T


def _readable(index: dict[str, Any]) -> str:
    """JSON with a line for each sample."""
    text = json.dumps(index, indent=1)
    return re.sub(r"{[^{}]*}", lambda sample: " ".join(sample.group().split()), text) + "\n"


if __name__ == "__main__":
    main()
