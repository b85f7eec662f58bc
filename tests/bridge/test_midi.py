"""Controllers on a real JACK server: pad, daemon, DAW and server are processes of their own."""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest
from jackrig import running_jack
from midirig import Pad, put_map
from rig import Daemon, PlainClient, keys_of, until

pytestmark = [
    pytest.mark.midi,
    pytest.mark.skipif(sys.platform != "linux", reason="the dummy driver of JACK is tried on Linux"),
]

MAP = """
setup = ["f0 7d 01 f7"]
leave = ["f0 7d 00 f7"]
lights = { idle = 1, queued = 2, rendering = 3, done = 4, failed = 5 }

[[bind]]
on = "note 36"
action = "repaint"
by_value = { strength = [0.0, 1.0] }
lit = true

[[bind]]
on = "note 37"
action = "more takes"

[[bind]]
on = "note 38"
action = "keep"

[[show]]
value = "progress"
on = "cc 20"
"""
NOTES = "".join(
    f'[[bind]]\non = "note {note}"\naction = "n{note}"\nby_value = {{ v = [0, 127] }}\n' for note in range(40, 90)
)
SETUP, LEAVE = "f07d01f7", "f07d00f7"
IDLE, QUEUED, RENDERING, DONE, FAILED = (f"90240{state}" for state in range(1, 6))


@pytest.fixture(scope="module")
def jack():
    with running_jack("midi") as server:
        yield server


@contextmanager
def daemon_with_a_map(folder, text=MAP):
    state = folder / "state"
    state.mkdir()
    put_map(state, text)
    daemon = Daemon(state)
    try:
        yield daemon
    finally:
        daemon.stop()


@pytest.fixture(scope="module")
def running(jack, tmp_path_factory):
    with daemon_with_a_map(tmp_path_factory.mktemp("midi")) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def pad(running):
    """Plugged in, found and set up."""
    plugged = Pad()
    plugged.hears(SETUP, IDLE)
    yield plugged
    plugged.close()


@pytest.fixture(autouse=True)
def nothing_heard(pad):
    """What an earlier test has led to is of no matter."""
    pad.heard.clear()


@pytest.fixture
def daw(running):
    client = connected(running)
    yield client
    client.close()


def connected(daemon):
    client = PlainClient(daemon.port)
    client.send("/punchin/hello", "h-1", "client", "daw-1", "daw", "reaper")
    client.listen("/punchin/welcome")
    return client


def test_without_a_daw_a_pad_says_so_or_means_the_last_job(running, pad):
    pad.send("902664")
    pad.hears(FAILED)
    assert "keep: no DAW is connected" in (running.state / "logs" / "punchin.log").read_text("utf-8")
    client = PlainClient(running.port)
    client.send("/punchin/generate", "g-1", "prompt", "house", "length", 2.0, "seed", 5, "engine", "draft")
    client.send("/punchin/received", client.listen("/punchin/done")[-1].params[0])
    pad.hears(DONE)
    client.send("/punchin/subscribe", "s-1")
    pad.send("902564")
    more = client.listen("/punchin/done")[-1].params[0]
    client.send("/punchin/status", "s-2", "job", more)
    (clip,) = [message for message in client.listen("/punchin/done") if message.address == "/punchin/clip"]
    assert keys_of(clip)["seed"] == 6
    client.close()


def test_a_note_becomes_a_clip_and_lights(pad, daw, song):
    pad.send("902466")
    run = daw.listen("/punchin/run")[-1]
    assert run.params[1] == "repaint"
    assert keys_of(run, 2) == {"strength": pytest.approx(102 / 127, abs=1e-4)}
    daw.send(
        "/punchin/repaint", "r-1", "source", str(song), "start", 4.0, "end", 8.0, "takes", 3, "engine", "draft",
        *run.params[2:],
    )  # fmt: skip
    clips = [message for message in daw.listen("/punchin/done") if message.address == "/punchin/clip"]
    assert len(clips) == 3
    pad.hears(DONE)
    assert RENDERING in pad.heard
    if "b0147f" not in pad.heard:
        pad.hears("b0147f")
    values = [int(message[4:], 16) for message in pad.heard if message.startswith("b014")]
    assert any(0 < value < 127 for value in values), "progress is shown while it renders"


def test_a_burst_of_500_notes_loses_none(tmp_path):
    with running_jack("burst", synchronous=True) as server, daemon_with_a_map(tmp_path, NOTES) as daemon:
        daw, pad = connected(daemon), Pad()
        until(lambda: "listening to pad:keys" in (daemon.state / "logs" / "punchin.log").read_text("utf-8"))
        pad.send("burst 500")
        runs = [message for message in daw.listen("/punchin/run", count=500) if message.address == "/punchin/run"]
        server.stop()
        daw.close()
        pad.kill()
    assert [(run.params[1], run.params[3]) for run in runs] == [
        (f"n{40 + number % 50}", 1 + number // 50) for number in range(500)
    ]


def punchin(state, *words):
    command = [sys.executable, "-m", "bridge", "midi", *words, "--state", str(state)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_a_map_is_learned_and_used_at_once(running, pad, daw):
    learning = punchin(running.state, "learn", "repaint", "--name", "learned", "--prompt", 'say "ü"', "--port", "pad:*")
    assert "press the control" in learning.stdout.readline()
    pad.send("b05570")
    out, _ = learning.communicate(timeout=30)
    assert "cc 85 channel 1 of pad:keys" in out
    until((running.state / "midi" / "learned.toml").exists)

    def answered():
        pad.send("b05500")
        pad.send("b05570")
        try:
            return daw.listen("/punchin/run", seconds=0.5)[-1]
        except AssertionError:
            return None

    assert keys_of(until(answered), 2) == {"prompt": 'say "ü"'}


def test_ports_and_maps_are_listed_and_lights_are_tried(running, pad):
    listed = punchin(running.state, "list", "--json").communicate(timeout=30)[0]
    assert '"pad:keys"' in listed
    assert '"lamp:lamps"' in listed
    assert '"launchpad"' in listed
    pad.heard.clear()
    assert punchin(running.state, "test", "pad", "--seconds", "0.05").wait(30) == 0
    pad.hears(SETUP, IDLE, QUEUED, RENDERING, DONE, FAILED)


@pytest.mark.parametrize(("words", "code"), [(["monitor"], 2), (["list"], 1)])
def test_without_a_server_the_commands_say_so_and_end(tmp_path, words, code):
    environment = {**os.environ, "JACK_DEFAULT_SERVER": "nobody"}
    command = [sys.executable, "-m", "bridge", "midi", *words, "--state", str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code
    assert "MIDI" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_another_program_of_jack_is_heard(running, daw):
    if shutil.which("jack_midiseq") is None:
        pytest.skip("jack_midiseq is not installed (Debian: jackd2)")
    with subprocess.Popen(
        ["jack_midiseq", "padseq", "48000", "0", "36", "9600"], stdout=subprocess.DEVNULL
    ) as sequencer:
        try:
            assert daw.listen("/punchin/run")[-1].params[1] == "repaint"
        finally:
            sequencer.kill()


REPLUGGED = """
import os
from bridge.midi.system import system
ports = system("replugged")
for _ in range(4):
    opened = [ports.listen("pad:keys", print), ports.sender("lamp:lamps")]
    while opened:
        ports.close(opened.pop())
    print(len(os.listdir("/proc/self/fd")), flush=True)
os._exit(0)
"""


def test_a_device_that_comes_and_goes_leaves_nothing_open(pad):
    done = subprocess.run([sys.executable, "-c", REPLUGGED], capture_output=True, text=True, timeout=60, check=True)
    assert len(set(done.stdout.split())) == 1, done.stdout


def test_unplugged_and_plugged_in_again(pad, daw):
    pad.close()
    pad.plug()
    pad.hears(SETUP)
    pad.send("902440")
    assert daw.listen("/punchin/run")[-1].params[1] == "repaint"


def test_a_daemon_that_ends_leaves_the_pads_dark_and_the_next_one_lights_them(running, pad):
    running.stop()
    pad.hears("902400", LEAVE)
    running.start()
    pad.hears(SETUP, IDLE)


def test_the_server_dies_and_returns(jack, running, pad, daw):
    jack.kill()
    pad.kill()
    log = running.state / "logs" / "punchin.log"
    until(lambda: "MIDI: the JACK server has gone" in log.read_text("utf-8"))
    daw.send("/punchin/ping", "p-1")
    daw.listen("/punchin/pong")
    jack.start()
    pad.plug()
    pad.hears(SETUP)
    pad.send("902440")
    assert daw.listen("/punchin/run")[-1].params[1] == "repaint"
