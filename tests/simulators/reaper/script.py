"""A running script, whatever runs its Lua: what REAPER answers to it, and a look at what each of its turns leaves behind."""

import contextlib
import time
from pathlib import Path

from reaper.api import BUILT_IN, FUNCTIONS, IMGUI, Fault, given, taken, version_of
from reaper.model import Array

LONGEST_TURN = 0.3
"""Seconds of the processor, most of which are the rig's own where clips are placed."""


class Script:
    """Those below run Lua: `begin` the file, `go_on` with what was deferred, `_exit` with what is left for the end."""

    def __init__(self, daw, path):
        self.daw = daw
        self.path = path
        version = version_of(daw.version)
        names = [name for name, function in FUNCTIONS.items() if function.since <= version]
        self.offered = " ".join([*names, *BUILT_IN, *(IMGUI if daw.has_imgui else ())]).encode()
        """Names of what is in the `reaper` table."""

    waits = False
    """Whether something is deferred."""

    def turn(self, run):
        """Run one piece of a script until it returns, and look at what it left behind."""
        before = self.daw.untouchable()
        started = time.thread_time()  # on a busy machine the clock on the wall would say nothing
        try:
            run()
        except (self.error, Fault) as error:
            self.daw.faults.append(f"{Path(self.path).name}: {error}")
            self.end()
        took = time.thread_time() - started
        if run == self.go_on and took > LONGEST_TURN:
            self.daw.faults.append(f"{Path(self.path).name} held REAPER up for {took:.2f} s")
        self.daw.check(self, before)

    def end(self):
        """Quit it, as the user or REAPER does."""
        self._exit()
        with contextlib.suppress(ValueError):
            self.daw.scripts.remove(self)

    def call(self, name, arguments):
        """One call of `reaper.name`; what is no call that REAPER takes is kept as a fault, and raised."""
        try:
            if name in BUILT_IN:
                return getattr(self, name)(*arguments)
            function = FUNCTIONS.get(name) or IMGUI[name]
            return given(function, self.daw.modelled(name)(*taken(function, arguments)))
        except Fault as error:
            self.daw.faults.append(f"{Path(self.path).name}: {error}")
            raise

    # What is no function of the list: it belongs to the script

    def get_action_context(self):
        return True, self.daw.shown(self.path).encode(), 0, self.daw.command_of(self.path), -1, -1, 0.0, b""

    def set_action_options(self, flags):
        if not 0 < flags < 16 or flags & 12 == 12:
            raise Fault(f"set_action_options({flags})")
        self.daw.options[str(self.path)] = flags

    def new_array(self, size):
        return Array(int(size))

    @staticmethod
    def array_call(array, name, *arguments):
        """`buffer.clear`, `buffer.table` (as a list) and `buffer.get_alloc`."""
        if name == b"clear":
            array.values[:] = [float(arguments[0] or 0.0)] * len(array.values)
            return None
        if name == b"table":
            first = int(arguments[0] or 1)
            return array.values[first - 1 :][: int(arguments[1] or len(array.values))]
        return len(array.values)
