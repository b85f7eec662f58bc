"""Controllers as one client of the daemon: gestures become requests, replies become lights. Knows no port and no clock."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from loguru import logger

from bridge.midi.bindings import EVERY, MAIN, Binding, ControllerMap, Gesture, Span
from bridge.midi.clock import Clock, Transport
from bridge.midi.controls import CC, DOWN, PITCH, Control, event, steps
from bridge.midi.driver import VIRTUAL, matches
from bridge.midi.feedback import Board, Outbox, picture
from bridge.midi.gestures import Gestures
from bridge.midi.ports import Heard, Ports, Wanted
from bridge.presets import Preset
from bridge.protocol import messages as m
from engine.spec import Verb
from engine.units import JobId

RENDERS = {
    "repaint", "generate", "continue_after", "continue_before", "cover", "extract", "lego", "complete", "more_takes",
}  # fmt: skip
"""Actions that what the dials have set goes along with."""
_PLAIN = {"audition_stop": m.Stop.address, "pause": m.Pause.address, "resume": m.Resume.address}
_CLOCKED = {
    "generate": ("bpm", "position"),
    "audition": ("bpm",),
    "audition_next": ("bpm",),
    "audition_previous": ("bpm",),
}
"""What a clock tells of actions, where no DAW does."""
STEPS = 64
"""Clicks of an endless encoder from the lowest value to the highest."""

AGAIN_SECONDS = 1.0
"""So long after it was plugged in a controller is told everything once more: some are deaf while they start, and JACK drops what
comes as a port is connected."""

Ask = Callable[[str, tuple[Any, ...]], None]


class _Controller:
    """One map, and what its hands are at."""

    def __init__(self, controller: ControllerMap, made: Callable[[Binding, int], None]) -> None:
        self.map = controller
        self._made = made
        self.gestures = Gestures(self._known, self._gesture)
        self._switched = MAIN
        self._held: dict[Control, str] = {}
        """Controls that hold a layer, in the order in which they were pressed."""
        self._down: dict[Control, int] = {}
        """Controllers that are past the value of a press, and where they are."""

    @property
    def layer(self) -> str:
        """The layer that is held, of several the last; else the one that was switched to."""
        return next(reversed(self._held.values()), self._switched)

    def bound(self, control: Control) -> list[Binding]:
        """What a control does in the layer that holds."""
        return [each for each in self.map.bind if each.layer in {self.layer, EVERY} and each.on.is_sent_by(control)]

    def is_meant(self, port: str, patterns: Sequence[str]) -> bool:
        return self.map.virtual if port == VIRTUAL else any(matches(port, pattern) for pattern in patterns)

    def goes_down(self, control: Control, value: int) -> bool | None:
        """Whether a message presses (True) or lets go (False); None of a pedal or wheel that moves on while it is down.

        One that sends the same again is pressed again: some foot switches never send that they were let go.
        """
        if value < DOWN[control.kind]:
            self._down.pop(control, None)
            return False
        if control.kind in {CC, PITCH}:
            before, self._down[control] = self._down.get(control, value), value
            return None if before != value else True
        return True

    def hold(self, control: Control, layer: str) -> None:
        self._held[control] = layer

    def let_go(self, control: Control) -> bool:
        """Hold a layer no longer; False where the control held none."""
        return self._held.pop(control, None) is not None

    def switch(self, layer: str) -> None:
        """Go to a layer, or back to the first one where it holds already."""
        self._switched = MAIN if self._switched == layer else layer

    def unplugged(self) -> None:
        """Hands are off: nobody will tell that what was held is let go."""
        self._held.clear()
        self._down.clear()
        self.gestures.forget()

    def _known(self, control: Control) -> set[Gesture]:
        return {each.gesture for each in self.bound(control)}

    def _gesture(self, control: Control, gesture: Gesture, value: int) -> None:
        for binding in self.bound(control):
            if binding.gesture == gesture:
                self._made(binding, value)


class Surface:
    """All controllers in use. `ask` takes an address and arguments, `send` a port and a MIDI message."""

    def __init__(
        self,
        ask: Ask,
        send: Callable[[str, bytes], None],
        presets: Mapping[str, Preset],
        has_daw: Callable[[], bool],
        link: Callable[[], Transport] = Transport,
    ) -> None:
        self._ask = ask
        self._send = send
        self._presets = presets
        self._has_daw = has_daw
        self._link = link
        self._controllers: dict[str, _Controller] = {}
        self._clocks: dict[str, Clock] = {}
        self._ports = Ports()
        self._again: dict[str, float] = {}
        """Ports that were plugged in a moment ago, and when they are set up once more."""
        self._board = Board()
        self._outbox = Outbox(send)
        self._now = 0.0
        self.dials: dict[str, float] = {}
        """What dials and encoders have set, by key."""

    # What there is

    def use(self, maps: Mapping[str, ControllerMap]) -> None:
        """Use these maps from now on; one that is as before keeps its layer."""
        before = self._controllers
        for name, known in before.items():
            if maps.get(name) != known.map:
                self._take_leave(known, is_back=name in maps)
        self._controllers = {}
        for name, controller in maps.items():
            if name in before and before[name].map == controller:
                self._controllers[name] = before[name]
            else:
                self._controllers[name] = self._new(controller)
        self._set_up(self._ports.open_outputs)

    def wanted(self) -> Wanted:
        """The ports that the maps want open."""
        maps = [controller.map for controller in self._controllers.values()]
        return Wanted(
            sorted({pattern for each in maps for pattern in each.inputs}),
            sorted({pattern for each in maps for pattern in each.outputs}),
            virtual=any(each.virtual for each in maps),
        )

    def changed(self, ports: Ports, now: float) -> None:
        """Ports have come or gone."""
        self._now = now
        new = [port for port in ports.open_outputs if port not in self._ports.open_outputs]
        for port in set(self._ports.open_outputs) - set(ports.open_outputs):
            self._outbox.forget(port)
        for port in set(self._ports.open_inputs) - set(ports.open_inputs):
            self._clocks.pop(port, None)
            for controller in self._controllers.values():
                if controller.is_meant(port, controller.map.inputs):
                    controller.unplugged()
        for port in ports.open_inputs:
            if port not in self._ports.open_inputs:
                logger.info("MIDI: listening to {}", port)
        self._ports = ports
        self._again = {port: at for port, at in self._again.items() if port in ports.open_outputs}
        self._again |= dict.fromkeys(new, now + AGAIN_SECONDS)
        self._set_up(new)

    def leave(self) -> None:
        """Leave all controllers as they were: no light of ours, no mode that `setup` has set."""
        for controller in self._controllers.values():
            self._take_leave(controller)

    def _take_leave(self, controller: _Controller, *, is_back: bool = False) -> None:
        lights = {each.on for each in controller.map.bind if each.lit or each.light is not None}
        for port in self._ports.open_outputs:
            if controller.is_meant(port, controller.map.outputs):
                self._outbox.put_out(port, lights)
                for data in () if is_back else controller.map.leave:
                    self._send(port, data)

    def transport(self, now: float) -> Transport:
        """Tempo and position of the first clock that runs, else of Ableton Link."""
        found = [clock.transport(now) for clock in self._clocks.values()]
        return next((each for each in found if each.bpm or each.seconds is not None), None) or self._link()

    def _new(self, controller: ControllerMap) -> _Controller:
        made: _Controller = _Controller(controller, lambda binding, value: self._do(made, binding, value))
        return made

    def _set_up(self, ports: Sequence[str]) -> None:
        for port in ports:
            self._outbox.forget(port)
            for controller in self._controllers.values():
                if controller.is_meant(port, controller.map.outputs):
                    for data in controller.map.setup:
                        self._send(port, data)
        self._show()

    # In: hands

    def heard(self, message: Heard) -> None:
        """A message came from a controller or a clock."""
        self._now = message.at
        listening = [each for each in self._controllers.values() if each.is_meant(message.port, each.map.inputs)]
        if any(each.map.clock for each in listening):
            clock = self._clocks.setdefault(message.port, Clock())
            if clock.heard(message.data, message.at):
                return
        moved = event(message.data)
        if moved:
            for controller in listening:
                self._moved(controller, moved.control, moved.value)
            self._show()

    def _moved(self, controller: _Controller, control: Control, value: int) -> None:
        bound = controller.bound(control)
        for binding in bound:
            if binding.set:
                self._turn(binding, value)
            elif binding.is_endless and (turned := steps(value, binding.mode)):
                self._do(controller, binding, value, action=binding.action if turned > 0 else binding.back)
        holder = next((each for each in bound if each.hold), None)
        presses = [each for each in bound if not each.set and not each.is_endless and not each.hold]
        is_toggle = any(each.mode == "toggle" for each in presses)
        goes_down = True if is_toggle else controller.goes_down(control, value)
        if goes_down is False:
            if not controller.let_go(control):
                controller.gestures.released(control, self._now)
        elif goes_down and holder:
            controller.hold(control, holder.to)
        elif goes_down and presses:
            controller.gestures.pressed(control, value, self._now)
            if is_toggle or control.kind in {"program", "song", "sysex"}:
                controller.gestures.released(control, self._now)

    def _turn(self, binding: Binding, value: int) -> None:
        low, high = binding.range
        if binding.is_endless:
            whole = isinstance(low, int) and isinstance(high, int)
            step = 1 if whole else (high - low) / STEPS
            new = self.dials.get(binding.set, low) + steps(value, binding.mode) * step
            self.dials[binding.set] = max(min(low, high), min(max(low, high), new))
        else:
            self.dials[binding.set] = _scaled(binding.share(value), binding.range)

    def _do(self, controller: _Controller, binding: Binding, value: int, action: str | None = None) -> None:
        action = binding.action if action is None else action
        if action == "layer":
            controller.switch(binding.to)
        elif action in _PLAIN:
            self._request(_PLAIN[action], {})
        elif action:
            scaled = {key: _scaled(binding.share(value), span) for key, span in binding.by_value.items()}
            self._trigger(action, {**scaled, **binding.values})

    def _trigger(self, action: str, values: dict[str, Any]) -> None:
        if action == "preset":
            preset = self._presets.get(str(values["preset"]))
            if preset is None:
                logger.warning("MIDI: there is no preset {!r}", values["preset"])
                self._board.ended(None, "failed", self._now)
                return
            action = "continue_after" if preset.verb is Verb.CONTINUE else str(preset.verb)
        if action in RENDERS:
            values = {**self.dials, **values}
        if not self._has_daw():
            values = {**self._told_by_the_clock(action), **values}
        self._request(m.Trigger.address, {"action": action, **values})
        if action == "panic":
            self._request(m.Stop.address, {})

    def _told_by_the_clock(self, action: str) -> dict[str, Any]:
        transport = self.transport(self._now)
        told = {"bpm": transport.bpm, "position": transport.seconds}
        return {key: round(value, 3) for key in _CLOCKED.get(action, ()) if (value := told[key]) is not None}

    def _request(self, address: str, values: Mapping[str, Any]) -> None:
        self._ask(address, (secrets.token_hex(8), *(part for pair in values.items() for part in pair)))

    # Out: lights

    def told(self, reply: m.Message, now: float) -> None:
        """The daemon has answered, or has news of a job."""
        self._now = now
        match reply:
            case m.Progressed():
                self._board.progress(JobId(reply.job_id), reply.fraction, reply.stage)
            case m.Done():
                self._ended(reply.job_id, partial(self._board.ended, outcome="done", now=now))
            case m.Failed():
                self._ended(reply.job_id, partial(self._board.ended, outcome="failed", now=now))
            case m.Cancelled():
                self._ended(reply.job_id, partial(self._board.ended, outcome="idle", now=now))
            case m.Rejected():
                logger.warning("MIDI: {}", reply.message)
                self._board.ended(None, "failed", now)
        self._show()

    def _ended(self, job_id: str, note: Callable[[JobId], None]) -> None:
        note(JobId(job_id))
        # Where the job is ours, it would come again; where it is not, this says nothing.
        self._ask(m.Received.address, (job_id,))

    def tick(self, now: float) -> None:
        """Decide and send what is due."""
        self._now = now
        for controller in self._controllers.values():
            controller.gestures.tick(now)
        ready = [port for port, at in self._again.items() if at <= now]
        for port in ready:
            del self._again[port]
        self._set_up(ready)
        self._outbox.tick(now)

    def due(self, now: float) -> float | None:
        """When `tick` has something to do."""
        times = [*self._again.values(), *(controller.gestures.due for controller in self._controllers.values())]
        return min(
            (each for each in (*times, self._board.due(now), self._outbox.due) if each is not None), default=None
        )

    def _show(self) -> None:
        state, fraction = self._board.state(self._now), self._board.fraction(self._now)
        for port in self._ports.open_outputs:
            for controller in self._controllers.values():
                if controller.is_meant(port, controller.map.outputs):
                    self._outbox.show(port, picture(controller.map, controller.layer, state, fraction, self.dials))


def _scaled(share: float, span: Span) -> float:
    """A share of 0 to 1 within a span; between whole numbers, a whole one."""
    low, high = span
    value = low + share * (high - low)
    return round(value) if isinstance(low, int) and isinstance(high, int) else round(value, 4)
