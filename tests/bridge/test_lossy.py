"""Jobs over a network that loses, doubles and overtakes: each is rendered once and delivered whole."""

import socket
import threading
import time
from contextlib import suppress

import numpy as np
import pytest
import soundfile
from lossy import LossyNetwork
from pythonosc.osc_message import OscMessage
from rig import PlainClient, keys_of

from bridge.osc.client import Client
from bridge.protocol import messages as m
from bridge.protocol.codec import encode

JOBS = 200
AT_ONCE = 20
"""Jobs a client waits for at a time: re-sent requests stay below what one source may send."""
ASK_AGAIN_SECONDS = 0.5
FRAMES = 22050


@pytest.fixture
def network(daemon):
    with LossyNetwork(daemon.port, seed=17862) as lossy:
        yield lossy


@pytest.fixture
def tone(tmp_path):
    """One second of a tone, which the draft engine repaints in a few hundredths of a second."""
    path = tmp_path / "tone.wav"
    soundfile.write(path, (0.2 * np.sin(np.arange(44100) / 20)).astype(np.float32), 44100, subtype="FLOAT")
    return path


class Patient:
    """A script of somebody else that follows docs/osc.md: it asks until it is answered and confirms whole results."""

    def __init__(self, port):
        self.plain = PlainClient(port)
        self.asked, self.jobs, self.clips, self.count, self.whole = {}, {}, {}, {}, {}
        self.welcome = False

    def ask(self, request_id, *arguments):
        self.asked[request_id] = [time.monotonic(), arguments]
        self.plain.send("/punchin/repaint", request_id, *arguments)

    def unfinished(self):
        return len(self.asked) + sum(job not in self.whole for job in self.jobs.values())

    def hello(self):
        """Say who this is until the daemon has heard it."""
        while not self.welcome:
            self.plain.send("/punchin/hello", "h", "client", "script")
            self.listen()

    def listen(self):
        """Take what comes within a moment, and ask again what was not answered."""
        self.plain.socket.settimeout(0.05)
        with suppress(TimeoutError):
            self.take(OscMessage(self.plain.socket.recv(65536)))
        now = time.monotonic()
        for request_id, (at, arguments) in self.asked.items():
            if now - at > ASK_AGAIN_SECONDS:
                self.asked[request_id][0] = now
                self.plain.send("/punchin/repaint", request_id, *arguments)

    def take(self, message):
        match message.address, message.params:
            case "/punchin/accepted", [request_id, job]:
                self.asked.pop(request_id, None)
                assert self.jobs.setdefault(request_id, job) == job, "a request is one job"
            case "/punchin/clip", [job, index, _, *_]:
                self.clips.setdefault(job, {}).setdefault(index, message)
            case "/punchin/done", [job, count, cookie]:
                self.count[job] = count
                if len(self.clips.get(job, ())) == count:
                    self.whole[job] = cookie
                    self.plain.send("/punchin/received", job)
            case "/punchin/welcome", _:
                self.welcome = True
            case "/punchin/progress", _:
                pass
            case _:
                raise AssertionError(f"{message.address} {message.params}")


def states(port):
    """The states of all jobs as the daemon tells them, without a bad network in between."""
    client = PlainClient(port)
    client.send("/punchin/status", "s")
    *listed, end = client.listen("/punchin/status_end")
    client.close()
    assert end.params[1] == len(listed) == JOBS
    return {message.params[2] for message in listed}


def test_two_hundred_jobs_arrive_whole_and_once(daemon, network, tone, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    script = Patient(network.port)
    script.hello()
    for number in range(JOBS):
        while script.unfinished() >= AT_ONCE:
            script.listen()
        script.ask(
            f"r-{number}",
            *("source", str(tone), "start", 0.3, "end", 0.8, "seed", number),
            *("directory", str(out), "cookie", f"c-{number}"),
        )
    while script.unfinished():
        script.listen()
    # What was confirmed in vain comes again after a hello, and is confirmed again until the daemon knows.
    while states(daemon.port) != {"received"}:
        script.plain.send("/punchin/hello", "h", "client", "script")
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            script.listen()
    script.plain.close()

    assert len(set(script.jobs.values())) == JOBS
    assert {script.whole[job] for job in script.jobs.values()} == {f"c-{number}" for number in range(JOBS)}
    paths = set()
    for number in range(JOBS):
        job = script.jobs[f"r-{number}"]
        assert script.count[job] == 1
        (clip,) = script.clips[job].values()
        keys = keys_of(clip)
        assert (keys["seed"], keys["frames"], keys["cookie"]) == (number, FRAMES, f"c-{number}")
        assert soundfile.info(clip.params[3]).frames == FRAMES
        paths.add(clip.params[3])
    assert paths == {str(path) for path in out.iterdir()}, "one clip a job, none twice and none in parts"
    for direction in ("there", "back"):
        fate = {what: network.fate[direction, what] for what in ("lost", "doubled", "late", "passed")}
        assert min(fate.values()) >= 10, fate
        met = fate["lost"] + fate["late"] + fate["passed"] - fate["doubled"]
        assert fate["lost"] / met == pytest.approx(0.3, abs=0.1)


def test_our_own_client_takes_every_clip_once_and_in_order(daemon, network, tone):
    with Client("127.0.0.1", network.port) as client:
        for number in range(8):
            values = {
                "source": str(tone),
                "start": 0.3,
                "end": 0.8,
                "seed": 8 * number,
                "takes": 4,
                "cookie": str(number),
            }
            replies = list(client.render("repaint", values))
            clips = [reply for reply in replies if isinstance(reply, m.ClipReady)]
            assert [clip.index for clip in clips] == [0, 1, 2, 3]
            assert {clip.cookie for clip in clips} == {str(number)}
            assert len({clip.path for clip in clips}) == 4
            assert isinstance(replies[-1], m.Done)
            assert sum(isinstance(reply, m.Accepted) for reply in replies) == 1


def test_our_own_client_keeps_its_lease_alive_while_it_waits(monkeypatch):
    """A daemon that brings the result only to a client that speaks after it was answered."""
    monkeypatch.setattr("bridge.osc.client.KEEP_ALIVE_SECONDS", 0.05)
    strict = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    strict.bind(("127.0.0.1", 0))
    strict.settimeout(20)

    def answer():
        heard, sender = strict.recvfrom(8192)
        strict.sendto(encode(m.Accepted(request_id=OscMessage(heard).params[0], job_id="j")), sender)
        while OscMessage(strict.recv(8192)).address != "/punchin/ping":
            pass
        strict.sendto(encode(m.Done(job_id="j", count=0, cookie="")), sender)

    answering = threading.Thread(target=answer)
    answering.start()
    with Client(*strict.getsockname()) as client:
        replies = list(client.render("generate", {"prompt": "house", "length": 1.0}))
    answering.join()
    strict.close()
    assert [type(reply) for reply in replies] == [m.Accepted, m.Done]
