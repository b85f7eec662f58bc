"""`understand` as clients meet it: delivered until received, over restarts, within one datagram."""

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import soundfile
from pythonosc.osc_message import OscMessage
from rig import Daemon, PlainClient, keys_of

from bridge.osc.client import Client
from bridge.protocol import messages as m
from bridge.protocol.codec import encode
from bridge.protocol.delivery import results
from bridge.protocol.describing import LARGEST_DESCRIPTION
from bridge.protocol.peer import Peer
from bridge.remote import names
from engine.backends.draft.compose import compose
from engine.jobs import ClipFile, Job, JobState, Origin
from engine.spec import RenderSpec
from engine.understanding import Measured, Told, Understanding

RECORDING = Path(__file__).parents[2] / "bridge" / "demo" / "audio" / "escape_from_chaosland.ogg"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    state = tmp_path_factory.mktemp("served") / "state"
    state.mkdir()
    running = Daemon(state)
    yield running
    running.stop()


@pytest.fixture
def asking(served):
    plain = PlainClient(served.port)
    yield plain
    plain.close()


def understand(client, request_id, *more):
    client.send("/punchin/understand", request_id, "source", str(RECORDING), "engine", "draft", *more)


def test_a_description_and_done_come_until_they_are_received(served, asking):
    understand(asking, "u-1", "cookie", "track {7}")
    got = asking.listen("/punchin/done", count=2)
    order = [message.address for message in got]
    assert order[0] == "/punchin/accepted"
    assert "/punchin/progress" in order
    assert order[-4:] == ["/punchin/description", "/punchin/done"] * 2
    job_id = got[0].params[1]
    told = got[-2]
    assert told.params[0] == job_id
    keys = keys_of(told, positional=1)
    assert keys["measured_bpm"] == pytest.approx(135.0, rel=0.01)
    assert (keys["engine"], keys["cookie"], keys["measured_meter"]) == ("draft", "track {7}", "4/4")
    assert not {"bpm", "key", "caption", "lyrics", "tempo_map", "note"} & keys.keys()
    assert json.loads(keys["chords"])[0][0] == 0.0
    assert keys["seconds"] == pytest.approx(soundfile.info(RECORDING).duration)
    assert got[-1].params == [job_id, 0, "track {7}"]
    asking.send("/punchin/received", job_id)
    asking.send("/punchin/status", "s-1", "job", job_id)
    (listed,) = [message for message in asking.listen("/punchin/status_end") if message.address == "/punchin/job"]
    assert listed.params[1:3] == ["understand", "received"]
    again = asking.listen("/punchin/done")
    assert [message.params for message in again if message.address == "/punchin/description"] == [told.params]
    fractions = [message.params[1] for message in got if message.address == "/punchin/progress"]
    assert fractions == sorted(fractions)


def test_what_cannot_be_is_refused_in_words(asking, tmp_path):
    asking.send("/punchin/understand", "u-2", "engine", "draft")
    assert asking.listen("/punchin/rejected")[-1].params == [
        "u-2",
        "invalid",
        "understand needs source; source did not come",
    ]
    understand(asking, "u-3", "takes", 2)
    assert asking.listen("/punchin/rejected")[-1].params[:2] == ["u-3", "invalid"]
    asking.send("/punchin/understand", "u-4", "source", str(tmp_path / "gone.wav"))
    assert asking.listen("/punchin/rejected")[-1].params[:2] == ["u-4", "not_found"]


def test_it_is_kept_over_a_restart_in_the_order_of_the_results(served):
    client = PlainClient(served.port)
    client.send("/punchin/hello", "h-1", "client", "reaper", "role", "daw")
    understand(client, "u-5", "cookie", "first")
    client.send("/punchin/generate", "g-1", "prompt", "house", "length", 1.0, "engine", "draft", "cookie", "second")
    understand(client, "u-6", "start", 2.0, "end", 6.0, "cookie", "third")
    client.listen("/punchin/done", count=6)
    served.kill()
    client.close()
    served.start()
    client = PlainClient(served.port)
    client.send("/punchin/hello", "h-2", "client", "reaper", "role", "daw")
    got = [message for message in client.listen("/punchin/done", count=3) if message.address != "/punchin/welcome"]
    kinds = [message.address.removeprefix("/punchin/") for message in got]
    ended = [message.params[2] for message in got if message.address == "/punchin/done"]
    assert sorted(ended) == ["first", "second", "third"]
    wanted = {"first": "description", "second": "clip", "third": "description"}
    assert kinds == [kind for cookie in ended for kind in (wanted[cookie], "done")]
    for message in got:
        client.send("/punchin/received", message.params[0])
    client.send("/punchin/ping", "p")
    client.listen("/punchin/pong")
    client.close()


def punchin(*words, source=RECORDING):
    done = subprocess.run(
        [sys.executable, "-m", "bridge", "send", "understand", "--source", str(source), *words],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    return done.returncode, done.stdout


def test_the_command_line_prints_it_in_both_forms(served, tmp_path):
    code, out = punchin("--engine", "draft", "--json", "--state", str(served.state))
    result = json.loads(out)
    assert (code, result["ok"], result["clips"]) == (0, True, [])
    assert result["description"]["measured_bpm"] == pytest.approx(135.0, rel=0.01)
    assert all(isinstance(name, str) for _, name in result["description"]["chords"])
    place = ["--state", str(tmp_path / "laptop"), "--port", str(served.port), "--tcp"]
    code, out = punchin("--start", "2", "--end", "6", *place)
    assert code == 0
    assert "measured bpm" in out
    assert "4.0" in next(line for line in out.splitlines() if "seconds" in line)


@pytest.mark.parametrize(
    ("prompt", "bpm", "key"), [("house", 124.0, "A minor"), ("ballad", 72.0, "D major"), ("folk", 108.0, "G major")]
)
def test_the_command_line_tells_tempo_and_key_of_known_music(served, tmp_path, prompt, bpm, key):
    spec = RenderSpec.parse({"verb": "generate", "prompt": prompt, "length": 20.0, "bpm": bpm, "key": key})
    mix, _, _ = compose(spec, 3, 20 * 22050, 22050, lambda _: None)
    soundfile.write(tmp_path / "known.wav", mix.T, 22050)
    code, out = punchin("--engine", "draft", "--json", "--state", str(served.state), source=tmp_path / "known.wav")
    found = json.loads(out)["description"]
    assert code == 0
    assert found["measured_bpm"] == pytest.approx(bpm, rel=0.01)
    assert found["measured_key"] == key
    assert not {"bpm", "key", "caption", "lyrics", "language"} & found.keys()


def test_our_own_client_waits_for_a_description_that_was_lost():
    """A daemon whose first description does not arrive, and which sends the result again as nobody confirmed it."""
    lossy = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    lossy.bind(("127.0.0.1", 0))
    lossy.settimeout(20)
    found = m.Described(job_id="j", engine="draft", chords="[]", lufs=-12.0, peak_db=-1.0, seconds=8.5)
    done = m.Done(job_id="j", count=0)

    def answer():
        heard, sender = lossy.recvfrom(8192)
        for message in (m.Accepted(request_id=OscMessage(heard).params[0], job_id="j"), done, found, done):
            lossy.sendto(encode(message), sender)

    answering = threading.Thread(target=answer)
    answering.start()
    with Client(*lossy.getsockname()) as client:
        replies = list(client.render("understand", {"source": "/a.wav"}))
    answering.join()
    lossy.close()
    assert replies[1:] == [found, done]


def test_stems_come_with_their_notes(served, tmp_path):
    command = ["extract", "--source", str(RECORDING), "--tracks", "drums,residual", "--midi", "--out", str(tmp_path)]
    place = ["--state", str(served.state), "--engine", "draft", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "bridge", "send", *command, *place],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    drums, residual = json.loads(done.stdout)["clips"]
    assert Path(drums["midi"]) == Path(drums["path"]).with_suffix(".mid")
    assert Path(drums["midi"]).read_bytes()[:4] == b"MThd"
    assert "midi" not in residual


def test_no_path_of_a_midi_file_is_told_to_another_machine(tmp_path):
    clip = ClipFile(
        *(tmp_path / "a.wav", tmp_path / "p", 1, "drums", 0.0, 8, 44100, 2, 0, -1.0, -16.0, -1.0, False, 0.5),
        midi=tmp_path / "a.mid",
    )
    spec = RenderSpec(verb="extract", source="/a.wav", tracks="drums")
    told, _ = results(Job("j", Origin("reaper", "r"), spec, "draft", state=JobState.RENDERED, clips=(clip,)))
    assert names.as_told(Peer("udp", "127.0.0.1", 9), told, tmp_path).midi == tmp_path / "a.mid"
    assert str(tmp_path).encode() not in encode(names.as_told(Peer("remote", "10.0.0.1", 9), told, tmp_path))


def job(measured, told):
    spec = RenderSpec(verb="understand", source="/a.wav", cookie="c" * 1024)
    understanding = Understanding(measured, told)
    return Job("j", Origin("reaper", "r"), spec, "draft", state=JobState.RENDERED, understanding=understanding)


def test_what_is_too_long_for_one_message_is_cut_and_said_so():
    chords = tuple((float(place), "A#m") for place in range(2000))
    whole, done = results(job(Measured(600.0, -14.0, -0.5, chords=chords[:50]), Told(caption="a", lyrics="b")))
    assert (whole.note, len(json.loads(whole.chords)), done.count) == (None, 50, 0)
    for told in (Told(note="kept"), Told(note="kept", lyrics="ü" * 4000, caption="ü" * 4000)):
        cut, _ = results(job(Measured(600.0, -14.0, -0.5, chords=chords), told))
        assert len(encode(cut)) <= LARGEST_DESCRIPTION
        assert cut.note.startswith("kept; the later chords did not fit")
        kept = json.loads(cut.chords)
        assert kept == [list(chord) for chord in chords[: len(kept)]]
        assert (cut.lyrics or "") == (told.lyrics or "")[: len(cut.lyrics or "")]
