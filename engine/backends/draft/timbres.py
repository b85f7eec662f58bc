"""What each synthesised instrument sounds like, as figures: `tone` turns them into notes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Profile = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
"""Harmonic numbers (from 1) to amplitudes."""


@dataclass(frozen=True, slots=True)
class Timbre:
    """Harmonics, how they fade and darken, and the envelope around them."""

    profile: Profile
    attack: float = 0.004
    """Seconds of rise."""
    release: float = 0.06
    """Seconds of fall after the note's end."""
    fade: float = 0.0
    """Decay of the whole note, in nepers a second at middle C; higher notes fade faster."""
    damping: float = 0.0
    """Extra decay at 1 kHz, in nepers a second; it grows with frequency, as on a string."""
    cutoff: tuple[float, float] = (12000.0, 12000.0)
    """Where harmonics begin to fall by 12 dB an octave, in Hz: at the attack and when settled."""
    sweep: float = 0.1
    """Seconds (1/e) from the one to the other."""
    tracking: float = 0.5
    """How far the cutoff follows the pitch, in octaves an octave around middle C."""
    modulation: tuple[float, float, float] = (0.0, 0.0, 1.0)
    """Phase modulation by the fundamental (Chowning 1973): index at the attack, when settled, seconds between."""
    detune: tuple[float, ...] = (0.0,)
    """Cents of each unison voice; more than one are spread over the stereo field."""
    vibrato: float = 0.0
    """Cents at 5.4 Hz, fading in."""
    noise: tuple[float, float, float] = (0.0, 0.02, 3000.0)
    """Hammer: level against the tone, seconds (1/e), centre in Hz."""
    gain: float = 0.0
    """Decibels that make instruments equally loud at equal velocity, however fast they fade."""


def _saw(harmonics: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 1 / harmonics


def _pulse(width: float) -> Profile:
    return lambda harmonics: np.abs(np.sin(np.pi * width * harmonics)) / harmonics


def _levels(*amplitudes: float) -> Profile:
    """Harmonic by harmonic, nothing above."""
    table = np.array([0.0, *amplitudes, 0.0])
    return lambda harmonics: table[np.minimum(harmonics, len(table) - 1).astype(int)]


TIMBRES: dict[str, Timbre] = {
    "sub_bass": Timbre(
        _levels(1, 0.28, 0.14, 0.05, 0.03),
        gain=2.0,
        attack=0.006,
        release=0.07,
        fade=0.5,
        cutoff=(900, 300),
        sweep=0.05,
    ),
    "synth_bass": Timbre(
        _saw, gain=3.0, attack=0.003, release=0.04, fade=0.8, cutoff=(3200, 420), sweep=0.09, detune=(-5, 5)
    ),
    "reese_bass": Timbre(_saw, gain=2.0, attack=0.006, release=0.06, cutoff=(900, 500), sweep=0.4, detune=(-14, 0, 13)),
    "fm_piano": Timbre(
        _levels(1, 0.05, 0, 0.02, 0, 0, 0, 0.03),
        gain=2.0,
        attack=0.002,
        release=0.12,
        fade=0.8,
        damping=1.2,
        modulation=(1.9, 0.35, 0.4),
        noise=(0.06, 0.01, 3500),
    ),
    "bell": Timbre(
        _levels(1, 0.02, 0.3, 0.35, 0, 0.08, 0, 0, 0.12),
        gain=6.0,
        attack=0.001,
        release=0.5,
        fade=1.8,
        damping=1.4,
        noise=(0.05, 0.006, 5000),
    ),
    "pad": Timbre(_saw, gain=3.5, attack=0.22, release=0.5, cutoff=(1100, 2400), sweep=0.9, detune=(-9, 0, 10)),
    "lead": Timbre(
        _pulse(0.3), attack=0.006, release=0.09, cutoff=(5200, 2400), sweep=0.15, detune=(-5, 5), vibrato=12.0
    ),
    "pluck": Timbre(
        _saw, gain=8.0, attack=0.001, release=0.15, fade=3.0, cutoff=(7000, 900), sweep=0.07, detune=(-6, 6)
    ),
}
"""Instruments that are electronic to begin with, by the name that styles use; all others are sampled."""
