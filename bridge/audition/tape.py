"""What the device is fed from: a stretch of audio, once or again and again. Its `fill` runs in the sound system's thread."""

from collections import deque

import numpy as np

from engine.audio import FloatArray

FADE_SECONDS = 0.005
"""Length of the fades at a stop and where one take takes the place of another."""
LEAD_SECONDS = 0.1
LEAD_TURNS = 3
"""Silence before the first frame, at least so long and in so many blocks. A device that has just been opened may not let its
first blocks be heard: JACK connects the ports of a client one after the other, from one block to the next."""


class Tape:
    """Audio [frames, channels] and where it is read. Nothing is changed but by the fades that are asked for."""

    def __init__(self, samples: FloatArray, rate: int, *, loop: bool) -> None:
        self.samples = samples
        self.loop = loop
        self.turns = 0
        """How often the device has asked."""
        self.done = False
        """All was given to the device."""
        self._place = 0
        self._lead_frames = round(LEAD_SECONDS * rate)
        self._gain = np.linspace(1, 0, max(1, round(FADE_SECONDS * rate)), dtype=np.float32)[:, None]
        self._faded: int | None = None
        """So many frames of a fade were given; None: there is none."""
        self._other: FloatArray | None = None
        """To what it fades; None: to silence."""
        self._next: deque[FloatArray] = deque(maxlen=1)
        self._stopping = False

    def replace(self, samples: FloatArray) -> None:
        """Go on with other audio of the same shape, at the same place."""
        self._next.append(samples)

    def stop(self) -> None:
        """Fade out and end."""
        self._stopping = True

    def fill(self, out: FloatArray) -> bool:
        """Give the device what comes next, silence before and behind all; whether that was the end."""
        self.turns += 1
        silent = self._lead(len(out))
        out[:silent] = 0
        self._play(out[silent:])
        return self.done

    def _lead(self, frames: int) -> int:
        silent = frames if self.turns <= LEAD_TURNS else min(frames, self._lead_frames)
        self._lead_frames = max(0, self._lead_frames - silent)
        self.done = self.done or (silent > 0 and self._stopping)
        return silent

    def _play(self, out: FloatArray) -> None:
        if self._faded is None and not self.done and (self._next or self._stopping):
            self._faded, self._other = 0, self._next.pop() if self._next else None
        if self._faded is not None:
            fading = out[: len(self._gain) - self._faded]
            self._fade(fading, self._faded)
            out = out[len(fading) :]
        if self.done:
            out[:] = 0
        else:
            self._place = self._copy(self.samples, out)

    def _fade(self, out: FloatArray, faded: int) -> None:
        """Frames of a fade, of which some were given before; behind its last it is over."""
        gain = self._gain[faded : faded + len(out)]
        incoming = np.zeros_like(out)
        if self._other is not None:
            self._copy(self._other, incoming)
        self._place = self._copy(self.samples, out)
        out *= gain
        out += incoming * (1 - gain)
        self._faded = faded + len(out)
        if self._faded == len(self._gain):
            self._faded = None
            self.done = self.done or self._other is None
            self.samples = self.samples if self._other is None else self._other

    def _copy(self, samples: FloatArray, out: FloatArray) -> int:
        """Frames from the place on; where the next one is."""
        wanted, length, given, place = len(out), len(samples), 0, self._place
        while given < wanted:
            if place >= length:
                if not self.loop:
                    out[given:] = 0
                    break
                place = 0
            frames = min(wanted - given, length - place)
            out[given : given + frames] = samples[place : place + frames]
            given, place = given + frames, place + frames
        self.done = self.done or (place >= length and not self.loop)
        return place
