"""Ableton Link as a source of tempo. Needs the extra `link`: aalink is GPL, and so no part of the base install."""

import importlib
import importlib.util
from typing import Any

from bridge.midi.clock import Transport
from engine.units import Bpm, Seconds


def is_installed() -> bool:
    """Whether aalink is there."""
    return importlib.util.find_spec("aalink") is not None


class LinkFollower:
    """A member of the Link session of this network that never changes its tempo. To be made in the running loop.

    Link gives whoever joins the tempo of those who are there.
    """

    def __init__(self) -> None:
        self._link: Any = importlib.import_module("aalink").Link(120.0)
        self._link.enabled = True

    def transport(self) -> Transport:
        """Tempo and position of the session; nothing while nobody else is in it."""
        if not self._link.num_peers:
            return Transport()
        bpm = Bpm(self._link.tempo)
        return Transport(bpm, Seconds(max(0.0, self._link.beat) * 60 / bpm), self._link.playing)

    def close(self) -> None:
        """Leave the session."""
        self._link.enabled = False
