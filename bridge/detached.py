"""Starts the daemon from inside another program: `python -m bridge.detached serve …` returns at once.

A DAW's child would keep the DAW's open files, its sound card among them, for as long as it lives, and would end with the
terminal that the DAW was started from.
"""

import subprocess
import sys


def main() -> None:
    """Run `punchin` with the arguments that came, in a session of its own and without any file of the caller's."""
    nothing = subprocess.DEVNULL
    subprocess.Popen(  # noqa: S603  our own module in this Python
        [sys.executable, "-m", "bridge", *sys.argv[1:]],
        stdin=nothing,
        stdout=nothing,
        stderr=nothing,
        start_new_session=True,
    )


if __name__ == "__main__":
    main()
