"""The process that holds the MIDI ports: `python -m bridge.midi.driver`. Speaks JSON lines on stdin and stdout.

In:  {"inputs": [pattern…], "outputs": [pattern…], "virtual": bool} which ports to keep open from now on
     {"send": port, "data": hex}                                    a message for an output
Out: {"inputs": [name…], "outputs": [name…], "open_inputs": [name…], "open_outputs": [name…]} whenever that changes
     {}                                                             every two seconds: it lives
     {"heard": port, "at": seconds of the monotonic clock, "data": hex}
     {"trouble": sentence}                                          and then the process ends

It is a process of its own because libjack crashes its clients when the server dies and returns; the daemon starts another.
It imports next to nothing: what messages mean is the daemon's business.
"""

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, TextIO

from bridge.midi.system import CLIENT, NoMidi, System, has_virtual_ports, system

SCAN_SECONDS = 0.5
ALIVE_SECONDS = 2.0
VIRTUAL = "punchin"
"""What the virtual ports are called in the lines above."""
NO_MIDI = 3
"""Exit status when there is no MIDI service, or when it has gone."""


class Driver:
    """Keeps open what was asked for and is there. Everything but `_heard` and `_write` runs in the main thread."""

    def __init__(self, ports: System, out: TextIO) -> None:
        self._ports = ports
        self._out = out
        self._news: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._wanted: dict[str, list[str]] = {"inputs": [], "outputs": []}
        self._virtual = False
        self._inputs: dict[str, Any] = {}
        self._outputs: dict[str, Any] = {}
        self._told: dict[str, list[str]] = {}
        self._next_scan = 0.0
        self._next_alive = 0.0

    def run(self, commands: "queue.SimpleQueue[dict[str, Any] | None]") -> int:
        """Obey commands and look for ports twice a second, until the commands end or the MIDI service has gone."""
        writer = threading.Thread(target=self._write, daemon=True)
        writer.start()
        command = commands.get()
        while command is not None:
            if self._obey(command) or time.monotonic() >= self._next_scan:
                if self._ports.is_gone():
                    self._say({"trouble": "the JACK server has gone"})
                    return NO_MIDI
                self._scan()
                self._next_scan = time.monotonic() + SCAN_SECONDS
                self._say_alive()
            try:
                command = commands.get(timeout=max(0.0, self._next_scan - time.monotonic()))
            except queue.Empty:
                command = {}
        self._leave()
        self._news.put(None)
        writer.join(1.0)
        return 0

    def _leave(self) -> None:
        """Go in good order: a JACK server waits for clients that vanish. One that has died must not be left in this way."""
        if not self._ports.is_gone():
            for port in (*self._inputs.values(), *self._outputs.values()):
                self._ports.close(port)

    def _obey(self, command: dict[str, Any]) -> bool:
        """Do what a line asks; True where other ports are wanted now."""
        port = self._outputs.get(command.get("send", ""))
        if port is not None:
            self._ports.send(port, bytes.fromhex(command["data"]))
        if "virtual" not in command:
            return False
        self._wanted = {"inputs": command["inputs"], "outputs": command["outputs"]}
        self._virtual = bool(command["virtual"]) and has_virtual_ports()
        return True

    def _scan(self) -> None:
        inputs, outputs = self._ports.inputs(), self._ports.outputs()
        _keep_open(self._inputs, self._those(inputs, "inputs"), self._listen, self._ports.close)
        _keep_open(self._outputs, self._those(outputs, "outputs"), self._sender, self._ports.close)
        state = {
            "inputs": inputs,
            "outputs": outputs,
            "open_inputs": sorted(self._inputs),
            "open_outputs": sorted(self._outputs),
        }
        if state != self._told:
            self._told = state
            self._news.put(state)

    def _say_alive(self) -> None:
        if time.monotonic() >= self._next_alive:
            self._next_alive = time.monotonic() + ALIVE_SECONDS
            self._news.put({})

    def _those(self, names: Iterable[str], side: str) -> set[str]:
        wanted = {name for name in names if any(matches(name, pattern) for pattern in self._wanted[side])}
        return wanted | ({VIRTUAL} if self._virtual else set())

    def _listen(self, name: str) -> Any:
        return self._ports.listen(None if name == VIRTUAL else name, lambda data: self._heard(name, data))

    def _sender(self, name: str) -> Any:
        return self._ports.sender(None if name == VIRTUAL else name)

    def _heard(self, name: str, data: bytes) -> None:
        self._news.put({"heard": name, "at": time.monotonic(), "data": data.hex()})

    def _write(self) -> None:
        """The callback's thread belongs to the sound system and must not wait for a pipe."""
        while (news := self._news.get()) is not None:
            self._say(news)

    def _say(self, news: dict[str, Any]) -> None:
        try:
            self._out.write(json.dumps(news) + "\n")
            self._out.flush()
        except (OSError, ValueError):
            os._exit(0)


def _keep_open(there: dict[str, Any], wanted: set[str], opened: Any, close: Any) -> None:
    """Close what is not wanted or has gone, open what is; what cannot be opened yet is tried at the next look."""
    for name in there.keys() - wanted:
        close(there.pop(name))
    for name in wanted - there.keys():
        try:
            there[name] = opened(name)
        except Exception:  # noqa: BLE001, S112  another program has it, or it has just gone: libraries raise their own
            continue


def matches(name: str, pattern: str) -> bool:
    """Whether a port's name is meant by a pattern with `*` and `?`; case does not matter, and brackets are brackets."""
    return fnmatchcase(name.casefold(), pattern.casefold().replace("[", "[[]"))


def _read(lines: Iterable[str], commands: "queue.SimpleQueue[dict[str, Any] | None]") -> None:
    for line in lines:
        commands.put(json.loads(line))
    commands.put(None)


def main() -> None:
    """Run until stdin ends. Ends the process without tidying up further: to close a port of a dead server is what crashes."""
    client = sys.argv[1] if len(sys.argv) > 1 else CLIENT
    try:
        ports = system(client)
    except NoMidi as error:
        sys.stdout.write(json.dumps({"trouble": str(error)}) + "\n")
        sys.stdout.flush()
        os._exit(NO_MIDI)
    commands: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin, commands), daemon=True).start()
    os._exit(Driver(ports, sys.stdout).run(commands))


if __name__ == "__main__":
    main()
