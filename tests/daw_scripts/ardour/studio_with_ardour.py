"""A daemon, a screen, and an Ardour whose scripts the installer has put in."""

import json
import sqlite3
import time
from xml.etree import ElementTree as ET

import psutil
from ardour_rig import HERE as SCRIPTS_OF_TESTS
from ardour_rig import RATE, Ardour, Display, add_hook, make_home, make_session, until
from rig import Daemon, PlainClient

from bridge.install import ardour as installer
from bridge.install import ardour_list

TICKS = 282_240_000 // RATE
"""Of Ardour's clock, in one frame."""


class Studio:
    def __init__(self, folder, song):
        self.folder, self.song = folder, song
        self.state, self.home = folder / "state", folder / "home"
        self.state.mkdir()
        self.home.mkdir()
        config = make_home(self.home)
        add_hook(config, "window of the tests", (SCRIPTS_OF_TESTS / "window.lua").read_text())
        installer.put_in(config, self.state)
        self.slots = ardour_list.read((config / "ui_scripts").read_text()).named()
        self.session = make_session(folder / "song", self.home, [])
        self.daemon = Daemon(self.state)
        self.display = Display()
        self.open()
        self.numbers = 0

    def open(self):
        self.ardour = Ardour(self.display, self.home, self.session)

    def close(self):
        self.ardour.quit()
        self.display.close()
        if self.daemon.process.poll() is None:
            self.daemon.stop()
        else:
            started = psutil.Process(self.daemons_pid())
            started.terminate()
            started.wait(20)

    def daemons_pid(self):
        """Of the daemon that runs: Ardour starts another one where ours is gone."""
        return json.loads((self.state / "daemon.json").read_text())["pid"]

    def ask(self, code):
        return self.ardour.ask(code)

    def new_track(self, name, position=RATE, channels=2):
        """A track with the song at a frame."""
        self.ask(f'new_track("{name}", {channels}, "{self.song}", {position})')

    def select(self, name, start, stop):
        """A range, in frames, on one track."""
        self.ask(f'select_range("{name}", {start}, {stop})')

    def trigger(self, action, **answers):
        """What a control surface sends: the action runs in Ardour without its dialog."""
        client = PlainClient(self.daemon.port)
        values = [part for key, value in answers.items() for part in (key, value)]

        def accepted():
            self.numbers += 1
            client.send("/punchin/trigger", f"pad-{self.numbers}", "action", action, *values)
            return client.listen("/punchin/accepted", "/punchin/rejected")[-1].address == "/punchin/accepted"

        until(accepted)  # a new daemon does not know Ardour before its next hello
        client.close()

    def choose(self, action):
        """Run an action as the menu does; gives the window that it opens. `Ardour.answer` waits until that is closed."""
        self.ardour.begin(f'Editor:access_action("LuaAction", "script-{self.slots[f"punchin: {action}"]}")')
        window = until(lambda: self.display.window("^punchin"))
        time.sleep(0.5)  # until a field has the keyboard
        return window

    def message(self):
        """The window of a message, or nothing."""
        return self.display.window("^punchin$")

    def regions(self, name):
        """Regions of a track, the lowest first: (name, position, length, layer, fades in, fades out)."""
        lines = [line.split("\t") for line in self.ask(f'return regions("{name}")').splitlines()]
        return [
            (line[0], int(line[1]), int(line[2]), int(line[3]), line[4] == "true", line[5] == "true") for line in lines
        ]

    def wait_for_regions(self, name, count):
        return until(lambda: (found := self.regions(name)) and len(found) >= count and found)

    def notes(self, name):
        """Notes of the region of a MIDI track: (pitch, first frame)."""
        return [tuple(int(part) for part in line.split()) for line in self.ask(f'return notes("{name}")').splitlines()]

    def midi_files(self):
        """Of all jobs of the daemon."""
        return set(self.state.rglob("*.mid"))

    def tracks(self):
        return self.ask("return track_names()").splitlines()

    def wait_for_track(self, name):
        """A new track of this name that has got its region."""
        until(lambda: name in self.tracks() and self.regions(name))

    def jobs(self):
        """Every job of the daemon, oldest first: its columns, and the spec read."""
        with sqlite3.connect(self.state / "jobs.sqlite") as store:
            store.row_factory = sqlite3.Row
            return [dict(row) for row in store.execute("SELECT * FROM jobs ORDER BY rowid")]

    def spec(self):
        """What the last job was asked for."""
        return json.loads(self.jobs()[-1]["spec"])

    def state_of(self, prompt):
        """Of the job with this prompt, or nothing while there is none."""
        return next((job["state"] for job in self.jobs() if json.loads(job["spec"]).get("prompt") == prompt), None)

    def _spool(self):
        """The folder through which the session that is open speaks with the daemon."""
        (folder,) = (self.state / "spool").iterdir()
        return folder

    def greeted_at(self):
        """When Ardour has said hello last, and got no answer yet."""
        return (self._spool() / "hello.osc").stat().st_mtime_ns

    def delivered(self):
        """How many messages the daemon has sent to Ardour."""
        return int((self._spool() / "next-out").read_text())

    def said_by_the_background(self):
        """What actions learn of the script that talks with the daemon."""
        return (self._spool() / "alive").read_text()

    def saved(self, name):
        """Regions of a track in the saved session: name to (position, length) in frames."""
        self.ask('Session:save_state("", false, false, false, false, false)')
        found = {}
        for playlist in ET.parse(self.session).getroot().iter("Playlist"):
            if playlist.get("name") == name:
                for region in playlist.findall("Region"):
                    length, position = (int(part.lstrip("a")) for part in region.get("length").split("@"))
                    assert length % TICKS == position % TICKS == 0
                    found[region.get("name")] = (position // TICKS, length // TICKS)
        return found

    def saved_notes(self, name):
        """Regions of a MIDI track in the saved session: (name, position in frames, length in ticks of a quarter note)."""
        self.ask('Session:save_state("", false, false, false, false, false)')
        root = ET.parse(self.session).getroot()
        assert name in {route.get("name") for route in root.iter("Route") if route.get("default-type") == "midi"}
        (playlist,) = (each for each in root.iter("Playlist") if each.get("name") == name)
        found = []
        for region in playlist.findall("Region"):
            length, position = region.get("length").removeprefix("b").split("@a")
            assert int(position) % TICKS == 0
            found.append((region.get("name"), int(position) // TICKS, int(length)))
        return found

    def undo(self):
        self.ask("Editor:undo(1)")
