"""Nothing leaves this machine: every address that daemon and worker speak to is noted by an audit hook."""

import os
from pathlib import Path

from rig import Daemon, PlainClient

NOTING = """
import os, sys
EVENTS = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname")
noted = open(os.environ["NOTED"] + f"/{os.getpid()}", "a", buffering=1)
def note(event, arguments):
    if event in EVENTS:
        print(event, arguments[0] if event.startswith("socket.get") else arguments[1], file=noted)
sys.addaudithook(note)
"""


def test_a_daemon_that_renders_speaks_to_loopback_only(song, tmp_path, monkeypatch):
    hook, noted, state = tmp_path / "hook", tmp_path / "noted", tmp_path / "state"
    for folder in (hook, noted, state):
        folder.mkdir()
    (hook / "sitecustomize.py").write_text(NOTING)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(hook), os.environ.get("PYTHONPATH")])))
    monkeypatch.setenv("NOTED", str(noted))
    daemon = Daemon(state)
    client = PlainClient(daemon.port)
    try:
        client.send("/punchin/generate", "r-1", "prompt", "house", "length", 1.0)
        client.listen("/punchin/done")
        client.send("/punchin/extract", "r-2", "source", str(song), "tracks", "all")
        client.listen("/punchin/done")
        worker = daemon.worker().pid
    finally:
        client.close()
        daemon.stop()
    lines = {int(path.name): path.read_text().splitlines() for path in Path(noted).iterdir()}
    assert lines[worker] == []
    assert lines[daemon.process.pid], "the daemon's answers are seen"
    assert {line.split("'")[1] for line in lines[daemon.process.pid]} == {"127.0.0.1"}
