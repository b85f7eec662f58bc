"""The MIDI ports of this machine, by python-rtmidi or, where that has no wheel, by rtmidi2: two bindings of one RtMidi.

Only the driver's process imports this: a JACK server that dies can take the whole process of its clients along.
"""

import importlib.util
import select
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

CLIENT = "punchin"
"""Our name on ALSA, JACK and CoreMIDI; ports of that name are our own, and are never listened to."""

LIBRARIES = ("rtmidi", "rtmidi2")
_APIS: dict[str, tuple[str, ...]] = {
    "linux": ("API_LINUX_ALSA", "API_UNIX_JACK"),
    "darwin": ("API_MACOSX_CORE",),
    "win32": ("API_WINDOWS_MM",),
}
"""What is tried on each system, in this order."""

Heard = Callable[[bytes], None]


class NoMidi(Exception):
    """No library, or no MIDI service of the system, can be used; the text says which."""


def library() -> str | None:
    """The name of the library that will be used; None where none is installed."""
    return next((name for name in LIBRARIES if importlib.util.find_spec(name)), None)


def has_virtual_ports() -> bool:
    """Whether programs can offer ports of their own here; Windows needs a loop-back driver for that."""
    return sys.platform != "win32"


class System(ABC):
    """Lists and opens ports. One thread at a time; `heard` is called by the library's own thread, which must not wait."""

    def __init__(self, module: Any, api: int, client: str) -> None:
        before = _sockets()
        self._module, self._api, self._client = module, api, client
        # Kept open: on JACK each new client stops the graph for a moment, and a port's name takes 0.1 s to learn.
        self._listing_inputs, self._listing_outputs = self._new_input(), self._new_output()
        self._spare_inputs: list[Any] = []
        self._spare_outputs: list[Any] = []
        """Closed ports. They are opened again, for their clients stay: each new one would be one more, and to end one makes a
        later one of its name deaf on JACK."""
        self._is_jack = api == module.API_UNIX_JACK
        self._watched = _sockets() - before
        if self._is_jack and not self._watched:
            # rtmidi2 raises nothing, and ends the process at the first port.
            raise NoMidi("the JACK server is not running, or speaks another protocol than this library")

    def inputs(self) -> list[str]:
        """Names of what can be listened to, without our own."""
        return [name for name in self._names(self._listing_inputs) if not self._is_own(name)]

    def outputs(self) -> list[str]:
        """Names of what can be sent to, without our own."""
        return [name for name in self._names(self._listing_outputs) if not self._is_own(name)]

    def is_gone(self) -> bool:
        """Whether the JACK server has died. No call tells: its sockets hang up, and the list of ports stays as it was."""
        if not self._is_jack or not self._watched:
            return False
        poll = select.poll()
        for number in self._watched:
            poll.register(number, select.POLLHUP)
        ended = select.POLLHUP | select.POLLERR | select.POLLNVAL
        return any(event & ended for _, event in poll.poll(0))

    def listen(self, name: str | None, heard: Heard) -> Any:
        """Open an input, or with None a virtual one that others can connect to; closed by `close`."""
        port = self._spare_inputs.pop() if self._spare_inputs else self._new_input()
        self._on_message(port, heard)
        self._open(port, name, self._listing_inputs, "in")
        return port

    def sender(self, name: str | None) -> Any:
        """Open an output, or with None a virtual one; given to `send` and `close`."""
        port = self._spare_outputs.pop() if self._spare_outputs else self._new_output()
        self._open(port, name, self._listing_outputs, "out")
        return port

    def close(self, port: Any) -> None:
        """Close a port that was opened here."""
        port.close_port()
        self._spare(port)

    def _is_own(self, name: str) -> bool:
        return name.startswith(self._client)

    def _open(self, port: Any, name: str | None, listing: Any, virtual: str) -> None:
        try:
            if name is None:
                port.open_virtual_port(virtual)
            else:
                self._open_known(port, name, listing)
        except Exception:
            self._spare(port)
            raise

    def _open_known(self, port: Any, name: str, listing: Any) -> None:
        """Open by its number, which is another's as soon as a port before it comes or goes."""
        names = self._names(listing)
        number = names.index(name)
        port.open_port(number)
        if self._names(listing)[: number + 1] != names[: number + 1]:
            port.close_port()
            raise OSError(f"ports came or went while {name} was opened")

    def _spare(self, port: Any) -> None:
        (self._spare_inputs if isinstance(port, self._module.MidiIn) else self._spare_outputs).append(port)

    @abstractmethod
    def _new_input(self) -> Any: ...

    @abstractmethod
    def _new_output(self) -> Any: ...

    @abstractmethod
    def _names(self, port: Any) -> list[str]: ...

    @abstractmethod
    def _on_message(self, port: Any, heard: Heard) -> None: ...

    @abstractmethod
    def send(self, port: Any, data: bytes) -> None:
        """Send one message on a port of `sender`."""


class _PythonRtmidi(System):
    def _new_input(self) -> Any:
        return self._module.MidiIn(rtapi=self._api, name=self._client)

    def _new_output(self) -> Any:
        return self._module.MidiOut(rtapi=self._api, name=self._client)

    def _names(self, port: Any) -> list[str]:
        return list(port.get_ports())

    def _on_message(self, port: Any, heard: Heard) -> None:
        port.ignore_types(sysex=False, timing=False, active_sense=True)
        port.set_callback(lambda event, _: heard(bytes(event[0])))

    def send(self, port: Any, data: bytes) -> None:
        port.send_message(data)


class _Rtmidi2(System):
    def _new_input(self) -> Any:
        return self._module.MidiIn(self._client, api=self._api)

    def _new_output(self) -> Any:
        return self._module.MidiOut(self._client, api=self._api)

    def _names(self, port: Any) -> list[str]:
        return list(port.ports)

    def _on_message(self, port: Any, heard: Heard) -> None:
        port.ignore_types(midi_sysex=False, midi_time=False, midi_sense=True)
        port.callback = lambda message, _: heard(bytes(message))

    def send(self, port: Any, data: bytes) -> None:
        port.send_raw(*data)


def system(client: str = CLIENT) -> System:
    """The ports of the first MIDI service that answers; raises NoMidi with what each said."""
    name = library()
    if name is None:
        raise NoMidi("neither python-rtmidi nor rtmidi2 is installed")
    module = __import__(name)
    kind = _PythonRtmidi if name == "rtmidi" else _Rtmidi2
    said = []
    for api in _APIS.get(sys.platform, ("API_UNSPECIFIED",)):
        try:
            return kind(module, getattr(module, api), client)
        except Exception as error:  # noqa: BLE001  each library raises its own
            said.append(str(error).strip())
    raise NoMidi("; ".join(said))


def _sockets() -> set[int]:
    """File numbers of this process's sockets, where the system lists them."""
    folder = Path("/proc/self/fd")
    found = set()
    for path in folder.iterdir() if folder.is_dir() else ():
        try:
            if str(path.readlink()).startswith("socket:"):
                found.add(int(path.name))
        except OSError:
            continue
    return found
