"""Understand selection: what is heard comes as a message, and as the item's notes where the user says yes."""

import json
import socket

import pytest
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder
from reaper import Sockets
from rig import keys_of

HEARD = {
    "engine": "acestep", "bpm": 120.0, "key": "C minor", "meter": "4/4", "language": "de", "caption": "dub,\nslow",
    "lyrics": "[Verse]\nÜber den Wolken", "measured_bpm": 119.62, "measured_key": "Eb major",
    "chords": json.dumps([[0.0, "Cm"], [2.0, "Ab"], [3.0, ""], [4, "G7"], [5e0, "N"]]),
    "lufs": -14.24, "peak_db": -0.3, "seconds": 6.0,
}  # fmt: skip
FACTS = [
    "Tempo: 120.0 BPM, 119.6 BPM measured", "Key: C minor, Eb major measured", "Meter: 4/4", "Language: de",
    "Chords: Cm Ab G7 –", "Loudness: -14.2 LUFS, peak -0.3 dB", "Caption: dub, slow",
]  # fmt: skip


class Listener:
    """Answers `understand` as an engine that knows all would; the first description of each job gets lost."""

    def __init__(self, state):
        state.mkdir()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        (state / "daemon.json").write_text(json.dumps({"port": self.socket.getsockname()[1]}))
        self.requests, self.received, self.projects = [], [], []

    def answer(self):
        try:
            data, self.peer = self.socket.recvfrom(65536)
        except BlockingIOError:
            return
        message = OscMessage(data)
        first = message.params[0]
        if message.address == "/punchin/hello":
            self.projects.append(keys_of(message, 1)["project"])
            self.say("/punchin/welcome", first, 1, "0", "draft", "idle")
        elif message.address == "/punchin/understand":
            number = len(self.requests)
            self.requests.append(keys_of(message, 1))
            self.say("/punchin/accepted", first, f"job-{number}")
            self.done(number)
            self.say("/punchin/description", f"job-{number}", *[part for pair in HEARD.items() for part in pair])
            self.done(number)
        elif message.address == "/punchin/received":
            self.received.append(first)

    def done(self, number):
        self.say("/punchin/done", f"job-{number}", 0, self.requests[number]["cookie"])

    def say(self, address, *arguments):
        builder = OscMessageBuilder(address)
        for argument in arguments:
            builder.add_arg(argument, "d" if isinstance(argument, float) else None)
        self.socket.sendto(builder.build().dgram, self.peer)


@pytest.fixture
def listener(tmp_path):
    listening = Listener(tmp_path / "listener")
    yield listening
    listening.socket.close()


@pytest.fixture
def daw(daws, tmp_path, listener):
    return daws(state=tmp_path / "listener")


@pytest.fixture
def items(daw, song):
    daw.modules["socket.core"] = Sockets().install
    added = [daw.project.add_item(daw.project.add_track(name), song, 4.0, 6.0, offset=1.0) for name in ("a", "b")]
    daw.project.time_selection = (5.0, 8.0)
    return added


def understand(daw, listener, *selected):
    daw.project.select(*selected)
    daw.answers.append({"Engine (auto/draft/acestep)": "draft"})
    daw.start(daw.actions_folder / "punchin_understand.lua")
    daw.until(lambda: listener.answer() or len(listener.received) == len(selected))


def test_what_is_heard_is_told_and_kept_in_the_notes(daw, listener, items, song):
    items[0].texts["P_NOTES"] = "mine"
    daw.project.select(*items)
    before = daw.save()
    daw.replies.append(True)
    understand(daw, listener, *items)
    assert listener.requests[0].keys() == {"source", "source_start", "source_length", "engine", "cookie"}
    assert [listener.requests[0][key] for key in ("source", "source_start", "source_length")] == [str(song), 2.0, 3.0]
    (message,) = daw.messages
    one = "\n".join([song.name, *FACTS, "[Verse]", "Über den Wolken"])
    assert message == f"{one}\n\n{one}\n\nKeep this in the notes of the item?"
    notes = "\n".join([*(f"# {fact}" for fact in FACTS), "[Verse]", "Über den Wolken"])
    assert [item.texts["P_NOTES"] for item in items] == [f"mine\n\n{notes}", notes]
    assert daw.project.ext.pop(("punchin", "key")) == "C minor"
    assert len(daw.project.undo) == 1
    daw.Undo_DoUndo2(0)
    daw.project.ext.clear()
    assert daw.save() == before


def test_no_leaves_the_project_as_it_is_and_recording_goes_on_undisturbed(daw, listener, items):
    daw.project.ext["punchin", "key"] = "A minor"
    daw.project.play_state = 5
    daw.project.select(items[0])
    daw.answers.append({})
    daw.start(daw.actions_folder / "punchin_understand.lua")
    daw.until(lambda: listener.answer() or listener.requests)
    for _ in range(20):
        listener.answer()
        daw.tick()
    assert daw.messages == []
    daw.project.play_state = 0
    daw.replies.append(False)
    daw.until(lambda: listener.answer() or listener.received)
    assert (len(daw.messages), daw.project.undo, daw.project.ext["punchin", "key"]) == (1, [], "A minor")


def test_another_project_in_front_says_hello(daw, listener, items):
    from reaper.model import Project

    daw.project.path = "/songs/Lied 1.rpp"
    daw.start(daw.actions_folder / "punchin_background.lua")
    daw.until(lambda: listener.answer() or listener.projects)
    daw.project = Project("C:\\songs\\Other.RPP", daw.project.media)
    daw.projects.append(daw.project)
    daw.until(lambda: listener.answer() or len(listener.projects) == 2)
    assert listener.projects == ["Lied 1", "Other"]
