"""Presses become gestures: short, long, double. Knows no clock; times are seconds that the caller gives."""

from collections.abc import Callable, Container
from dataclasses import dataclass

from bridge.midi.bindings import Gesture
from bridge.midi.controls import Control

LONG_SECONDS = 0.5
DOUBLE_SECONDS = 0.3


@dataclass(slots=True)
class _Press:
    value: int
    due: float | None
    """When it is decided without another message: a held one becomes long, one let go becomes a single press."""
    is_held: bool = True


class Gestures:
    """Decides what a press was, as early as the gestures that a control knows allow.

    A control with nothing but `press` fires when it is pressed. One with `long` waits until it is let go, one with `double`
    until no second press can come any more. `known` tells the gestures of a control, `made` is told each one, with the value
    of the first press.
    """

    def __init__(
        self, known: Callable[[Control], Container[Gesture]], made: Callable[[Control, Gesture, int], None]
    ) -> None:
        self._known = known
        self._made = made
        self._presses: dict[Control, _Press] = {}

    def pressed(self, control: Control, value: int, now: float) -> None:
        """A control went down."""
        known = self._known(control)
        before = self._presses.pop(control, None)
        if before is not None and "double" in known and not before.is_held:
            self._made(control, "double", before.value)
        elif "long" in known or "double" in known:
            self._presses[control] = _Press(value, now + LONG_SECONDS if "long" in known else None)
        elif "press" in known:
            self._made(control, "press", value)

    def released(self, control: Control, now: float) -> None:
        """It came up."""
        press = self._presses.get(control)
        if press is None or not press.is_held:
            return
        if "double" in self._known(control):
            press.is_held, press.due = False, now + DOUBLE_SECONDS
        else:
            del self._presses[control]
            self._made(control, "press", press.value)

    def tick(self, now: float) -> None:
        """Decide what time alone decides."""
        for control, press in list(self._presses.items()):
            if press.due is not None and press.due <= now:
                del self._presses[control]
                self._made(control, "long" if press.is_held else "press", press.value)

    def forget(self) -> None:
        """What has been unplugged is not held any more."""
        self._presses.clear()

    @property
    def due(self) -> float | None:
        """When `tick` has something to decide; None while nothing waits."""
        return min((press.due for press in self._presses.values() if press.due is not None), default=None)
