"""A simulated Live with the script as the installer puts it there, and what tests do with it."""

import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import soundfile
from live import Live

SCRIPT = Path(__file__).parents[3] / "daw_scripts" / "ableton" / "Punchin"
CHANNEL = 15
BINDINGS = json.loads((SCRIPT / "bindings.json").read_text())
NOTES = {text.split(":")[0]: int(note) for note, text in BINDINGS["notes"].items()}


class Booth:
    """One Live. `state` is the daemon's folder; options are those of the simulated Live."""

    def __init__(self, folder, state, command=(), **options):
        self.library = folder / "User Library"
        self.package = self.library / "Remote Scripts" / "Punchin"
        shutil.copytree(SCRIPT, self.package, ignore=shutil.ignore_patterns("__pycache__"))
        config = {"state": str(state), "daemon": list(command)}
        (self.package / "config.json").write_text(json.dumps(config), "utf-8")
        self.live = Live(**options)
        self.script = self.live.start(self.package)
        self.user = self.live.user
        self.live.run(0.1)
        if (Path(state) / "daemon.json").exists() and self.script._work:
            self.live.until(lambda: self.script._work.session.is_open, 20)

    @property
    def song(self):
        return self.live.song

    @property
    def track(self):
        return self.song.tracks[0]

    @property
    def said(self):
        """The sentences of the script, without those of progress."""
        lines = [line.replace("punchin: ", "", 1) for line in self.live.messages]
        return [line for line in lines if not line.endswith("%")]

    def press(self, action):
        """A pad of the bindings that come with the script."""
        number = NOTES[action]
        self.live.midi_in(0x90 | CHANNEL, number, 100)
        self.live.midi_in(0x80 | CHANNEL, number, 0)

    def ask(self, action, said="Done.", seconds=60):
        """Press, and wait for one sentence."""
        count = self.said.count(said)
        self.press(action)
        self.live.until(lambda: self.said.count(said) > count, seconds)

    def close(self):
        self.live.quit()
        assert self.live.faults == []


def samples(path):
    """[frames, channels] and rate of a file."""
    return soundfile.read(path, dtype="float32", always_2d=True)


def changed(one, other):
    """First and last + 1 of the frames in which two files differ; both have the same length."""
    different = np.flatnonzero((one != other).any(axis=1))
    return (int(different[0]), int(different[-1]) + 1) if len(different) else None


def newest_spec(daemon):
    """What the daemon was asked for last."""
    database = sqlite3.connect(f"file:{daemon.state / 'jobs.sqlite'}?mode=ro", uri=True)
    (spec,) = database.execute("select spec from jobs order by sequence desc limit 1").fetchone()
    database.close()
    return json.loads(spec)
