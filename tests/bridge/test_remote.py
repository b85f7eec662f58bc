"""A daemon that another machine reaches: the laptop in the studio, the GPU box in the next room."""

import hashlib
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from network import own_address, two_machines
from rig import Daemon, PlainClient
from test_tcp import LIMIT, StreamClient

from bridge.osc.framing import LengthPrefix
from bridge.protocol import messages as m
from bridge.protocol.codec import encode
from bridge.protocol.messages import LARGEST_PIECE
from bridge.remote import carrying, token
from bridge.remote.client import TcpClient
from bridge.remote.gate import LARGEST_HELLO
from engine.spec import RenderSpec

MUSIC = Path(__file__).parents[2] / "bridge" / "demo" / "audio" / "escape_from_chaosland.ogg"
WRONG = "w" * 43


def sha(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def state(tmp_path):
    folder = tmp_path / "state"
    token.make(folder)
    return folder


def ended(daemon):
    if daemon.process.poll() is None:
        daemon.stop()


# Two machines


ASK = """
import sys
from bridge.remote.client import TcpClient
host, port, token = sys.argv[1:]
with TcpClient(host, int(port), "laptop", token) as client:
    for key in ("source", "reference", "directory"):
        reply = client.ask("generate", {"prompt": "x", "length": 1.0, key: "/etc"})
        print(key, type(reply).__name__, reply.code, "/punchin/" in reply.message)
"""
UDP = """
import socket, sys
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.settimeout(2)
udp.connect((sys.argv[1], int(sys.argv[2])))
udp.send(b"/punchin/ping\\0\\0\\0,s\\0\\0p\\0\\0\\0")
try:
    print(udp.recv(1000))
except OSError:
    print("nothing")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_a_laptop_renders_on_a_box_in_the_next_room(state, tmp_path):
    right = token.read(state)
    with two_machines() as machines:
        daemon = Daemon(state, "0.0.0.0", machines.at_server)
        try:
            there = [machines.host, str(daemon.port)]

            def at_laptop(*words, key=None):
                environment = {name: value for name, value in os.environ.items() if name != "PUNCHIN_TOKEN"}
                return subprocess.run(
                    [*machines.at_client, sys.executable, *words],
                    capture_output=True,
                    text=True,
                    timeout=120,
                    check=False,
                    env=environment | ({"PUNCHIN_TOKEN": key} if key else {}),
                )

            def punchin(*words, key=right):
                place = ["--host", there[0], "--port", there[1], "--state", str(tmp_path / "laptop")]
                return at_laptop("-m", "bridge", *words, *place, key=key)

            repaint = ["send", "repaint", "--source", str(MUSIC), "--start", "2.25", "--end", "4.5", "--seed", "7"]
            repaint += ["--takes", "2", "--out", str(tmp_path / "song"), "--json"]
            for key in (None, WRONG):
                refused = punchin(*repaint, key=key)
                assert refused.returncode == 1
                assert "token: is missing or wrong" in refused.stderr
            assert not (state / "uploads").exists() or list((state / "uploads").iterdir()) == []

            sent = punchin(*repaint)
            assert sent.returncode == 0, sent.stderr
            result = json.loads(sent.stdout)
            assert [clip["frames"] for clip in result["clips"]] == [round(2.25 * 44100)] * 2
            here = [Path(clip["path"]) for clip in result["clips"]]
            assert {path.parent for path in here} == {tmp_path / "song"}
            assert all(path.name.startswith("escape_from_chaosland_repaint") for path in here)
            rendered = [state / "clips" / result["job_id"] / path.name for path in here]
            assert [path.read_bytes() for path in here] == [path.read_bytes() for path in rendered]
            (upload,) = [path for path in (state / "uploads").rglob("*") if path.is_file()]
            assert upload.read_bytes() == MUSIC.read_bytes()

            listed = json.loads(punchin("jobs", "--json").stdout)
            assert [(job["verb"], job["state"]) for job in listed] == [("repaint", "received")]

            told = at_laptop("-c", ASK, *there, right).stdout.splitlines()
            assert told == [f"{key} Rejected unauthorized True" for key in ("source", "reference", "directory")]
            assert at_laptop("-c", UDP, *there).stdout.strip() == "nothing"

            found = json.loads(at_laptop("-m", "bridge", "discover", "--json").stdout)
            assert int(there[1]) in [each["port"] for each in found if each["host"] == there[0]]
            assert right not in json.dumps(found)
        finally:
            ended(daemon)
    written = [*(state / "logs").iterdir(), tmp_path / "daemon.log"]
    for path in written:
        text = path.read_text()
        assert right not in text
        assert WRONG not in text
    assert token.token_file(state).stat().st_mode & 0o777 == 0o600


# One machine, by its address on the network


@pytest.fixture
def daemon(state):
    running = Daemon(state, own_address())
    yield running
    ended(running)


class Laptop(StreamClient):
    """Says hello on the way in."""

    def __init__(self, daemon, name="laptop", key=None):
        super().__init__(daemon.port, LengthPrefix(LIMIT), daemon.host)
        self.send("/punchin/hello", "h", client=name, token=key or token.read(daemon.state))
        self.welcome = None if key else self.listen("/punchin/welcome")[-1]

    def put(self, whole, offset, **more):
        data = whole[offset : offset + LARGEST_PIECE]
        values = {"upload": sha(whole), "offset": offset, "total": len(whole), "checksum": sha(data), "data": data}
        self.socket.sendall(self.framing.frame(encode(m.Put(request_id=f"p{offset}", **values | more))))
        return self.listen("/punchin/put_ok", "/punchin/rejected")[-1]

    def bring(self, whole):
        for offset in range(0, len(whole), LARGEST_PIECE):
            answer = self.put(whole, offset)
        assert answer.params[2:] == [len(whole), len(whole)]

    def get(self, job, index, offset, length):
        request = m.Get(request_id="g", job=job, index=index, offset=offset, length=length)
        self.socket.sendall(self.framing.frame(encode(request)))

    def asked(self, address, **values):
        self.send(address, "q", **values)
        return self.listen(
            *(f"/punchin/{name}" for name in ("accepted", "rejected", "status_end", "welcome", "put_ok", "pong"))
        )[-1]


def hung_up(client):
    client.socket.settimeout(30)
    try:
        return client.socket.recv(1000) == b""
    except ConnectionResetError:
        return True
    finally:
        client.socket.close()


def test_the_welcome_tells_no_path(daemon):
    laptop = Laptop(daemon)
    assert laptop.welcome.params[0] == "h"
    assert laptop.welcome.params[4] == ""
    laptop.socket.close()


def test_guessing_ends_the_connection_and_keeps_the_host_out_but_not_this_machine(daemon):
    guessing = Laptop(daemon, key=WRONG)
    guessing.send("/punchin/ping", "p")
    guessing.send("/punchin/hello", "h", client="laptop", token="")
    assert [message.params[1] for message in guessing.listen("/punchin/rejected")] == ["unauthorized"]
    for _ in range(2):
        assert guessing.listen("/punchin/rejected")[-1].params[1] == "unauthorized"
    assert hung_up(guessing)
    # One more guess doubles the pause each time: a stubborn host meets a closed door soon.
    doors = []
    while not doors or not doors[-1]:
        again = StreamClient(daemon.port, LengthPrefix(LIMIT), daemon.host)
        with suppress(ConnectionError):
            again.send("/punchin/hello", "h", client="laptop", token=WRONG)
        doors.append(hung_up(again))
        assert len(doors) < 20
    local = PlainClient(daemon.port)
    local.send("/punchin/ping", "p")
    assert local.listen("/punchin/pong")[-1].params == ["p"]
    local.close()


def test_a_large_packet_before_the_hello_ends_the_connection(daemon):
    stranger = StreamClient(daemon.port, LengthPrefix(LIMIT), daemon.host)
    stranger.socket.sendall(struct.pack(">i", LARGEST_HELLO + 4))
    assert hung_up(stranger)
    laptop = Laptop(daemon)
    laptop.bring(os.urandom(LARGEST_PIECE))
    laptop.socket.close()


def test_an_upload_goes_on_after_a_broken_connection_and_is_rendered(daemon):
    whole = MUSIC.read_bytes()
    assert len(whole) > 2 * LARGEST_PIECE
    first = Laptop(daemon)
    first.put(whole, 0)
    first.put(whole, LARGEST_PIECE)
    first.socket.sendall(struct.pack(">i", 60_000) + b"/punchin/put")
    first.socket.close()
    laptop = Laptop(daemon)
    early = laptop.asked("/punchin/extract", source=f"upload:{sha(whole)}", tracks="drums")
    assert early.params[1] == "not_found"
    assert laptop.put(whole, 0).params[2] == 2 * LARGEST_PIECE
    for offset in range(2 * LARGEST_PIECE, len(whole), LARGEST_PIECE):
        laptop.put(whole, offset)
    laptop.send("/punchin/extract", "r-1", source=f"upload:{sha(whole)}", tracks="drums", name="song")
    got = laptop.listen("/punchin/done")
    job_id, clip = got[-1].params[0], got[-2]
    keys = dict(zip(clip.params[4::2], clip.params[5::2], strict=True))
    assert clip.params[3] == f"remote:{job_id}/0"
    rendered = daemon.state / "clips" / job_id / keys["file"]
    size = rendered.stat().st_size
    fetched = b""
    while len(fetched) < size:
        laptop.get(job_id, 0, len(fetched), m.LARGEST_GET)
        while len(fetched) < size:
            part = laptop.listen("/punchin/part")[-1]
            assert part.params[1:4] == [len(fetched), size, sha(part.params[4])]
            fetched += part.params[4]
            if len(fetched) % m.LARGEST_GET == 0:
                break
    assert fetched == rendered.read_bytes()
    for wrong in ((1, 0), (0, size)):
        laptop.get(job_id, *wrong, 1)
        laptop.listen("/punchin/rejected")
    laptop.socket.close()


def test_names_of_uploads_are_no_paths_and_no_other_clients(daemon):
    laptop, other = Laptop(daemon), Laptop(daemon, "other")
    laptop.bring(b"RIFF, more or less")
    for name in ("../../token", "/etc/passwd", "", sha(b"").upper(), "\x01" * 64):
        refused = laptop.asked("/punchin/extract", source=f"upload:{name}", tracks="drums")
        assert refused.params[1] == "invalid"
        assert "64 hexadecimal digits" in refused.params[2]
    refused = other.asked("/punchin/extract", source=f"upload:{sha(b'RIFF, more or less')}", tracks="drums")
    assert refused.params[1] == "not_found"
    for path in ("/etc/passwd", str(MUSIC), "C:\\a.wav", "\\\\host\\a.wav", "../a.wav", 5):
        refused = laptop.asked("/punchin/extract", source=path, tracks="drums")
        assert refused.params[1] == "unauthorized"
        assert "/punchin/put" in refused.params[2]
    for address, values in {
        "/punchin/generate": {"prompt": "x", "length": 1.0, "directory": "/tmp"},
        "/punchin/trigger": {"action": "repaint", "source": "/etc/passwd"},
        "/punchin/retry": {"job": "j", "directory": "/tmp"},
        "/punchin/repaint": {"model": "/home/user/checkpoint", "start": 0.0, "end": 1.0},
        "/punchin/cover": {"prompt": "x", "lora": "..\\style.safetensors"},
    }.items():
        assert laptop.asked(address, **values).params[1] == "unauthorized"
    for client in (laptop, other):
        client.socket.close()


def test_every_key_that_holds_a_path_is_watched():
    from bridge.remote.names import FILES, FOLDERS

    paths = {name for name, field in RenderSpec.model_fields.items() if "Path" in str(field.annotation)}
    assert paths == {*FILES, *FOLDERS}


def test_jobs_of_this_machine_are_unknown_to_another(daemon):
    local = PlainClient(daemon.port)
    local.send("/punchin/hello", "h", "client", "reaper", "daw", "reaper")
    laptop = Laptop(daemon, "reaper")
    local.send("/punchin/generate", "r-1", "prompt", "house", "length", 1.0)
    job_id = local.listen("/punchin/done")[-1].params[0]
    for address in ("/punchin/status", "/punchin/cancel", "/punchin/retry"):
        assert laptop.asked(address, job=job_id).params[1:] == ["not_found", f"no job {job_id} is known here"]
    laptop.get(job_id, 0, 0, 100)
    assert laptop.listen("/punchin/rejected")[-1].params[1] == "not_found"
    assert laptop.asked("/punchin/status").params == ["q", 0]
    local.send("/punchin/status", "s")
    assert local.listen("/punchin/status_end")[-1].params == ["s", 1]
    laptop.socket.close()
    local.close()


# Through a tunnel, where the daemon takes the client for one of its own machine, on a line that breaks


class Breaking:
    """Passes bytes on to a port of this machine, and drops the connection after each of some amounts."""

    def __init__(self, port, amounts):
        self.port, self.amounts, self.dropped = port, list(amounts), 0
        self.listening = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listening.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.port))
            left = [self.amounts.pop(0) if self.amounts else 1 << 60]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(source, sink, left), daemon=True).start()

    def _pass(self, source, sink, left):
        with suppress(OSError):
            while data := source.recv(16384):
                sink.sendall(data)
                left[0] -= len(data)
                if left[0] <= 0:
                    self.dropped += 1
                    break
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Garbling(TcpClient):
    """Gets the first piece of a clip with other bytes than were sent."""

    garbled = 0

    def replies(self, seconds):
        for reply in super().replies(seconds):
            if isinstance(reply, m.Part) and not self.garbled:
                self.garbled += 1
                yield reply.model_copy(update={"data": bytes(len(reply.data))})
            else:
                yield reply


def test_what_the_line_breaks_off_or_garbles_is_taken_up_again(tmp_path):
    (tmp_path / "state").mkdir()
    daemon = Daemon(tmp_path / "state")
    line = Breaking(daemon.port, [100_000, 150_000, 400_000])
    values = {"source": str(MUSIC), "start": 1.0, "end": 3.0, "seed": 1}
    try:
        with Garbling("127.0.0.1", line.listening.getsockname()[1], "laptop", None) as client:
            replies = list(carrying.render(client, "repaint", values, tmp_path / "here"))
    finally:
        line.listening.close()
        daemon.stop()
    clips = [reply for reply in replies if isinstance(reply, m.ClipReady)]
    assert isinstance(replies[-1], m.Done)
    assert [clip.frames for clip in clips] == [2 * 44100]
    (there,) = (daemon.state / "clips" / clips[0].job_id).iterdir()
    assert clips[0].path.parent == tmp_path / "here"
    assert clips[0].path.read_bytes() == there.read_bytes()
    assert [path.name for path in (tmp_path / "here").iterdir()] == [there.name]
    assert line.dropped >= 2
    assert client.garbled == 1
