"""The daemon as others see it: a process, a port, OSC."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import psutil
import pytest
import soundfile
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder
from rig import Daemon, PlainClient, keys_of, until

from bridge.bench.peers import flooding
from bridge.remote import token


def test_one_line_says_where_it_listens_and_the_file_says_the_same(daemon):
    assert daemon.line.startswith(f"listening on 127.0.0.1:{daemon.port}")
    assert daemon.address["pid"] == daemon.process.pid
    assert daemon.address["version"] == "0.1.0"
    daemon.stop()
    assert not (daemon.state / "daemon.json").exists()


def test_python_osc_alone_gets_a_clip(client, song, tmp_path):
    client.send(
        "/punchin/repaint",
        "r-1",
        "source",
        str(song),
        "start",
        4.0,
        "end",
        8.5,
        "seed",
        1,
        "directory",
        str(tmp_path),
        "cookie",
        "item {1}",
    )
    got = client.listen("/punchin/done")
    order = [message.address for message in got]
    assert order[0] == "/punchin/accepted"
    assert order[-2:] == ["/punchin/clip", "/punchin/done"]
    assert "/punchin/progress" in order
    job_id = got[0].params[1]
    assert got[0].params[0] == "r-1"
    clip = got[-2]
    assert (clip.params[0], clip.params[1], clip.params[2]) == (job_id, 0, 1)
    keys = keys_of(clip)
    assert (keys["frames"], keys["sample_rate"], keys["start"], keys["cookie"]) == (
        round(4.5 * 44100),
        44100,
        4.0,
        "item {1}",
    )
    assert soundfile.info(clip.params[3]).frames == keys["frames"]
    assert got[-1].params == [job_id, 1, "item {1}"]
    fractions = [message.params[1] for message in got if message.address == "/punchin/progress"]
    assert fractions == sorted(fractions)


def test_the_result_comes_again_until_it_is_received(client):
    client.send("/punchin/generate", "r-1", "prompt", "house", "length", 1.0)
    got = client.listen("/punchin/done", count=3)
    job_id = got[0].params[1]
    client.send("/punchin/received", job_id)
    client.send("/punchin/status", "s-1", "job", job_id)
    (listed,) = [message for message in client.listen("/punchin/status_end") if message.address == "/punchin/job"]
    assert listed.params[2] == "received"


def test_a_request_sent_a_hundred_times_is_one_job(client):
    for _ in range(100):
        client.send("/punchin/generate", "r-1", "prompt", "house", "length", 2.0)
    got = client.listen("/punchin/accepted", count=100)
    assert len({message.params[1] for message in got if message.address == "/punchin/accepted"}) == 1
    client.send("/punchin/status", "s-1")
    end = client.listen("/punchin/status_end")[-1]
    assert end.params == ["s-1", 1]


def test_bad_requests_are_refused_in_words_and_the_daemon_goes_on(client, tmp_path):
    client.send("/punchin/generate", "r-1", "prompt", "x", "length", 4.0, "bpm", 900)
    assert client.listen("/punchin/rejected")[-1].params == ["r-1", "invalid", "bpm: must be 30 to 300, 900 came"]
    client.send("/punchin/repaint", "r-2", "source", str(tmp_path / "gone.wav"), "start", 0, "end", 1)
    assert client.listen("/punchin/rejected")[-1].params[:2] == ["r-2", "not_found"]
    client.send("/punchin/extract", "r-3", "source", sys.executable, "tracks", "guitar")
    assert client.listen("/punchin/rejected")[-1].params[:2] == ["r-3", "unsupported"]
    client.send("/punchin/cancel", "r-4", "job", "nobody")
    assert client.listen("/punchin/rejected")[-1].params[:2] == ["r-4", "not_found"]
    client.send("/punchin/audition", "r-5", "job", "nobody")
    assert client.listen("/punchin/rejected")[-1].params[:2] == ["r-5", "not_found"]
    client.send("/*/*", "r-6")
    client.send("/punchin/ping", "r-7")
    assert client.listen("/punchin/pong")[-1].params == ["r-7"]


BAD_FILES = {
    "empty": b"",
    "text": b"this is not audio" * 100,
    "header only": b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\0\0\x80\xbb\0\0\0\0\0\0\0\0\x10\0data\0\0\0\0",
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_source_that_is_none_ends_the_job_with_bad_source(client, tmp_path, kind):
    path = tmp_path / "bad.wav"
    path.write_bytes(BAD_FILES[kind])
    client.send("/punchin/extract", "r-1", "source", str(path), "tracks", "all")
    failed = client.listen("/punchin/failed")[-1]
    assert failed.params[1] == "bad_source"
    assert "bad.wav" in failed.params[2]


def test_a_line_end_in_a_file_name_makes_no_line_of_the_log(daemon, client, tmp_path):
    forged = "2026-01-01 00:00:00.000 | ERROR    | forged"
    path = tmp_path / f"a\n{forged}\x1b[31m.wav"
    path.write_bytes(b"no audio")
    client.send("/punchin/extract", "r-1", "source", str(path), "tracks", "all")
    client.listen("/punchin/failed")
    log = until(lambda: [line for line in daemon_log(daemon) if "forged" in line])
    assert len(log) == 1
    assert not log[0].startswith(forged)
    assert "\\n2026-01-01" in log[0]
    assert "\x1b" not in log[0]


def daemon_log(daemon):
    return (daemon.state / "logs" / "punchin.log").read_text("utf-8").splitlines()


def test_kill_9_of_the_worker_ends_one_job_and_the_next_one_runs(daemon, client, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    client.send("/punchin/generate", "r-1", "prompt", "house", "length", 300.0, "takes", 8, "directory", str(out))
    job_id = client.listen("/punchin/accepted")[-1].params[1]
    until(lambda: client.listen("/punchin/progress")[-1].params[2] == "rendering")
    worker = daemon.worker()
    os.kill(worker.pid, signal.SIGKILL)
    failed = client.listen("/punchin/failed")[-1]
    assert failed.params[:2] == [job_id, "engine_died"]
    assert list(out.iterdir()) == []
    client.send("/punchin/generate", "r-2", "prompt", "house", "length", 1.0)
    client.listen("/punchin/done")


def test_cancel_half_way(daemon, client, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    client.send("/punchin/generate", "r-1", "prompt", "house", "length", 300.0, "takes", 8, "directory", str(out))
    job_id = client.listen("/punchin/accepted")[-1].params[1]
    until(lambda: client.listen("/punchin/progress")[-1].params[1] > 0.01)
    client.send("/punchin/cancel", "c-1", "job", job_id)
    cancelled = client.listen("/punchin/cancelled")[-1]
    assert cancelled.params[0] == job_id
    assert list(out.iterdir()) == []


def test_kill_9_of_the_daemon_with_five_jobs_loses_none_and_doubles_none(daemon, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    client = PlainClient(daemon.port)
    client.send("/punchin/hello", "h-1", "client", "reaper", "role", "daw")
    for number in range(5):
        client.send(
            "/punchin/generate",
            f"r-{number}",
            "prompt",
            "house",
            "length",
            20.0,
            "directory",
            str(out),
            "name",
            f"n{number}",
            "cookie",
            f"c{number}",
        )
    accepted = [
        message.params
        for message in client.listen("/punchin/accepted", count=5)
        if message.address == "/punchin/accepted"
    ]
    until(lambda: client.listen("/punchin/progress")[-1].params[2] == "rendering")
    workers = psutil.Process(daemon.process.pid).children(recursive=True)
    daemon.kill()
    psutil.wait_procs(workers, timeout=10)
    assert not any(worker.is_running() for worker in workers), "the worker ends with its daemon"
    daemon.start()
    client.close()
    again = PlainClient(daemon.port)
    again.send("/punchin/hello", "h-2", "client", "reaper")
    done = {}
    clips = {}
    while len(done) < 5:
        for message in again.listen("/punchin/done", "/punchin/clip"):
            if message.address == "/punchin/clip":
                clips.setdefault(message.params[0], set()).add(message.params[3])
            if message.address == "/punchin/done":
                done[message.params[0]] = message.params
                again.send("/punchin/received", message.params[0])
    assert sorted(done) == sorted(job_id for _, job_id in accepted)
    assert [len(paths) for paths in clips.values()] == [1] * 5
    assert len(list(out.iterdir())) == 5, "no clip twice, no part of one left"
    for number in range(5):
        again.send("/punchin/generate", f"r-{number}", "prompt", "house", "length", 20.0, "directory", str(out))
    repeated = [
        message.params
        for message in again.listen("/punchin/accepted", count=5)
        if message.address == "/punchin/accepted"
    ]
    assert sorted(repeated) == sorted(accepted), "the same request is the same job after a restart"
    again.close()


def test_a_job_without_hello_is_delivered_to_its_address_after_a_restart(daemon):
    client = PlainClient(daemon.port)
    port = client.socket.getsockname()[1]
    client.send("/punchin/generate", "r-1", "prompt", "house", "length", 60.0)
    client.listen("/punchin/accepted")
    daemon.kill()
    client.close()
    daemon.start()
    waiting = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    waiting.bind(("127.0.0.1", port))
    again = PlainClient(daemon.port)
    again.socket.close()
    again.socket = waiting
    again.listen("/punchin/done")
    waiting.close()


def test_reply_port_moves_the_answers(daemon, client):
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind(("127.0.0.1", 0))
    client.send("/punchin/ping", "p-1", "reply_port", listening.getsockname()[1])
    listening.settimeout(10)
    assert b"/punchin/pong" in listening.recv(4096)
    listening.close()


def test_ipv6_loopback(daemon):
    if "::1" not in daemon.address["hosts"]:
        pytest.skip("this machine has no IPv6 loopback")
    client = PlainClient(daemon.port, "::1")
    client.send("/punchin/ping", "p-1")
    assert client.listen("/punchin/pong")[-1].params == ["p-1"]
    client.close()


def test_two_clients_never_see_each_others_results(daemon):
    reaper, live = PlainClient(daemon.port), PlainClient(daemon.port)
    for client, name in ((reaper, "reaper"), (live, "live")):
        client.send("/punchin/hello", "h", "client", name, "role", "daw")
        client.send("/punchin/generate", "same-id", "prompt", "house", "length", 1.0, "cookie", name)
    for client, name in ((reaper, "reaper"), (live, "live")):
        got = client.listen("/punchin/done")
        assert got[-1].params[2] == name
        assert {keys_of(message)["cookie"] for message in got if message.address == "/punchin/clip"} == {name}
        client.close()


def test_subscribers_hear_of_the_jobs_of_others_and_triggers_reach_the_daw(daemon, client):
    daw = PlainClient(daemon.port)
    client.send("/punchin/trigger", "t-0", "action", "repaint")
    assert client.listen("/punchin/rejected")[-1].params[:2] == ["t-0", "not_found"]
    daw.send("/punchin/hello", "h", "client", "live", "daw", "live")
    daw.listen("/punchin/welcome")
    client.send("/punchin/subscribe", "s-1")
    client.send("/punchin/trigger", "t-1", "action", "repaint", "strength", 0.5)
    assert daw.listen("/punchin/run")[-1].params == ["t-1", "repaint", "strength", 0.5]
    daw.send("/punchin/generate", "r-1", "prompt", "house", "length", 1.0)
    got = client.listen("/punchin/done")
    assert {message.address for message in got} >= {"/punchin/accepted", "/punchin/progress", "/punchin/done"}
    assert "/punchin/clip" not in {message.address for message in got}
    daw.close()


def test_listings(client):
    client.send("/punchin/presets", "p")
    presets = client.listen("/punchin/presets_end")
    assert presets[-1].params == ["p", len(presets) - 1]
    assert next(message.params[:2] for message in presets if message.params[0] == "lofi-loop") == [
        "lofi-loop",
        "generate",
    ]
    client.send("/punchin/models", "m")
    assert client.listen("/punchin/models_end")[-2].params[:3] == ["draft", "draft", "built in"]


def serve(*flags, **more):
    return subprocess.run(
        [sys.executable, "-m", "bridge", "serve", *flags],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        **more,
    )


def test_a_second_daemon_on_the_same_folder_names_the_first(daemon):
    second = serve("--state", str(daemon.state), "--port", "0")
    assert second.returncode == 2
    assert f"pid {daemon.process.pid} on port {daemon.port}" in second.stderr
    assert second.stderr.count("\n") == 1


def test_a_port_in_use_names_who_holds_it(daemon, tmp_path):
    second = serve("--state", str(tmp_path / "other"), "--port", str(daemon.port))
    assert second.returncode == 2
    assert f"UDP port {daemon.port} cannot be had" in second.stderr
    assert f"(pid {daemon.process.pid})" in second.stderr


def test_a_state_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    refused = serve("--state", str(tmp_path / "file" / "state"), "--port", "0")
    assert refused.returncode == 2
    assert "cannot be written" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_state_folder_without_write_permission_is_told(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    if os.getuid() == 0:
        pytest.importorskip("ctypes")
        flags = subprocess.run(["chattr", "+i", str(state)], capture_output=True, check=False)
        if flags.returncode:
            pytest.skip("root may write everywhere and this file system knows no immutable folders")
        try:
            refused = serve("--state", str(state), "--port", "0")
        finally:
            subprocess.run(["chattr", "-i", str(state)], check=True)
    else:
        state.chmod(0o500)
        refused = serve("--state", str(state), "--port", "0")
    assert refused.returncode == 2
    assert "correct its permissions" in refused.stderr


def test_a_wrong_setting_is_named(tmp_path):
    refused = serve("--state", str(tmp_path), env={**os.environ, "PUNCHIN_PORT": "eighty"})
    assert refused.returncode == 2
    assert "port" in refused.stderr
    assert "'eighty' came" in refused.stderr


def test_the_same_seed_gives_the_same_bytes(daemon, song, tmp_path):
    clips = []
    for run in ("one", "two"):
        command = [
            sys.executable,
            "-m",
            "bridge",
            "send",
            "repaint",
            "--source",
            str(song),
            "--start",
            "4",
            "--end",
            "8.5",
            "--prompt",
            "more drums",
        ]
        done = subprocess.run(
            [*command, "--seed", "1", "--out", str(tmp_path / run), "--state", str(daemon.state), "--json"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        clips.append(json.loads(done.stdout)["clips"][0])
    assert clips[0]["frames"] == round(4.5 * 44100)
    contents = [open(clip["path"], "rb").read() for clip in clips]
    assert contents[0] == contents[1]
    samples, rate = soundfile.read(clips[0]["path"], dtype="float32")
    source, _ = soundfile.read(song, dtype="float32")
    assert np.array_equal(samples[0], source[4 * rate])
    assert np.array_equal(samples[-1], source[4 * rate + len(samples) - 1])


def test_idle_it_is_small_and_knows_no_numpy(daemon):
    time.sleep(0.5)
    memory = psutil.Process(daemon.process.pid).memory_info().rss
    assert memory < 90e6
    assert "numpy" not in open(f"/proc/{daemon.process.pid}/maps").read() if os.path.exists("/proc") else True


def test_version_loads_no_heavy_library():
    told = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "bridge", "--version"], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "0.1.0"
    loaded = {line.rpartition("|")[2].strip() for line in told.stderr.splitlines()}
    assert "bridge.cli" in loaded
    assert not loaded & {"torch", "scipy", "librosa", "numpy", "soundfile"}


@pytest.mark.parametrize(
    ("host", "said"), [("0.0.0.0", "run `punchin token` first"), ("gpu.box", "needs a token"), ("::", "needs a token")]
)
def test_without_a_token_it_listens_on_this_machine_only(tmp_path, host, said):
    refused = serve("--state", str(tmp_path / "state"), "--port", "0", "--host", host)
    assert refused.returncode == 2
    assert said in refused.stderr


@pytest.mark.parametrize(
    ("host", "said"), [("gpu.box", "give an address"), ("203.0.113.9", "no address of this machine")]
)
def test_a_host_that_is_not_this_machine(tmp_path, host, said):
    token.make(tmp_path)
    refused = serve("--state", str(tmp_path), "--port", "0", "--host", host)
    assert refused.returncode == 2
    assert said in refused.stderr


def test_a_source_that_vanishes_while_its_job_waits(client, song, tmp_path):
    vanishing = tmp_path / "vanishing.wav"
    vanishing.write_bytes(song.read_bytes())
    client.send("/punchin/generate", "r-1", "prompt", "house", "length", 20.0)
    client.send("/punchin/repaint", "r-2", "source", str(vanishing), "start", 1.0, "end", 2.0)
    client.listen("/punchin/accepted", count=2)
    vanishing.unlink()
    failed = client.listen("/punchin/failed")[-1]
    assert failed.params[1] == "bad_source"
    assert "vanishing.wav" in failed.params[2]


def test_a_full_disk_under_the_state_folder_refuses_or_fails_and_the_daemon_goes_on(tmp_path):
    tiny = tmp_path / "tiny"
    tiny.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(tiny)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    running = None
    try:
        running = Daemon(tiny)
        client = PlainClient(running.port)
        client.send("/punchin/generate", "r-1", "prompt", "house", "length", 30.0)
        failed = client.listen("/punchin/failed")[-1]
        assert failed.params[1] == "disk_full"
        client.send("/punchin/received", failed.params[0])
        assert list(tiny.rglob("*.part")) == []
        with pytest.raises(OSError, match="No space"):
            (tiny / "filler").write_bytes(b"x" * 4_000_000)
        for number in range(2, 40):
            client.send("/punchin/generate", f"r-{number}", "prompt", "x" * 4000, "length", 1.0)
            reply = client.listen("/punchin/accepted", "/punchin/rejected")[-1]
            if reply.address == "/punchin/rejected":
                break
        assert reply.params[1] == "busy"
        assert "make room" in reply.params[2]
        (tiny / "filler").unlink()
        client.send("/punchin/generate", "r-last", "prompt", "house", "length", 1.0)
        client.listen("/punchin/done")
        client.close()
    finally:
        if running:
            running.stop()
        subprocess.run(["umount", str(tiny)], check=True)


def answers(client, request_id):
    """Whether a ping is answered soon; in a flood the system's buffer may lose it, as any network may."""
    client.send("/punchin/ping", request_id)
    client.socket.settimeout(0.5)
    with suppress(TimeoutError):
        while OscMessage(client.socket.recv(4096)).params != [request_id]:
            pass
        return True
    return False


def refusal_of_a_burst(client):
    """What is refused of more messages at once than anyone may send; a loaded machine may send them too slowly."""
    ping = OscMessageBuilder("/punchin/ping")
    ping.add_arg("burst")
    packet = ping.build().dgram
    for _ in range(1000):
        client.socket.send(packet)
    client.socket.settimeout(0.5)
    with suppress(TimeoutError):
        while (reply := OscMessage(client.socket.recv(4096))).address != "/punchin/rejected":
            pass
        return reply
    return None


def test_a_client_that_floods_starves_no_other(daemon, client):
    other = PlainClient(daemon.port)
    with flooding(("127.0.0.1", daemon.port), 10_000) as reached:
        for number in range(50):
            until(lambda request_id=f"p-{number}": answers(other, request_id))
        other.send("/punchin/generate", "r-1", "prompt", "house", "length", 1.0)
        other.listen("/punchin/done")
    other.close()
    assert reached[0] > 1000
    assert until(lambda: refusal_of_a_burst(client)).params[1] == "busy"
