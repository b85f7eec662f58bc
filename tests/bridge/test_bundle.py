"""The support bundle: complete enough to help, and nothing in it that is nobody's business."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bridge.install import bundle
from bridge.install.redaction import Redaction
from bridge.settings import Settings
from engine.errors import InvalidSpec, PunchinError
from engine.jobs import Job, JobState, Origin
from engine.spec import RenderSpec
from engine.store import Store

SECRET = "Zm9vYmFyYmF6cXV4cXV1eGNvcmdlZ3JhdWx0Z2FycGx5d2E"
PROMPT, LYRICS = "my unreleased chorus", "[Verse]\nnobody has heard this line"
HOME = Path("/home/anna")


@pytest.fixture
def state(tmp_path):
    """A state folder as a daemon leaves it."""
    folder = tmp_path / "state"
    (folder / "logs").mkdir(parents=True)
    (folder / "token").write_text(SECRET + "\n")
    store = Store(folder / "jobs.sqlite")
    spec = RenderSpec(verb="generate", prompt=PROMPT, lyrics=LYRICS, length=1.0, cookie="project {guid}")
    job = Job("j1", Origin("reaper", "r1", "udp://127.0.0.1:9"), spec, "draft")
    store.add(job)
    store.save(
        job.become(
            JobState.FAILED,
            code="bad_source",
            message=f"/home/anna/songs/a.wav: no style fits {PROMPT!r}",
            delivered=True,
        )
    )
    store.close()
    (folder / "logs" / "punchin.log").write_text(
        f"hello from reaper, token {SECRET}\n"
        f"request dropped: ('r-1', 'token', 'short-one', 'prompt', {PROMPT!r}, 'lyrics', {LYRICS!r})\n"
        "job j1 failed, /home/anna/songs/a.wav cannot be read, nor /Users/bert/b.wav\n"
        "  nobody has heard this line\n"
    )
    return folder


def collected(state, **more):
    return bundle.collected(Settings(state=state, port=0), HOME, **{"with_prompts": False, **more})


def test_it_holds_what_a_helper_needs(state):
    files = collected(state)
    assert list(files) == [
        *("README.txt", "versions.json", "settings.json", "doctor.json", "jobs.json", "logs/punchin.log")
    ]
    versions = json.loads(files["versions.json"])
    assert versions["punchin"] == "0.1.0"
    assert versions["python"] == sys.version
    assert {"numpy", "python-osc", "torch"} <= versions["packages"].keys()
    assert "pytest" not in versions["packages"]
    assert json.loads(files["settings.json"])["idle_minutes"] == 10.0
    assert {"daemon", "gpu", "engine draft"} <= {finding["name"] for finding in json.loads(files["doctor.json"])}
    (job,) = json.loads(files["jobs.json"])
    assert (job["verb"], job["state"], job["code"]) == ("generate", "failed", "bad_source")
    assert job["message"].startswith("~/songs/a.wav: no style fits")
    assert 0 < job["arrived"] <= job["ended"]


def test_nothing_private_is_in_it(state):
    everything = "".join(collected(state).values())
    for private in (SECRET, "short-one", PROMPT, "nobody has heard", "/home/anna", "bert", "{guid}"):
        assert private not in everything, private
    assert "~/songs/a.wav cannot be read, nor /Users/(user)/b.wav" in everything


def test_prompts_are_in_it_where_they_are_asked_for_and_secrets_never(state):
    files = collected(state, with_prompts=True)
    (job,) = json.loads(files["jobs.json"])
    assert (job["prompt"], job["lyrics"]) == (PROMPT, LYRICS)
    assert PROMPT in files["logs/punchin.log"]
    assert SECRET not in "".join(files.values())


def test_a_prompt_that_is_a_common_word_leaves_the_table_readable(state):
    store = Store(state / "jobs.sqlite")
    spec = RenderSpec(verb="generate", prompt="draft", length=1.0)
    store.add(Job("j2", Origin("reaper", "r2"), spec, "draft"))
    store.close()
    assert [job["engine"] for job in json.loads(collected(state)["jobs.json"])] == ["draft", "draft"]


def test_a_damaged_table_an_empty_folder_and_long_logs_are_no_hindrance(state, tmp_path, monkeypatch):
    assert list(collected(tmp_path / "nowhere")) == [
        "README.txt",
        "versions.json",
        "settings.json",
        "doctor.json",
        "jobs.json",
    ]
    assert not (tmp_path / "nowhere").exists()
    (state / "jobs.sqlite").write_bytes(b"this was somebody's table" * 100)
    monkeypatch.setattr(bundle, "LOG_BYTES", 1000)
    (state / "logs" / "punchin.log").write_text("".join(f"line {number:04d}\n" for number in range(1000)))
    files = collected(state)
    assert "cannot be read" in json.loads(files["jobs.json"])["trouble"]
    lines = files["logs/punchin.log"].splitlines()
    assert (lines[-1], len(lines)) == ("line 0999", 99), "whole lines only"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("/home/anna/x and /home/annabel/y", "~/x and /home/(user)/y"),
        (r"C:\Users\Bert\x", r"C:\Users\(user)\x"),
        ('{"token": "abc"}', '{"token": "(redacted)"}'),
        ("PUNCHIN_TOKEN=abc Authorization: Bearer abc", "PUNCHIN_TOKEN=(redacted) Authorization: Bearer (redacted)"),
        ("token is missing or wrong", "token is missing or wrong"),
        (f"<{SECRET}>", "<(redacted)>"),
        ("job 7527de57e578 failed", "job 7527de57e578 failed"),
        ('"grüße\\u00fc" and gr\\u00fc\\u00dfe', '"(redacted)\\u00fc" and (redacted)'),
    ],
)
def test_texts_without_what_is_private(text, redacted):
    assert Redaction(HOME, ["grüße", "is"]).text(text) == redacted


def test_a_home_folder_of_windows_is_found_in_json_as_well():
    redaction = Redaction(Path(r"C:\Users\Anna Lee"))
    assert redaction.text(r'"C:\\Users\\Anna Lee\\a.wav" C:\Users\Anna Lee\a.wav') == r'"~\\a.wav" ~\a.wav'


def test_nothing_is_ever_overwritten_and_no_part_is_left(tmp_path):
    path = tmp_path / "support.zip"
    bundle.write(path, {"a.txt": "ä"})
    with pytest.raises(InvalidSpec, match="exists already"):
        bundle.write(path, {"b.txt": "b"})
    assert zipfile.ZipFile(path).read("a.txt").decode() == "ä"
    with pytest.raises(PunchinError, match="cannot be written"):
        bundle.write(tmp_path / "nowhere" / "support.zip", {})
    assert list(tmp_path.iterdir()) == [path]


def punchin(*words, **more):
    return subprocess.run(
        [sys.executable, "-m", "bridge", *words], capture_output=True, text=True, timeout=120, check=False, **more
    )


def test_the_command_says_where_it_is_and_what_is_in_it_with_a_daemon_and_without(daemon, client, tmp_path):
    client.send("/punchin/generate", "r-1", "prompt", PROMPT, "length", 1.0)
    client.listen("/punchin/done")
    told = json.loads(punchin("support-bundle", "--state", str(daemon.state), "--json", cwd=tmp_path).stdout)
    with zipfile.ZipFile(told["path"]) as made:
        assert set(made.namelist()) == set(told["files"])
        assert made.testzip() is None
        assert [job["verb"] for job in json.loads(made.read("jobs.json"))] == ["generate"]
        assert b"listening" in made.read("logs/punchin.log") or b"job" in made.read("logs/punchin.log")
        assert PROMPT.encode() not in b"".join(made.read(name) for name in made.namelist())
    daemon.stop()
    out = tmp_path / "mine.zip"
    made = punchin("support-bundle", "--state", str(daemon.state), "--out", str(out))
    assert made.returncode == 0
    assert "jobs.json" in made.stdout
    assert str(out) in made.stdout
    again = punchin("support-bundle", "--state", str(daemon.state), "--out", str(out))
    assert (again.returncode, "exists already" in again.stderr) == (2, True)
