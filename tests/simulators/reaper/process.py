"""Lua 5.4 as a program of its own, the `lua5.4` of the command line: it loads the same modules of C as any other Lua.

Each message has its length before it (32 bits, little endian) and is a letter and values: `c` a call of a script, `r` its
results, `x` an error; `t` a piece to run, `d` that it is done. Handles are numbers on the other side.
"""

import struct
import subprocess
from pathlib import Path

from reaper.api import Fault
from reaper.model import Pointer, Project
from reaper.script import Script

PROGRAM = "lua5.4"
_WORD, _FLOAT, _INTEGER = struct.Struct("<I"), struct.Struct("<d"), struct.Struct("<q")


class ProcessError(Exception):
    """A script raised an error that it did not catch."""


class Process(Script):
    """A script in a process of its own."""

    error = ProcessError

    def __init__(self, daw, path):
        super().__init__(daw, path)
        self.things, self.numbers = [], {}
        self.open = 0
        driver = Path(__file__).with_suffix(".lua")
        self.process = subprocess.Popen(
            [PROGRAM, driver, self.offered, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    @property
    def waits(self):
        return self.open > 0

    def begin(self):
        self._run("begin")

    def go_on(self):
        self._run("go_on")

    def _exit(self):
        if self.process.poll() is not None:
            return
        try:
            self._run("exit")
        finally:
            self.open = 0
            self.process.stdin.close()
            self.process.wait(20)
            self.process.stdout.close()

    def _run(self, piece):
        self._send(b"t", piece)
        while True:
            letter, values = self._receive()
            if letter == b"x":
                raise ProcessError(values[0].decode(errors="replace"))
            if letter == b"d":
                self.open = values[0]
                return
            name, *arguments = values
            try:
                if name == b"array_call":
                    arguments += [None] * (4 - len(arguments))
                    results = self.array_call(*arguments)
                else:
                    results = self.call(name.decode(), arguments)
            except Fault as fault:
                self._send(b"x", str(fault))
            else:
                self._send(b"r", *(results if isinstance(results, tuple) else (results,)))

    def _send(self, letter, *values):
        body = letter + b"".join(map(self._packed, values))
        self.process.stdin.write(_WORD.pack(len(body)) + body)
        self.process.stdin.flush()

    def _receive(self):
        head = self.process.stdout.read(4)
        if len(head) < 4:
            raise ProcessError(f"{PROGRAM} has ended")
        body = self.process.stdout.read(_WORD.unpack(head)[0])
        values, at = [], 1
        while at < len(body):
            value, at = self._unpacked(body, at)
            values.append(value)
        return body[:1], values

    def _packed(self, value):
        if value is None:
            return b"n"
        if isinstance(value, bool):
            return b"t" if value else b"f"
        if isinstance(value, int):
            return b"i" + _INTEGER.pack(value)
        if isinstance(value, float):
            return b"d" + _FLOAT.pack(value)
        if isinstance(value, str | bytes):
            raw = value.encode() if isinstance(value, str) else value
            return b"s" + _WORD.pack(len(raw)) + raw
        if isinstance(value, list):
            return b"a" + _WORD.pack(len(value)) + struct.pack(f"<{len(value)}d", *value)
        assert isinstance(value, Pointer | Project), value
        if value not in self.numbers:
            self.numbers[value] = len(self.things)
            self.things.append(value)
        return b"h" + _WORD.pack(self.numbers[value])

    def _unpacked(self, body, at):
        """A value, and where the next begins."""
        letter, at = body[at : at + 1], at + 1
        if letter == b"i":
            return _INTEGER.unpack_from(body, at)[0], at + 8
        if letter == b"d":
            return _FLOAT.unpack_from(body, at)[0], at + 8
        if letter in b"sh":
            (number,) = _WORD.unpack_from(body, at)
            at += 4
            return (self.things[number], at) if letter == b"h" else (body[at : at + number], at + number)
        return {b"n": None, b"t": True, b"f": False}[letter], at
