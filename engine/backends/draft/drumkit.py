"""A drum machine: drums and cymbals from swept sines, inharmonic partials and shaped noise; General MIDI drum notes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import fft

from engine.audio import FloatArray

Sound: TypeAlias = npt.NDArray[np.float64]
"""One channel, [frames]."""

LEVEL = 0.58
"""Peak of a kick at full velocity, before the mix."""
METAL = (1.0, 1.342, 1.2312, 1.6532, 1.9523, 2.1523, 2.73, 3.19, 3.81, 4.37, 5.21, 6.13)
"""Partials of a cymbal over its lowest: no two in a simple ratio."""
ATTACK_SECONDS = 0.0004


@dataclass(frozen=True, slots=True)
class Kit:
    """What makes one kit differ from another."""

    kick: tuple[float, float, float, float] = (150.0, 52.0, 0.028, 0.16)
    """Hz at the stroke, Hz when settled, seconds (1/e) between, seconds (1/e) of the sound."""
    click: float = 0.25
    snare: tuple[float, float, float, float] = (190.0, 0.5, 0.11, 2600.0)
    """Hz of the shell, its share, seconds (1/e) of the wires, their centre in Hz."""
    hat: float = 0.028
    """Seconds (1/e) of the closed hi-hat; the open one lasts eight times as long."""
    bright: float = 1.0
    """Scale of all cymbals' frequencies."""
    level: float = 1.0
    """Loudness of everything but the kick and the snare."""


KITS: dict[str, Kit] = {
    "kit_808": Kit(kick=(120.0, 47.0, 0.02, 0.4), click=0.1, snare=(185.0, 0.45, 0.12, 3000.0), hat=0.022)
}
"""Drum machines by the name that styles use; kits of wood and metal are sampled."""


def drum(kit: Kit, note: int, velocity: float, rate: int) -> FloatArray:
    """One hit: float32 [1, frames] that starts at zero and ends at zero; unknown notes sound like a rim shot."""
    stroke = next((stroke for notes, stroke in STROKES if note in notes), _rim)
    hit = stroke(kit, note, rate)
    rise = max(2, round(ATTACK_SECONDS * rate))
    hit[:rise] *= np.arange(rise) / rise
    tail = min(len(hit) // 2, round(0.01 * rate))
    hit[len(hit) - tail :] *= np.linspace(1, 0, tail)
    return np.asarray(hit * (LEVEL * velocity**1.5), dtype=np.float32)[None, :]


def _kick(kit: Kit, note: int, rate: int) -> Sound:
    start, end, glide, seconds = kit.kick
    length = seconds * 5
    beater = _noise(note, 3200 * kit.bright, 0.8, 0.006, length, rate)
    return 0.9 * _swept(start, end, glide, seconds, length, rate) + kit.click * beater


def _snare(kit: Kit, note: int, rate: int) -> Sound:
    tune, shell, seconds, centre = kit.snare
    length = seconds * 5
    tone = _swept(tune * 1.5, tune, 0.01, 0.07, length, rate)
    wires = _noise(note, centre, 0.7, seconds, length, rate)
    snap = _noise(note + 1, 6500 * kit.bright, 0.6, 0.03, length, rate)
    return 0.95 * (shell * tone + (1 - shell) * 1.4 * wires + 0.2 * snap)


def _clap(_: Kit, note: int, rate: int) -> Sound:
    """Several hands: three short bursts 11 ms apart, then a tail."""
    time = _times(0.4, rate)
    bursts = sum(
        (np.exp(-np.maximum(time - at, 0) / 0.005) * (time >= at) for at in (0.0, 0.011, 0.022)), np.zeros_like(time)
    )
    tail = 0.7 * np.exp(-np.maximum(time - 0.03, 0) / 0.075) * (time >= 0.03)
    return 0.8 * _noise(note, 1500, 0.55, 1e9, 0.4, rate) * (bursts + tail)


def _tom(_: Kit, note: int, rate: int) -> Sound:
    tune = 78.0 * 2 ** ((note - 43) / 12 * 1.25)
    return 0.8 * _swept(tune * 1.5, tune, 0.04, 0.16, 0.8, rate) + 0.1 * _noise(note, tune * 8, 0.5, 0.03, 0.8, rate)


def _closed_hat(kit: Kit, note: int, rate: int) -> Sound:
    return kit.level * 0.34 * _cymbal(note, 7800 * kit.bright, 540 * kit.bright, kit.hat, kit.hat * 7, rate)


def _open_hat(kit: Kit, note: int, rate: int) -> Sound:
    return kit.level * 0.32 * _cymbal(note, 7400 * kit.bright, 540 * kit.bright, kit.hat * 8, kit.hat * 36, rate)


def _crash(kit: Kit, note: int, rate: int) -> Sound:
    return kit.level * 0.42 * _cymbal(note, 5200 * kit.bright, 410 * kit.bright, 0.5, 2.4, rate)


def _ride(kit: Kit, note: int, rate: int) -> Sound:
    ping = _partials(tuple(ratio * 3.1 for ratio in METAL), 430 * kit.bright, 0.22, 1.2, rate)
    return kit.level * (0.16 * ping + 0.14 * _cymbal(note, 6800 * kit.bright, 480 * kit.bright, 0.25, 1.2, rate))


def _shaker(kit: Kit, note: int, rate: int) -> Sound:
    grains = _noise(note, 6800 * kit.bright, 0.9, 0.035, 0.16, rate)
    return kit.level * 0.3 * grains * np.minimum(np.arange(len(grains)) / (0.018 * rate), 1.0)


def _cowbell(kit: Kit, _: int, rate: int) -> Sound:
    return kit.level * 0.35 * _partials((1.0, 1.48), 560, 0.09, 0.5, rate)


def _rim(_: Kit, note: int, rate: int) -> Sound:
    wood = _partials((1.0, 1.63, 2.71), 810, 0.016, 0.12, rate)
    return 0.5 * wood + 0.25 * _noise(note, 3200, 0.8, 0.01, 0.12, rate)


STROKES: tuple[tuple[frozenset[int], Callable[[Kit, int, int], Sound]], ...] = (
    (frozenset({35, 36}), _kick),
    (frozenset({38, 40}), _snare),
    (frozenset({39}), _clap),
    (frozenset({41, 43, 45, 47, 48, 50}), _tom),
    (frozenset({42, 44}), _closed_hat),
    (frozenset({46}), _open_hat),
    (frozenset({49, 57}), _crash),
    (frozenset({51, 59}), _ride),
    (frozenset({70, 82}), _shaker),
    (frozenset({56}), _cowbell),
)
"""Drum notes to what strikes them; each stroke takes the kit, the note and the rate."""


def _times(seconds: float, rate: int) -> Sound:
    return np.arange(max(4, round(seconds * rate))) / rate


def _swept(start: float, end: float, glide: float, seconds: float, length: float, rate: int) -> Sound:
    """A sine that falls from one frequency to another while it dies away."""
    time = _times(length, rate)
    phase = end * time + (start - end) * glide * (1 - np.exp(-time / glide))
    return np.asarray(np.sin(2 * np.pi * phase) * np.exp(-time / seconds))


def _partials(ratios: tuple[float, ...], base: float, seconds: float, length: float, rate: int) -> Sound:
    """Decaying sines, those above the Nyquist frequency left out; peak near 1."""
    time = _times(length, rate)
    heard = [ratio * base for ratio in ratios if ratio * base < 0.45 * rate]
    total = sum((np.sin(2 * np.pi * hz * time + hz) for hz in heard), np.zeros_like(time))
    return np.asarray(total * np.exp(-time / seconds) / max(1.0, np.sqrt(len(ratios))))


def _noise(seed: int, centre: float, width: float, seconds: float, length: float, rate: int) -> Sound:
    """Decaying noise around one frequency (width in octaves, 1/e), with an RMS of 0.35 at its start."""
    time = _times(length, rate)
    spectrum = fft.rfft(np.random.default_rng(seed).standard_normal(len(time)))
    frequency = np.maximum(fft.rfftfreq(len(time), 1 / rate), 1.0)
    spectrum *= np.exp(-((np.log2(frequency / min(centre, 0.4 * rate)) / width) ** 2) / 2)
    shaped = fft.irfft(spectrum, n=len(time))
    return np.asarray(0.35 * shaped / (np.sqrt(np.mean(shaped**2)) + 1e-12) * np.exp(-time / seconds))


def _cymbal(seed: int, centre: float, base: float, seconds: float, length: float, rate: int) -> Sound:
    metal = _partials(tuple(ratio * 6.7 for ratio in METAL), base, seconds, length, rate)
    return 0.45 * metal + _noise(seed, centre, 0.55, seconds, length, rate)
