"""Notes and hits from recorded samples: pitched by resampling, looped with a cross-fade, shaped by velocity."""

from collections.abc import Callable

import numpy as np
import soxr
from scipy.signal import lfilter

from engine.audio import FloatArray
from engine.backends.draft.samples import Hit, Pack, Zone

LONGEST_SECONDS = 30.0
SHORTEST_SECONDS = 0.5
"""Notes are resampled to lengths of this times powers of two, so that notes of about one length share the work."""
MARGIN_SECONDS = 0.02
"""Resampled beyond what is heard: a filter rings at the edge."""
HIT_ATTACK_SECONDS = 0.0004
HIT_TAIL_SECONDS = 0.01
SHELF_HZ = 900.0
"""Above this soft notes are darker."""
CLEARNESS = 0.75
"""How much of the treble goes with the level: 0 none, 1 as much again as the level falls."""
NOTE_CURVE, HIT_CURVE = 1.4, 1.5
"""Velocity to amplitude, as exponents: those of the synthesised instruments."""


class Sampler:
    """A pack's instruments at one sample rate; resampled notes are kept as long as the sampler is."""

    pack: Pack
    """Where the samples come from."""

    def __init__(self, pack: Pack, rate: int) -> None:
        self.pack = pack
        self._rate = rate
        self._pitched: dict[tuple[str, float], tuple[FloatArray, FloatArray]] = {}

    def note(
        self, instrument: str, pitch: int, velocity: float, seconds: float, tick: Callable[[], None]
    ) -> FloatArray:
        """A note held for `seconds` and then released: float32 [1 or 2, frames], from zero to zero.

        `tick` is called before each costly step. Raises KeyError for an instrument that the pack does not have.
        """
        sampled = self.pack.instruments[instrument]
        zone = sampled.zone(pitch)
        held = max(min(seconds, LONGEST_SECONDS), sampled.attack)
        frames = max(2, round((held + sampled.release) * self._rate))
        bright, dark = self._pitch(zone, pitch, frames, tick)
        level = 10 ** (zone.gain / 20) * velocity**NOTE_CURVE
        sound = _voiced(bright[:, :frames], dark[:, :frames], velocity, level)
        _shape(sound, round(sampled.attack * self._rate), round(sampled.release * self._rate))
        return sound

    def hit(self, kit: str, note: int, velocity: float, tick: Callable[[], None]) -> FloatArray | None:
        """One stroke until it has died away: float32 [2, frames], from zero to zero; None where the kit has none.

        Raises KeyError for a kit that the pack does not have.
        """
        hit = self.pack.hit(kit, note)
        if hit is None:
            return None
        bright, dark = self._struck(hit, tick)
        mono = _voiced(bright, dark, velocity, 10 ** (hit.gain / 20) * velocity**HIT_CURVE)
        _shape(mono, round(HIT_ATTACK_SECONDS * self._rate), round(HIT_TAIL_SECONDS * self._rate))
        angle = (hit.pan + 1) * np.pi / 4
        sides = np.sqrt(2) * np.array([[np.cos(angle)], [np.sin(angle)]])
        return np.asarray(mono * sides.astype(np.float32), dtype=np.float32)

    def _pitch(self, zone: Zone, pitch: int, frames: int, tick: Callable[[], None]) -> tuple[FloatArray, FloatArray]:
        """A zone's note at a pitch, at least so long, bright and dark."""
        key = (zone.file, float(pitch))
        known = self._pitched.get(key)
        if known is None or known[0].shape[1] < frames:
            tick()
            seconds = SHORTEST_SECONDS
            while seconds * self._rate < frames:
                seconds *= 2
            speed = 2 ** ((pitch - zone.root) / 12)
            source = looped(
                self.pack.samples(zone.file), zone, round((seconds + MARGIN_SECONDS) * self.pack.rate * speed)
            )
            known = self._split(self._resampled(source, speed)[:, : round(seconds * self._rate)])
            self._pitched[key] = known
        return known

    def _struck(self, hit: Hit, tick: Callable[[], None]) -> tuple[FloatArray, FloatArray]:
        key = (hit.file, 0.0)
        if key not in self._pitched:
            tick()
            self._pitched[key] = self._split(self._resampled(self.pack.samples(hit.file), 1.0))
        return self._pitched[key]

    def _resampled(self, source: FloatArray, speed: float) -> FloatArray:
        audio = soxr.resample(source.T, self.pack.rate * speed, self._rate, quality="MQ")
        return np.asarray(audio, dtype=np.float32).T

    def _split(self, audio: FloatArray) -> tuple[FloatArray, FloatArray]:
        pole = np.float32(np.exp(-2 * np.pi * SHELF_HZ / self._rate))
        dark = lfilter(np.array([1 - pole], np.float32), np.array([1, -pole], np.float32), audio, axis=1)
        return audio, np.asarray(dark, dtype=np.float32)


def looped(samples: FloatArray, zone: Zone, frames: int) -> FloatArray:
    """A zone's samples [channels, n], repeated from its loop on until there are `frames` of them.

    The end fades into what comes before the loop, so that the first frame of the loop follows the last as it did in
    the recording; each turn is `zone.fall` times as loud as the one before.
    """
    if frames <= samples.shape[1] - zone.fade:
        return samples[:, :frames]
    end, past = samples[:, -zone.fade :], samples[:, zone.loop - zone.fade : zone.loop] * np.float32(zone.fall)
    once = np.concatenate([samples[:, : -zone.fade], _crossfaded(end, past)], axis=1)
    turn = once[:, zone.loop :]
    turns = -(-(frames - once.shape[1]) // turn.shape[1])
    parts = [once, *(turn * np.float32(zone.fall ** (count + 1)) for count in range(turns))]
    return np.concatenate(parts, axis=1)[:, :frames]


def _crossfaded(end: FloatArray, start: FloatArray) -> FloatArray:
    """From one to the other at constant power, however alike the two are."""
    likeness = float(np.sum(end * start) / (np.sqrt(np.sum(end**2) * np.sum(start**2)) + 1e-12))
    angle = np.arange(1, end.shape[1] + 1, dtype=np.float32) / end.shape[1] * np.float32(np.pi / 2)
    out, into = np.cos(angle) ** 2, np.sin(angle) ** 2
    power = out**2 + into**2 + 2 * out * into * np.float32(max(likeness, 0.0))
    return np.asarray((end * out + start * into) / np.sqrt(power), dtype=np.float32)


def _voiced(bright: FloatArray, dark: FloatArray, velocity: float, level: float) -> FloatArray:
    """Between the bright and the dark sound: the softer, the darker."""
    treble = velocity**CLEARNESS
    return np.asarray(bright * np.float32(level * treble) + dark * np.float32(level * (1 - treble)), dtype=np.float32)


def _shape(sound: FloatArray, attack: int, release: int) -> None:
    """Rise and fall in place; the first frame is zero, and so is the last."""
    frames = sound.shape[1]
    rise = min(frames // 2, max(2, attack))
    fall = min(frames - rise, max(2, release))
    sound[:, :rise] *= (0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)).astype(np.float32)
    sound[:, frames - fall :] *= (0.5 + 0.5 * np.cos(np.pi * np.arange(1, fall + 1) / fall)).astype(np.float32)
