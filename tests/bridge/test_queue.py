"""The queue as a DAW and a user see it: turns, time left, pause."""

import json
import subprocess
import sys

import psutil
from rig import PlainClient, until

LONG = ("prompt", "house", "length", 300.0, "takes", 8)
SHORT = ("prompt", "house", "length", 1.0)


def punchin(*words):
    return subprocess.run(
        [sys.executable, "-m", "bridge", *words], capture_output=True, text=True, timeout=120, check=False
    )


def submitted(client, request_id, *keys):
    client.send("/punchin/generate", request_id, *keys)
    got = client.listen("/punchin/accepted")
    return got[-1].params[1]


def listed(client):
    client.send("/punchin/status", "s")
    got = client.listen("/punchin/status_end")
    return [(message.params[0], message.params[2]) for message in got if message.address == "/punchin/job"]


def test_a_pause_frees_the_worker_keeps_the_jobs_and_holds_over_a_restart(daemon, client, tmp_path):
    client.send("/punchin/hello", "h", "client", "reaper", "role", "daw")
    first = submitted(client, "r-1", *SHORT)
    client.listen("/punchin/done")
    client.send("/punchin/received", first)
    long = submitted(client, "r-2", *LONG)
    until(lambda: client.listen("/punchin/progress")[-1].params[2] == "rendering", 60)
    worker = daemon.worker()
    client.send("/punchin/pause", "p-1")
    assert client.listen("/punchin/accepted")[-1].params == ["p-1", ""]
    assert psutil.wait_procs([worker], timeout=30)[1] == [], "the process that held the memory is gone"
    short = submitted(client, "r-3", *SHORT)
    until(lambda: listed(client) == [(first, "received"), (short, "queued"), (long, "queued")])
    client.send("/punchin/ping", "p-2")
    pong = client.listen("/punchin/pong")[-1].params
    assert pong == ["p-2", "state", "rendering is paused, jobs wait: `punchin resume` goes on"]
    assert client.listen("/punchin/progress")[-1].params[1:] == [0.0, "queued", -1.0]

    told = punchin("jobs", "--state", str(daemon.state), "--json")
    assert "rendering is paused" in told.stderr
    turns = [(job["job_id"], job["position"]) for job in json.loads(told.stdout) if job["state"] == "queued"]
    assert turns == [(short, 1), (long, 2)]
    findings = {
        each["name"]: each for each in json.loads(punchin("doctor", "--state", str(daemon.state), "--json").stdout)
    }
    assert "punchin resume" in findings["rendering"]["detail"]

    daemon.kill()
    daemon.start()
    again = PlainClient(daemon.port)
    again.send("/punchin/hello", "h-2", "client", "reaper")
    again.listen("/punchin/welcome")
    assert daemon.worker() is None
    assert listed(again) == [(first, "received"), (short, "queued"), (long, "queued")]
    again.send("/punchin/cancel", "c-1", "job", long)
    again.listen("/punchin/cancelled")
    assert punchin("resume", "--state", str(daemon.state)).stdout.strip() == "rendering goes on"
    assert again.listen("/punchin/done")[-1].params[0] == short
    again.send("/punchin/ping", "p-3")
    assert again.listen("/punchin/pong")[-1].params == ["p-3"]
    again.close()


def test_pause_and_resume_by_command_and_a_send_that_waits_is_told_why(daemon, tmp_path):
    state = ("--state", str(daemon.state))
    paused = punchin("pause", *state, "--json")
    assert (paused.returncode, json.loads(paused.stdout)["ok"]) == (0, True)
    sending = subprocess.Popen(
        [sys.executable, "-m", "bridge", "send", "generate", "--prompt", "x", "--length", "1", *state],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(lambda: len(json.loads(punchin("jobs", *state, "--json").stdout)) == 1, 60)
    assert "1st" in punchin("jobs", *state).stdout
    assert punchin("resume", *state).returncode == 0
    _, words = sending.communicate(timeout=60)
    assert sending.returncode == 0
    assert "rendering is paused, jobs wait" in words


def test_a_queued_job_knows_when_it_is_done_and_a_late_subscriber_hears_it_at_once(daemon, client):
    client.send("/punchin/pause", "p-1")
    client.send("/punchin/generate", "r-1", *SHORT)
    assert client.listen("/punchin/progress")[-1].params[1:] == [0.0, "queued", -1.0]
    client.send("/punchin/resume", "p-2")
    client.listen("/punchin/done")
    long = submitted(client, "r-2", *LONG)
    until(lambda: client.listen("/punchin/progress")[-1].params[2] == "rendering", 60)
    waiting = submitted(client, "r-3", "prompt", "house", "length", 40.0)
    surface = PlainClient(daemon.port)
    surface.send("/punchin/subscribe", "s-1")
    told = {message.params[0]: message.params for message in surface.listen("/punchin/progress", count=2)[1:]}
    assert told[waiting][2] == "queued"
    assert told[waiting][3] > told[long][3] > 0, "the job before it, and its own work, as measured on the first one"
    for job_id in (waiting, long):
        client.send("/punchin/cancel", "c-" + job_id, "job", job_id)
    client.listen("/punchin/cancelled", count=2)
    surface.close()
