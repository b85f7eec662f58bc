"""Takes played by a running daemon, recorded by a JACK client; and what is said where there is nothing to play on."""

import json
import os
import subprocess
import sys

import numpy as np
import psutil
import pytest
import soundfile
from jackrig import PERIOD, RATE, Recorder, running_jack
from rig import Daemon, PlainClient, keys_of, until

from bridge.audition import device
from bridge.audition.orders import ANSWER, Output, Part, Play
from engine.errors import Unsupported
from engine.spec import RenderSpec

pytestmark = pytest.mark.audio

BPM = 240.0
"""A bar lasts a second."""


@pytest.fixture(scope="module")
def server():
    with running_jack("audition", synchronous=True) as running:
        yield running


@pytest.fixture(scope="module")
def recorder(server):
    client = Recorder("recorder")
    yield client
    client.close()


@pytest.fixture(scope="module")
def heard_daemon(recorder, tmp_path_factory):
    state = tmp_path_factory.mktemp("audition") / "state"
    state.mkdir()
    os.environ["PUNCHIN_AUDIO_DEVICE"] = "record"
    running = Daemon(state)
    yield running
    running.stop()
    del os.environ["PUNCHIN_AUDIO_DEVICE"]


@pytest.fixture
def daw(heard_daemon):
    client = PlainClient(heard_daemon.port)
    yield client
    client.close()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Eight seconds of a chord and a pulse, with a sample in every frame."""
    time = np.arange(8 * RATE) / RATE
    samples = sum(0.1 * np.sin(2 * np.pi * hertz * time) for hertz in (220.0, 277.2, 329.6))
    samples = samples * (0.3 + 0.7 * np.exp(-8 * (time % 0.25))) + 0.001
    path = tmp_path_factory.mktemp("music") / "source.wav"
    soundfile.write(path, np.stack([samples, samples], axis=1), RATE, subtype="FLOAT")
    return path


@pytest.fixture(scope="module")
def rendered(heard_daemon, source):
    """Two takes of a bar in the middle of the source: job id and samples [frames, channels] of each."""
    client = PlainClient(heard_daemon.port)
    place = ("source", str(source), "start", 3.0, "end", 4.0, "bpm", BPM, "takes", 2, "seed", 8)
    client.send("/punchin/repaint", "r", *place, "engine", "draft")
    got = client.listen("/punchin/done")
    client.send("/punchin/received", got[0].params[1])
    paths = [message.params[3] for message in got if message.address == "/punchin/clip"]
    client.close()
    return got[0].params[1], [soundfile.read(path, dtype="float32")[0] for path in paths]


def plays(client, request_id, *keys):
    client.send("/punchin/audition", request_id, *keys)
    answers = client.listen("/punchin/playing", "/punchin/rejected")
    assert answers[-1].address == "/punchin/playing", answers[-1].params
    return answers


def stopped(client):
    return client.listen("/punchin/stopped")[-1].params[1]


def without_silence(samples):
    sounding = np.flatnonzero(np.abs(samples).max(axis=1))
    return samples[sounding[0] : sounding[-1] + 1].T


def test_a_take_is_heard_bit_for_bit_and_without_a_gap(daw, recorder, rendered):
    job, takes = rendered
    recorder.heard()
    # All numbers as floats, as many surfaces send them.
    accepted, playing = plays(daw, "solo", "job", job, "take", 2.0, "loop", 0.0)
    assert accepted.params == ["solo", job]
    assert playing.params[:2] == [job, 2]
    keys = keys_of(playing, positional=2)
    assert (keys["device"], keys["sample_rate"], keys["seconds"], keys["gain_db"]) == ("recorder", RATE, 1.0, 0.0)
    daw.send("/punchin/audition", "solo", "job", job, "take", 2.0, "loop", 0.0)
    assert stopped(daw) == "ended"
    assert np.array_equal(recorder.heard(), without_silence(takes[1])), "the request that came twice was played once"


def test_in_context_it_is_the_source_with_the_take_in_its_place(daw, recorder, rendered, source):
    job, takes = rendered
    expected = soundfile.read(source, dtype="float32")[0]
    expected[3 * RATE : 4 * RATE] = takes[0]
    recorder.heard()
    plays(daw, "context", "job", job, "mode", "context", "around", 0.5)
    assert stopped(daw) == "ended"
    assert np.array_equal(recorder.heard(), without_silence(expected[round(2.5 * RATE) : round(4.5 * RATE)]))


def test_a_pad_plays_one_stem_after_the_other(daw, recorder, tmp_path):
    time = np.arange(RATE) / RATE
    click = np.random.default_rng(4).normal(0, 0.2, RATE) * np.exp(-40 * (time % 0.25))
    path = tmp_path / "short.wav"
    soundfile.write(path, np.stack([0.3 * np.sin(2 * np.pi * 60 * time) + click] * 2, axis=1), RATE, subtype="FLOAT")
    daw.send("/punchin/extract", "x", "source", str(path), "tracks", "drums,bass", "engine", "draft")
    got = daw.listen("/punchin/done")
    daw.send("/punchin/received", got[-1].params[0])
    stems = [
        soundfile.read(message.params[3], dtype="float32")[0] for message in got if message.address == "/punchin/clip"
    ]
    recorder.heard()
    for number, stem in enumerate([*stems, stems[0]]):
        daw.send("/punchin/trigger", f"next-{number}", "action", "audition_next")
        assert stopped(daw) == "ended"
        assert np.array_equal(recorder.heard(), without_silence(stem))


def test_in_a_loop_another_take_and_the_original_go_on_at_the_same_beat(daw, recorder, rendered, source):
    job, takes = rendered
    listening = PlainClient(daw.socket.getpeername()[1])
    listening.send("/punchin/subscribe", "s")
    listening.listen("/punchin/accepted")
    original = soundfile.read(source, dtype="float32")[0][3 * RATE : 4 * RATE]
    recorder.heard()
    plays(daw, "loop-1", "job", job, "loop", True)
    until(lambda: recorder.has_heard(2.2))
    plays(daw, "loop-2", "job", job, "loop", True, "take", 0)
    until(lambda: recorder.has_heard(4.5))
    daw.send("/punchin/stop", "stop")
    daw.listen("/punchin/stopped")
    assert [message.params[1] for message in daw.heard if message.address == "/punchin/stopped"] == [
        "replaced",
        "stopped",
    ]
    told = listening.listen("/punchin/stopped", count=2)
    assert [message.address.rpartition("/")[2] for message in told] == ["playing", "stopped", "playing", "stopped"]
    listening.close()
    heard = recorder.heard().T
    lead = np.flatnonzero(np.abs(takes[0]).max(axis=1))[0]
    rounds = len(heard) // RATE + 2
    first, second = (np.tile(take, (rounds, 1))[lead : lead + len(heard)] for take in (takes[0], original))
    is_first, is_second = ((heard == other).all(axis=1) for other in (first, second))
    crossing = np.flatnonzero(~is_first)[0]
    fade = round(0.005 * RATE)
    end = len(heard) - fade - PERIOD
    assert crossing > 2 * RATE, "two rounds without a gap"
    assert is_second[crossing + fade : end].all(), "then the original, in the same phase"


def test_the_daemon_itself_stays_free_of_sound_and_arrays(daw, heard_daemon, rendered):
    plays(daw, "memory", "job", rendered[0])
    daemon = psutil.Process(heard_daemon.process.pid)
    assert player_of(heard_daemon) is not None
    libraries = " ".join(mapped.path for mapped in daemon.memory_maps())
    assert "portaudio" not in libraries
    assert "numpy" not in libraries
    assert "sndfile" not in libraries
    assert stopped(daw) == "ended"


def player_of(daemon):
    children = psutil.Process(daemon.process.pid).children()
    return next((child for child in children if "bridge.audition.player" in child.cmdline()), None)


def test_a_player_that_is_killed_is_told_and_the_next_one_plays(daw, heard_daemon, rendered):
    plays(daw, "kill-1", "job", rendered[0], "loop", True)
    player_of(heard_daemon).kill()
    assert stopped(daw) == "device_lost"
    plays(daw, "kill-2", "job", rendered[0])
    assert stopped(daw) == "ended"


def test_the_commands(heard_daemon, rendered, recorder):
    def punchin(*arguments):
        command = [sys.executable, "-m", "bridge", *arguments, "--state", str(heard_daemon.state)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    playing = punchin("audition", rendered[0], "--take", "2", "--loop", "--json")
    assert playing.returncode == 0, playing.stderr
    told = json.loads(playing.stdout)
    assert (told["ok"], told["take"], told["device"], told["seconds"]) == (True, 2, "recorder", 1.0)
    recorder.heard()
    assert punchin("stop").returncode == 0
    refused = punchin("audition", rendered[0], "--take", "7")
    assert (refused.returncode, refused.stderr) == (
        1,
        f"not_found: take: job {rendered[0]} has takes 1 to 2, take 7 came\n",
    )


def test_a_clip_that_is_gone_is_told(daw, tmp_path):
    daw.send("/punchin/generate", "g", "prompt", "house", "length", 1.0, "directory", str(tmp_path), "engine", "draft")
    clip = next(message for message in daw.listen("/punchin/done") if message.address == "/punchin/clip")
    daw.send("/punchin/received", clip.params[0])
    (tmp_path / clip.params[3].rpartition("/")[2]).unlink()
    daw.send("/punchin/audition", "gone")
    assert daw.listen("/punchin/rejected")[-1].params[:2] == ["gone", "not_found"]


def test_a_device_that_is_not_there_is_told_with_those_that_are(recorder, source):
    spec = RenderSpec.parse({"verb": "generate", "prompt": "x", "length": 8})
    order = Play(
        number=7, job="j", take=1, spec=spec, parts=(Part(path=source, start=0.0),), output={"device": "nowhere"}
    )
    command = [sys.executable, "-m", "bridge.audition.player"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **pipes) as player:
        player.stdin.write(order.line())
        player.stdin.flush()
        answer = ANSWER.validate_json(player.stdout.readline())
        player.stdin.close()
    assert player.returncode == 0, "it ends with whoever gives the orders"
    assert (answer.number, answer.code) == (7, "unsupported")
    assert "no output device is called 'nowhere'" in answer.message
    assert "recorder" in answer.message


def test_a_device_that_goes_away_in_the_middle_is_survived(server, recorder, heard_daemon, daw, rendered):
    """The server dies as an interface does that is unplugged: last in this module, for the recorder dies with it."""
    plays(daw, "pulled", "job", rendered[0], "loop", True)
    server.stop()
    assert stopped(daw) == "device_lost"
    daw.send("/punchin/audition", "nothing", "job", rendered[0])
    refused = daw.listen("/punchin/rejected")[-1].params
    assert refused[:2] == ["nothing", "unsupported"]
    assert "device" in refused[2]
    daw.send("/punchin/ping", "p")
    daw.listen("/punchin/pong")


@pytest.fixture
def without_server(monkeypatch):
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "punchin-none")


def test_without_any_sound_system_the_daemon_renders_and_says_so(without_server, daemon, client, monkeypatch):
    client.send("/punchin/generate", "r", "prompt", "house", "length", 1.0, "engine", "draft")
    job = client.listen("/punchin/done")[-1].params[0]
    client.send("/punchin/received", job)
    client.send("/punchin/audition", "a")
    refused = client.listen("/punchin/rejected")[-1].params
    assert refused[:2] == ["a", "unsupported"]
    assert "no sound device" in refused[2]
    client.send("/punchin/stop", "s")
    assert client.listen("/punchin/accepted")[-1].params == ["s", ""]
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(Unsupported, match=r"no sound system: .*Install"):
        device.chosen(Output())
