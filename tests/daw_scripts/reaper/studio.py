"""Where the scripts are, and a daemon to run them with."""

from pathlib import Path

from rig import Daemon

SCRIPTS = Path(__file__).parents[3] / "daw_scripts" / "reaper"


def running_daemon(folder):
    state = folder / "state"
    state.mkdir()
    running = Daemon(state)
    yield running
    if running.process.poll() is None:
        running.stop()
