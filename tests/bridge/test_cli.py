"""The command line as a user meets it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rig import until


def punchin(*words, **more):
    return subprocess.run(
        [sys.executable, "-m", "bridge", *words], capture_output=True, text=True, timeout=90, check=False, **more
    )


def test_send_shows_its_clips_and_jobs_lists_them(daemon, tmp_path):
    sent = punchin(
        "send",
        "generate",
        "--prompt",
        "house",
        "--length",
        "2",
        "--out",
        str(tmp_path / "new"),
        "--state",
        str(daemon.state),
    )
    assert sent.returncode == 0, sent.stderr
    (clip,) = (tmp_path / "new").glob("*.wav")
    assert f"made by draft, in {tmp_path / 'new'}\n" in sent.stdout
    assert clip.name in sent.stdout.replace("│", "").replace(" ", "").replace("\n", "")
    listed = json.loads(punchin("jobs", "--state", str(daemon.state), "--json").stdout)
    assert [(job["verb"], job["state"]) for job in listed] == [("generate", "received")]
    assert "generate" in punchin("jobs", "--port", str(daemon.port)).stdout


def test_send_takes_relative_paths(daemon, song, tmp_path):
    (tmp_path / "take.wav").write_bytes(song.read_bytes())
    flags = [
        "--source",
        "take.wav",
        "--tracks",
        "drums,residual",
        "--out",
        "stems",
        "--state",
        str(daemon.state),
        "--json",
    ]
    sent = punchin("send", "extract", *flags, cwd=tmp_path)
    result = json.loads(sent.stdout)
    assert result["ok"], result
    assert [clip["track"] for clip in result["clips"]] == ["drums", "residual"]
    assert {Path(clip["path"]).parent for clip in result["clips"]} == {tmp_path / "stems"}


def test_a_refusal_is_one_sentence_and_exit_code_one(daemon):
    refused = punchin(
        "send", "generate", "--prompt", "x", "--length", "4", "--bpm", "900", "--state", str(daemon.state)
    )
    assert refused.returncode == 1
    assert refused.stderr.strip() == "invalid: bpm: must be 30 to 300, 900 came"
    as_json = json.loads(
        punchin(
            "send", "extract", "--tracks", "guitar", "--source", __file__, "--state", str(daemon.state), "--json"
        ).stdout
    )
    assert (as_json["ok"], as_json["code"]) == (False, "unsupported")


def test_negative_times_and_a_false_switch_reach_the_daemon(daemon, song):
    flags = [
        "--source",
        str(song),
        "--start",
        "-1.5",
        "--end",
        "13",
        "--seed",
        "3",
        "--state",
        str(daemon.state),
        "--json",
    ]
    result = json.loads(punchin("send", "continue", *flags).stdout)
    assert [(clip["start"], clip["frames"]) for clip in result["clips"]] == [(-1.5, round(1.5 * 44100)), (12.0, 44100)]


def test_without_a_daemon_the_message_says_what_to_do(tmp_path):
    alone = punchin("send", "generate", "--prompt", "x", "--length", "4", "--port", "1")
    assert alone.returncode == 1
    assert "punchin serve" in alone.stderr
    assert "Traceback" not in alone.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_ctrl_c_in_send_cancels_the_job(daemon):
    command = [
        sys.executable,
        "-m",
        "bridge",
        "send",
        "generate",
        "--prompt",
        "house",
        "--length",
        "300",
        "--takes",
        "8",
    ]
    sending = subprocess.Popen([*command, "--state", str(daemon.state)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def states():
        return [job["state"] for job in json.loads(punchin("jobs", "--state", str(daemon.state), "--json").stdout)]

    until(lambda: states() == ["rendering"])
    os.kill(sending.pid, signal.SIGINT)
    sending.communicate(timeout=30)
    assert sending.returncode == 130
    until(lambda: states() == ["cancelled"])


def test_cancel_by_id(daemon):
    unknown = punchin("cancel", "nobody", "--state", str(daemon.state), "--json")
    assert (unknown.returncode, json.loads(unknown.stdout)["ok"]) == (1, False)
    assert "no job nobody is known" in unknown.stdout


def test_doctor_answers_in_both_forms(tmp_path):
    table = punchin("doctor", "--state", str(tmp_path / "state"))
    assert "engine draft" in table.stdout
    findings = {
        finding["name"]: finding for finding in json.loads(punchin("doctor", "--state", str(tmp_path), "--json").stdout)
    }
    assert findings["libsndfile"]["state"] == "ok"
    assert findings["daemon"]["state"] == "off"


def test_files_go_along_through_a_tunnel(daemon, song, tmp_path):
    place = ["--state", str(tmp_path / "laptop"), "--port", str(daemon.port), "--tcp"]
    flags = ["--source", str(song), "--tracks", "drums,residual", "--out", str(tmp_path / "stems"), "--json"]
    result = json.loads(punchin("send", "extract", *flags, *place).stdout)
    assert [clip["frames"] for clip in result["clips"]] == [12 * 44100] * 2
    paths = [Path(clip["path"]) for clip in result["clips"]]
    assert {path.parent for path in paths} == {tmp_path / "stems"}
    rendered = sorted((daemon.state / "clips" / result["job_id"]).iterdir())
    assert [path.read_bytes() for path in sorted(paths)] == [path.read_bytes() for path in rendered]
    assert "extract" in punchin("jobs", *place).stdout
