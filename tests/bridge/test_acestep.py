"""Every verb of the neural engine through a real daemon, on a small checkpoint with random weights and on real music."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rig import Daemon, PlainClient, keys_of

from engine.backends.acestep.planner.metadata import LANGUAGES
from engine.spec import RenderSpec

pytestmark = pytest.mark.neural
MUSIC = Path(__file__).parents[2] / "bridge" / "demo" / "audio" / "escape_from_chaosland.ogg"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    pytest.importorskip("torch", reason="the neural engine's tests need torch")
    from engine.backends.acestep.tiny import make_tiny

    folder = tmp_path_factory.mktemp("models")
    made = {variant: make_tiny(folder, variant=variant, planner=variant == "turbo") for variant in ("turbo", "base")}
    return made | {"xl": make_tiny(folder, variant="turbo", xl=True)}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory, models):
    folder = tmp_path_factory.mktemp("daemon")
    variables = {
        "PUNCHIN_CACHE": str(folder / "cache"), "PUNCHIN_MODELS": str(models["turbo"].parent), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    running = Daemon(folder / "state")
    yield running
    running.stop()
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture
def client(daemon):
    made = PlainClient(daemon.port)
    yield made
    made.close()


def rendered(client, verb, **values):
    """Clips of one job: path, and keys with their values."""
    flat = [part for pair in values.items() for part in pair]
    client.send(f"/punchin/{verb}", f"{verb}-{time.monotonic_ns()}", "engine", "acestep", "steps", 2, *flat)
    replies = client.listen("/punchin/done", "/punchin/failed", "/punchin/rejected", seconds=240)
    assert replies[-1].address == "/punchin/done", replies[-1].params
    client.send("/punchin/received", replies[-1].params[0])
    found = {}
    for reply in replies:
        if reply.address == "/punchin/clip":
            found[reply.params[1]] = (Path(reply.params[3]), keys_of(reply))
    return [found[index] for index in sorted(found)], replies


def test_a_repaint_is_exact_and_leaves_the_outside_alone(client):
    ((path, keys),), replies = rendered(client, "repaint", source=str(MUSIC), start=3.0, end=7.5, handles=0.5, seed=1)
    samples, rate = soundfile.read(path, dtype="float32")
    source, _ = soundfile.read(MUSIC, dtype="float32")
    assert rate == 44100
    assert keys["frames"] == len(samples) == round(4.5 * rate) + 2 * round(0.5 * rate)
    assert keys["engine"] == "acestep"
    half = round(0.5 * rate)
    assert np.array_equal(samples[:half], source[round(2.5 * rate) : round(3.0 * rate)])
    assert np.array_equal(samples[-half:], source[round(7.5 * rate) : round(8.0 * rate)])
    assert np.abs(samples[half:-half] - source[round(3.0 * rate) : round(7.5 * rate)]).mean() > 0.01
    stages = [reply.params[2] for reply in replies if reply.address == "/punchin/progress"]
    assert {"loading", "rendering"} <= set(stages)


@pytest.mark.parametrize(("start", "end", "expected"), [(8.0, 14.5, 6.5), (-6.0, 1.0, 6.0)])
def test_a_continuation_goes_on_or_leads_in(client, start, end, expected):
    ((_, keys),), _ = rendered(client, "continue", source=str(MUSIC), source_length=8.0, start=start, end=end)
    assert keys["frames"] == round(expected * 44100)


def test_four_takes_differ_and_come_back_the_same(client):
    takes, _ = rendered(client, "repaint", source=str(MUSIC), start=4.0, end=6.0, seed=7, takes=4)
    again, _ = rendered(client, "repaint", source=str(MUSIC), start=4.0, end=6.0, seed=7, takes=4)
    assert len(takes) == 4
    assert len({path.read_bytes() for path, _ in takes}) == 4
    assert [path.read_bytes() for path, _ in takes] == [path.read_bytes() for path, _ in again]


@pytest.mark.parametrize(
    ("verb", "values", "tracks"),
    [
        ("cover", {"prompt": "salsa"}, ["mix"]),
        ("extract", {"tracks": "drums,residual"}, ["drums", "residual"]),
        ("lego", {"track": "bass"}, ["bass"]),
        ("complete", {"tracks": "drums,bass"}, ["mix"]),
    ],
)
def test_whole_sources_come_back_as_long_as_they_were(client, verb, values, tracks):
    clips, _ = rendered(client, verb, source=str(MUSIC), source_length=8.0, **values)
    assert [keys["track"] for _, keys in clips] == tracks
    assert all(keys["frames"] == 8 * 44100 for _, keys in clips)
    if verb == "extract":
        stems = sum(soundfile.read(path, dtype="float64")[0] for path, _ in clips)
        source, _ = soundfile.read(MUSIC, frames=8 * 44100, dtype="float64")
        assert np.abs(stems - source).max() < 10 ** (-90 / 20)


def test_a_new_piece_is_as_long_as_asked_for(client):
    ((path, keys),), _ = rendered(client, "generate", prompt="slow blues", length=3.2)
    assert keys["frames"] == round(3.2 * 48000) == soundfile.info(path).frames


def test_a_turbo_checkpoint_refuses_stems_before_anything_is_rendered(client, models):
    client.send(
        "/punchin/extract", "stems", "engine", "acestep", "model", str(models["turbo"]), "source", str(MUSIC), "tracks", "drums"
    )  # fmt: skip
    refused = client.listen("/punchin/rejected", "/punchin/accepted")[-1]
    assert refused.address == "/punchin/rejected"
    assert refused.params[1] == "unsupported"
    assert "acestep-v15-base" in refused.params[2]


def test_a_missing_checkpoint_says_how_to_get_it(client):
    client.send(
        "/punchin/generate", "none", "engine", "acestep", "model", "acestep-v15-sft", "prompt", "x", "length", 10.0
    )
    refused = client.listen("/punchin/rejected", "/punchin/accepted")[-1]
    assert refused.params[1] == "no_model"
    assert "punchin models pull acestep-v15-sft" in refused.params[2]


def test_a_cancel_ends_a_render_and_leaves_no_file(client, daemon):
    client.send(
        "/punchin/generate", "long", "engine", "acestep", "prompt", "endless", "length", 240.0, "steps", 200, "name", "cancelled"
    )  # fmt: skip
    job_id = client.listen("/punchin/accepted")[-1].params[1]
    while client.listen("/punchin/progress")[-1].params[2] != "rendering":
        pass
    client.send("/punchin/cancel", "enough", "job", job_id)
    assert client.listen("/punchin/cancelled", "/punchin/failed")[-1].address == "/punchin/cancelled"
    assert not list((daemon.state / "clips" / job_id).glob("*"))
    clips, _ = rendered(client, "generate", prompt="after", length=2.0)
    assert len(clips) == 1


def test_a_job_names_its_adapters(client, models):
    import torch
    from safetensors.torch import save_file

    folder = models["turbo"].parent / "loras"
    folder.mkdir()
    torch.manual_seed(0)
    factors = {"lora_down.weight": torch.randn(2, 32), "lora_up.weight": torch.randn(32, 2), "alpha": torch.tensor(4.0)}
    save_file(
        {f"lora_unet_layers_0_self_attn_q_proj.{name}": factor for name, factor in factors.items()},
        folder / "dusty.safetensors",
    )
    made = []
    for lora in ("", "dusty:0.8", "dusty:0"):
        ((path, _),), _ = rendered(
            client, "generate", prompt="blues", length=5.0, seed=2, model="acestep-v15-turbo", lora=lora
        )
        made.append(soundfile.read(path)[0])
    assert not np.array_equal(made[0], made[1])
    assert np.array_equal(made[0], made[2])
    client.send("/punchin/generate", "r-1", "engine", "acestep", "prompt", "x", "length", 4.0, "lora", "absent")
    refused = client.listen("/punchin/rejected", seconds=30)[-1]
    assert "dusty" in refused.params[-1]


def test_planned_takes_come_ranked_and_with_their_lyrics_in_time(client, models):
    expert = '{"planner_caption": false}'
    clips, replies = rendered(
        client, "generate", prompt="rain", length=10.0, bpm=90, planner="on", rank=True, takes=2, seed=5, expert=expert,
        lyrics="[Verse]\nnight light\nbright bass", lrc=True, model=str(models["xl"]),
    )  # fmt: skip
    for path, keys in clips:
        lrc = path.with_suffix(".lrc")
        assert keys["lrc"] == str(lrc)
        assert all(
            re.fullmatch(r"\[00:0[0-9]\.\d\d\](night light|bright bass)", line) for line in lrc.read_text().splitlines()
        )
    scores = [keys["score"] for _, keys in clips]
    assert scores == sorted(scores, reverse=True)
    assert {keys["seed"] for _, keys in clips} == {5, 6}
    assert all("planned by acestep-5Hz-lm-0.6B: 90 bpm" in keys["note"] for _, keys in clips)
    assert "planning" in {reply.params[2] for reply in replies if reply.address == "/punchin/progress"}


def test_a_source_is_described_by_the_planner(daemon, models):
    command = ["send", "understand", "--state", str(daemon.state), "--port", str(daemon.port), "--source", str(MUSIC)]
    command += ["--source-length", "6", "--engine", "acestep", "--model", str(models["turbo"]), "--json"]
    ended = subprocess.run(
        [sys.executable, "-m", "bridge", *command], capture_output=True, text=True, timeout=200, check=False
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    found = told["description"]
    assert 30 <= found["bpm"] <= 300
    assert found["language"] in LANGUAGES
    RenderSpec.parse({"verb": "generate", "prompt": "x", "length": 1, "key": found["key"], "meter": found["meter"]})
    assert found["measured_bpm"] > 0
    assert found["seconds"] == 6.0
