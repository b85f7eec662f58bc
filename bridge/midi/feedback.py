"""What a controller shows: the state of rendering on pads, its progress and the dials on numbers, rings and motor faders."""

from collections.abc import Callable, Container, Mapping
from typing import NamedTuple

from bridge.midi.bindings import EVERY, ControllerMap, Span, State
from bridge.midi.controls import FULL, Control
from engine.backends.base import Stage
from engine.units import JobId

OUTCOME_SECONDS = 5.0
"""How long `done` and `failed` are shown."""
PAUSE_SECONDS = 0.05
"""One control is set at most so often; what changes faster is left out, and the last value is always sent."""
AT_ONCE = 48
"""Messages in one go; a plain MIDI cable carries about 50 in the time of one pause."""


class Board:
    """What all jobs together come to: rendering before queued, else how the last one ended."""

    def __init__(self) -> None:
        self._going: dict[JobId, tuple[bool, float]] = {}
        self._outcome: State = "idle"
        self._until = 0.0

    def progress(self, job: JobId, fraction: float, stage: str) -> None:
        """A job has moved."""
        self._going[job] = (stage != Stage.QUEUED, fraction)

    def ended(self, job: JobId | None, outcome: State, now: float) -> None:
        """A job has ended, or a request was refused."""
        if job is not None:
            self._going.pop(job, None)
        self._outcome, self._until = outcome, now + OUTCOME_SECONDS

    def state(self, now: float) -> State:
        """The one state to show."""
        if any(is_rendering for is_rendering, _ in self._going.values()):
            return "rendering"
        if self._going:
            return "queued"
        return self._outcome if now < self._until else "idle"

    def fraction(self, now: float) -> float:
        """How far the job is that renders, 0 to 1; 1 for as long as `done` is shown."""
        rendering = [fraction for is_rendering, fraction in self._going.values() if is_rendering]
        return max(rendering) if rendering else float(self.state(now) == "done")

    def due(self, now: float) -> float | None:
        """When the state changes by itself."""
        return self._until if not self._going and now < self._until else None


def picture(
    controller: ControllerMap, layer: str, state: State, fraction: float, dials: Mapping[str, float]
) -> dict[Control, int]:
    """What each control of a map is to show in a layer; those of other layers are dark."""
    shown: dict[Control, int] = {}
    for binding in controller.bind:
        if not binding.lit and binding.light is None:
            continue
        holds = binding.layer in {layer, EVERY}
        value = (controller.lights.get(state, 0) if binding.lit else binding.light or 0) if holds else 0
        if holds or binding.on not in shown:
            shown[binding.on] = value
    for show in controller.show:
        known: Mapping[str, float] = {**dials, "progress": fraction}
        if show.value == "state":
            shown[show.on] = controller.lights.get(state, 0)
        elif show.value in known:
            shown[show.on] = as_value(known[show.value], show.range, show.on)
    return shown


def as_value(value: float, span: Span, control: Control) -> int:
    """A value within a span as a control shows it."""
    low, high = span
    share = (value - low) / (high - low) if high != low else 0.0
    return round(max(0.0, min(1.0, share)) * FULL[control.kind])


class _Shown(NamedTuple):
    value: int
    at: float


class Outbox:
    """Sends what has changed, at a bearable rate. Knows no clock; `send` takes a port and a message."""

    def __init__(self, send: Callable[[str, bytes], None]) -> None:
        self._send = send
        self._wanted: dict[tuple[str, Control], int] = {}
        self._shown: dict[tuple[str, Control], _Shown] = {}
        self._sent_at = 0.0

    def show(self, port: str, values: Mapping[Control, int]) -> None:
        """Set what a port's controls are to show."""
        self._wanted |= {(port, control): value for control, value in values.items()}

    def put_out(self, port: str, lights: Container[Control]) -> None:
        """Switch off what is lit of these, at once."""
        for (where, control), shown in list(self._shown.items()):
            if where == port and control in lights and shown.value:
                self._send(port, control.message(0))
        self.forget(port)

    def forget(self, port: str) -> None:
        """A port has gone: should it come back, all is sent anew."""
        for known in (self._wanted, self._shown):
            for key in [key for key in known if key[0] == port]:
                del known[key]

    def tick(self, now: float) -> None:
        """Send what is due."""
        if now - self._sent_at < PAUSE_SECONDS:
            return
        changed = [key for key in self._wanted if self._is_due(key, now)][:AT_ONCE]
        for key in changed:
            port, control = key
            self._shown[key] = _Shown(self._wanted[key], now)
            self._send(port, control.message(self._wanted[key]))
        if changed:
            self._sent_at = now

    @property
    def due(self) -> float | None:
        """When there is something to send; None when all is shown."""
        waiting = [
            max(self._sent_at, self._shown[key].at if key in self._shown else 0.0) + PAUSE_SECONDS
            for key, value in self._wanted.items()
            if key not in self._shown or self._shown[key].value != value
        ]
        return min(waiting, default=None)

    def _is_due(self, key: tuple[str, Control], now: float) -> bool:
        shown = self._shown.get(key)
        return shown is None or (shown.value != self._wanted[key] and now - shown.at >= PAUSE_SECONDS)
