"""What the device is fed from: a stretch of audio, once or again and again. Its `fill` runs in the sound system's thread."""

import numpy as np

from engine.audio import FloatArray

FADE_SECONDS = 0.005
"""Length of the fades at a stop and where one take takes the place of another."""


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
        self._fade_frames = max(1, round(FADE_SECONDS * rate))
        self._next: FloatArray | None = None
        self._stopping = False

    def replace(self, samples: FloatArray) -> None:
        """Go on with other audio of the same shape, at the same place."""
        self._next = samples

    def stop(self) -> None:
        """Fade out and end."""
        self._stopping = True

    def fill(self, out: FloatArray) -> bool:
        """Give the device what comes next, silence behind the end; whether that was the end."""
        self.turns += 1
        upcoming, stopping = self._next, self._stopping
        if upcoming is not None:
            self._fade_to(out[: self._fade_frames], upcoming)
            self.samples = upcoming
            if self._next is upcoming:
                self._next = None
            self._copy(out[self._fade_frames :], self._place)
        elif stopping:
            self._fade_to(out[: self._fade_frames], None)
            out[self._fade_frames :] = 0
            self.done = True
        else:
            self._copy(out, self._place)
        return self.done

    def _fade_to(self, out: FloatArray, other: FloatArray | None) -> None:
        """A fade from the audio that plays to another, or to silence."""
        place = self._place
        self._copy(out, place)
        gain = np.linspace(1, 0, len(out), dtype=np.float32)[:, None]
        out *= gain
        if other is not None:
            old, self.samples = self.samples, other
            incoming = np.empty_like(out)
            self._copy(incoming, place)
            self.samples = old
            out += incoming * (1 - gain)

    def _copy(self, out: FloatArray, place: int) -> None:
        wanted, length, given = len(out), len(self.samples), 0
        while given < wanted:
            if place >= length:
                if not self.loop:
                    out[given:] = 0
                    self.done = True
                    break
                place = 0
            frames = min(wanted - given, length - place)
            out[given : given + frames] = self.samples[place : place + frames]
            given, place = given + frames, place + frames
        self._place = place
        if place >= length and not self.loop:
            self.done = True
