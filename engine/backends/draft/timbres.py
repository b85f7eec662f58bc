"""What each pitched instrument sounds like, as figures: the synthesizer turns them into notes."""

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
    drive: float = 0.0
    """Gain into a soft clipper, applied to single periods so that nothing aliases; 0: none."""
    detune: tuple[float, ...] = (0.0,)
    """Cents of each unison voice; more than one are spread over the stereo field."""
    vibrato: float = 0.0
    """Cents at 5.4 Hz, fading in."""
    noise: tuple[float, float, float] = (0.0, 0.02, 3000.0)
    """Pick, hammer or breath: level against the tone, seconds (1/e), centre in Hz."""
    gain: float = 0.0
    """Decibels that make instruments equally loud at equal velocity, however fast they fade."""
    breath: float = 0.0
    """Level of the noise that stays while the note sounds."""


def _saw(harmonics: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 1 / harmonics


def _hollow(harmonics: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(harmonics % 2 == 1, 1.0, 0.12) / harmonics


def _pulse(width: float) -> Profile:
    return lambda harmonics: np.abs(np.sin(np.pi * width * harmonics)) / harmonics


def _string(position: float, softness: float = 1.0) -> Profile:
    """A string plucked or struck at a fraction of its length."""
    return lambda harmonics: (np.abs(np.sin(np.pi * position * harmonics)) + 0.02) / harmonics**softness


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
    "finger_bass": Timbre(
        _string(0.21, 1.1),
        gain=3.0,
        attack=0.003,
        release=0.05,
        fade=0.7,
        damping=5.0,
        cutoff=(2400, 900),
        noise=(0.08, 0.012, 1500),
    ),
    "upright_bass": Timbre(
        _string(0.31, 1.25),
        gain=3.0,
        attack=0.006,
        release=0.08,
        fade=1.3,
        damping=6.0,
        cutoff=(1500, 600),
        noise=(0.1, 0.015, 900),
    ),
    "piano": Timbre(
        _string(0.12, 0.9),
        gain=4.0,
        attack=0.002,
        release=0.12,
        fade=0.7,
        damping=1.9,
        cutoff=(4200, 1500),
        sweep=0.5,
        detune=(-0.8, 0.9),
        noise=(0.12, 0.02, 900),
    ),
    "electric_piano": Timbre(
        _levels(1, 0.05, 0, 0.02, 0, 0, 0, 0.03),
        gain=2.0,
        attack=0.002,
        release=0.12,
        fade=0.8,
        damping=1.2,
        modulation=(1.9, 0.35, 0.4),
        noise=(0.06, 0.01, 3500),
    ),
    "organ": Timbre(
        _levels(1, 0.9, 0.55, 0.45, 0, 0.25, 0, 0.3),
        attack=0.006,
        release=0.03,
        detune=(-2, 2),
        noise=(0.08, 0.006, 2500),
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
    "guitar_nylon": Timbre(
        _string(0.26, 1.1),
        gain=4.0,
        attack=0.002,
        release=0.08,
        fade=1.3,
        damping=2.6,
        cutoff=(4500, 2400),
        noise=(0.15, 0.01, 2400),
    ),
    "guitar_steel": Timbre(
        _string(0.16, 0.85),
        gain=3.0,
        attack=0.001,
        release=0.08,
        fade=0.9,
        damping=1.5,
        cutoff=(6500, 3200),
        sweep=0.3,
        noise=(0.12, 0.008, 4000),
    ),
    "guitar_clean": Timbre(
        _string(0.13, 0.95),
        gain=4.0,
        attack=0.002,
        release=0.05,
        fade=0.9,
        damping=2.0,
        cutoff=(4500, 2200),
        sweep=0.2,
        noise=(0.1, 0.008, 3000),
    ),
    "guitar_drive": Timbre(
        _string(0.14, 1.0),
        gain=1.5,
        attack=0.002,
        release=0.04,
        fade=0.25,
        damping=0.3,
        cutoff=(4200, 3000),
        sweep=0.3,
        drive=7.0,
        detune=(-4, 5),
        tracking=0.1,
        noise=(0.1, 0.01, 2500),
    ),
    "pad": Timbre(_saw, gain=3.5, attack=0.22, release=0.5, cutoff=(1100, 2400), sweep=0.9, detune=(-9, 0, 10)),
    "strings": Timbre(
        _saw, attack=0.12, release=0.28, cutoff=(2200, 3200), sweep=0.3, detune=(-8, 0, 7), vibrato=7.0, breath=0.015
    ),
    "lead": Timbre(
        _pulse(0.3), attack=0.006, release=0.09, cutoff=(5200, 2400), sweep=0.15, detune=(-5, 5), vibrato=12.0
    ),
    "pluck": Timbre(
        _saw, gain=8.0, attack=0.001, release=0.15, fade=3.0, cutoff=(7000, 900), sweep=0.07, detune=(-6, 6)
    ),
    "flute": Timbre(
        _levels(1, 0.45, 0.3, 0.12, 0.06, 0.03),
        attack=0.045,
        release=0.09,
        vibrato=12.0,
        noise=(0.1, 0.05, 3500),
        breath=0.035,
    ),
    "sax": Timbre(
        _hollow,
        attack=0.025,
        release=0.07,
        cutoff=(2600, 1900),
        sweep=0.1,
        vibrato=14.0,
        noise=(0.08, 0.04, 2500),
        breath=0.02,
    ),
    "brass": Timbre(_saw, attack=0.022, release=0.07, cutoff=(900, 2800), sweep=0.06, detune=(-5, 0, 6), vibrato=5.0),
}
"""Pitched instruments by the name that styles use."""
