"""`punchin midi`: what is plugged in, what it sends, which maps are in use, and pads learned by pressing them."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import mido
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from bridge import settings
from bridge.asking import print_json
from bridge.flags import Json, State
from bridge.midi import maps
from bridge.midi.bindings import ACTIONS, ControllerMap, Gesture
from bridge.midi.bindings import State as Light
from bridge.midi.controls import Control, event
from bridge.midi.driver import matches
from bridge.midi.feedback import picture
from bridge.midi.learned import Learned
from bridge.midi.ports import Driven, Heard, Ports, Wanted
from bridge.presets import presets
from engine.errors import CannotStart, NotFound

ANSWER_SECONDS = 10.0
LEARN_SECONDS = 30.0
_TICKING = {0xF1, 0xF8, 0xFE}
"""Time code, clock and active sensing, which come many times a second."""
_LIGHTS: tuple[Light, ...] = ("idle", "queued", "rendering", "done", "failed")

Seconds = Annotated[float, Parameter(help="how long; 0: until Ctrl+C")]
Name = Annotated[str, Parameter(help="a map's name")]


def _state(state: Path | None) -> Path:
    return settings.load(state=state).state


def _say(line: str) -> None:
    Console().print(line, highlight=False, markup=False, soft_wrap=True)


class _Desk:
    """A driver for the time of one command; beside a running daemon where the system lets two programs listen."""

    def __init__(self, heard: Callable[[Heard], None], wanted: Wanted) -> None:
        self._known = asyncio.Event()
        self.driven = Driven(heard, lambda _: self._known.set())
        self.driven.want(wanted)

    async def during(self, use: Callable[["_Desk"], "asyncio.Future[None] | object"]) -> None:
        """Run `use` once the ports are known; raises CannotStart where there are none to be known."""
        runs = asyncio.create_task(self.driven.run())
        try:
            trouble = "the MIDI driver does not answer"
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._known.wait(), ANSWER_SECONDS)
                trouble = self.driven.trouble
            if trouble:
                raise CannotStart(f"MIDI: {trouble}; `punchin doctor` says what to do")
            used = use(self)
            if asyncio.iscoroutine(used):
                await used
        finally:
            runs.cancel()
            await asyncio.gather(runs, return_exceptions=True)


def _nothing(_: Heard) -> None:
    """What is heard does not matter."""


def listing(*, state: State = None, json: Json = False) -> int:
    """List the ports that are there, and the maps: which are in use, and on which ports."""
    used = maps.in_use(_state(state))
    found = Ports()
    trouble = ""

    def look(desk: _Desk) -> None:
        nonlocal found
        found = desk.driven.ports

    try:
        asyncio.run(_Desk(_nothing, Wanted()).during(look))
    except CannotStart as error:
        trouble = str(error)
    shipped = [name for name in maps.shipped_maps() if name not in used]
    if json:
        print_json(
            {
                "inputs": list(found.inputs),
                "outputs": list(found.outputs),
                "in_use": {name: _ports_of(controller, found) for name, controller in used.items()},
                "shipped": shipped,
                "trouble": trouble,
            }
        )
        return 1 if trouble else 0
    table = Table("port", "in", "out", "maps in use", box=None, pad_edge=False)
    for port in sorted({*found.inputs, *found.outputs}):
        names = [name for name, controller in used.items() if port in _ports_of(controller, found)]
        table.add_row(port, "yes" * (port in found.inputs), "yes" * (port in found.outputs), ", ".join(names))
    Console().print(table if table.row_count else trouble or "no MIDI port is connected")
    _say(f"in use: {', '.join(used) or 'none'}; to be had by `punchin midi use NAME`: {', '.join(shipped)}")
    return 1 if trouble else 0


def _ports_of(controller: ControllerMap, found: Ports) -> list[str]:
    sides = ((found.inputs, controller.inputs), (found.outputs, controller.outputs))
    return sorted(
        {port for there, patterns in sides for port in there for pattern in patterns if matches(port, pattern)}
    )


def use(name: Name, *, state: State = None) -> int:
    """Put a map that comes with punchin into use; a running daemon takes it up at once."""
    path = maps.use(_state(state), name)
    _say(f"{name} is in use; bindings of your own go into {path}")
    return 0


def drop(name: Name, *, state: State = None) -> int:
    """Take a map out of use; its file is kept under another name."""
    _say(f"{name} is out of use; its file is {maps.drop(_state(state), name)}")
    return 0


def monitor(
    *,
    port: Annotated[str, Parameter(help="pattern of the ports to listen to")] = "*",
    seconds: Seconds = 0.0,
    state: State = None,
) -> int:
    """Print what controllers send, and what it does in the maps in use."""
    used = maps.in_use(_state(state))

    def show(message: Heard) -> None:
        if message.data[0] in _TICKING:
            return
        moved = event(message.data)
        does = _does(used, moved.control, message.port) if moved else []
        _say(f"{message.port}: " + (f"{moved.control} = {moved.value}" if moved else _text(message.data)))
        for line in does:
            _say(f"    {line}")

    async def wait(_: _Desk) -> None:
        await (asyncio.sleep(seconds) if seconds else asyncio.Event().wait())

    asyncio.run(_Desk(show, Wanted([port], [], virtual=True)).during(wait))
    return 0


def _text(data: bytes) -> str:
    try:
        return str(mido.Message.from_bytes(data))
    except ValueError:
        return data.hex(" ")


def _does(used: dict[str, ControllerMap], control: Control, port: str) -> list[str]:
    return [
        f"{name}: {each.gesture} {each.action or 'sets ' + each.set} ({each.layer})".replace("_", " ")
        for name, controller in used.items()
        for each in controller.bind
        if each.on.is_sent_by(control) and any(matches(port, pattern) for pattern in controller.inputs)
    ]


def learn(
    action: Annotated[str, Parameter(help=f"what it is to do: {', '.join(ACTIONS)}")],
    *,
    name: Annotated[
        str | None, Parameter(help="the map to add to; default: mine, or mine-2 … for another port")
    ] = None,
    gesture: Annotated[Gesture, Parameter(help="press, long or double")] = "press",
    preset: Annotated[str | None, Parameter(help="the preset, for the action `preset`")] = None,
    prompt: Annotated[str | None, Parameter(help="a prompt that goes along")] = None,
    port: Annotated[str, Parameter(help="pattern of the ports to listen to")] = "*",
    seconds: Annotated[float, Parameter(help="how long to wait for the control")] = LEARN_SECONDS,
    state: State = None,
) -> int:
    """Wait for a pad, key or pedal, and write what it does into a map of your own, which is in use at once."""
    heard: list[Heard] = []
    pressed = asyncio.Event()
    place = _state(state)
    if action == "preset" and preset not in presets(place / "presets"):
        raise NotFound(f"preset: there is no {preset!r}; --preset names one of those that `punchin presets list` shows")

    async def wait(desk: _Desk) -> None:
        if not any(desk.driven.ports.open_inputs):
            raise CannotStart("no MIDI input is connected that it could be learned from")
        _say(f"press the control for {action!r} now")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(pressed.wait(), seconds)

    def take(message: Heard) -> None:
        moved = event(message.data)
        if moved and moved.value > 0:
            heard.append(message)
            pressed.set()

    asyncio.run(_Desk(take, Wanted([port], [], virtual=True)).during(wait))
    if not heard:
        raise CannotStart(f"nothing was pressed within {seconds:g} s")
    moved = event(heard[0].data)
    assert moved is not None
    values = {key: value for key, value in {"preset": preset, "prompt": prompt}.items() if value is not None}
    learned = Learned(moved.control, "_".join(action.split()), gesture, values)
    path, replaced = learned.write(maps.folder(place), name, heard[0].port)
    instead = f" instead of {replaced!r}" if replaced else ""
    _say(f"{moved.control} of {heard[0].port} does {action!r} now{instead}; it stands in {path}")
    return 0


def lights(
    name: Name, *, seconds: Annotated[float, Parameter(help="per state of the lights")] = 1.0, state: State = None
) -> int:
    """Go through the lights of a map's controller, state by state, without asking anything of a daemon."""
    controller = maps.named(_state(state), name)
    wanted = Wanted([], controller.outputs, controller.virtual)

    async def show(desk: _Desk) -> None:
        ports = desk.driven.ports.open_outputs
        if not ports:
            raise CannotStart(f"no output is connected that matches {', '.join(controller.outputs) or 'nothing'}")
        for data in controller.setup:
            _to_all(desk, data)
        for layer in controller.layers:
            for number, light in enumerate(_LIGHTS):
                _say(f"{', '.join(ports)}: layer {layer}, {light}")
                for control, value in picture(controller, layer, light, number / 4, {}).items():
                    _to_all(desk, control.message(value))
                await asyncio.sleep(seconds)

    asyncio.run(_Desk(_nothing, wanted).during(show))
    return 0


def _to_all(desk: _Desk, data: bytes) -> None:
    for port in desk.driven.ports.open_outputs:
        desk.driven.send(port, data)
