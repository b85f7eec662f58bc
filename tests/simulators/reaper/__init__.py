"""A REAPER without a window: real Lua 5.4, real audio files, and a `reaper` table as strict as the official list allows.

Scripts run unmodified. What they may call, with which arguments, stands in `functions.txt` and `parameters.txt`; what the
calls do is written in the `*_calls` modules on the state of `model.py`. A call that the list has and the rig does not model
fails, so no test passes on behaviour that nobody wrote down. Faults are kept even where a script catches the error.
"""

from reaper.host import Reaper
from reaper.sockets import Sockets

__all__ = ["Reaper", "Sockets"]
