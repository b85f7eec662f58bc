"""OSC programs that others wrote, in C, JavaScript and Pure Data, each render one clip and read the result.

Locally a program that is not installed is skipped; `.ci/run` installs all of them, and a skip fails there.
"""

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rig import PlainClient, until

pytestmark = pytest.mark.thirdparty

CLIENTS = Path(__file__).parent / "thirdparty"
FRAMES = 22050


def program(name, package):
    found = shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed (Debian: {package})")
    return found


@pytest.fixture
def tone(tmp_path):
    path = tmp_path / "tone.wav"
    soundfile.write(path, (0.2 * np.sin(np.arange(44100) / 20)).astype(np.float32), 44100, subtype="FLOAT")
    return path


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def one_clip(out):
    (clip,) = out.iterdir()
    assert soundfile.info(clip).frames == FRAMES
    return str(clip)


def state_of_the_job(daemon):
    client = PlainClient(daemon.port)
    client.send("/punchin/status", "s")
    listed, end = client.listen("/punchin/status_end")
    client.close()
    assert end.params == ["s", 1]
    return listed.params[2]


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_oscsend_asks_and_oscdump_hears_the_result(daemon, tone, out, tmp_path):
    """liblo: each request comes from a new port, so that every one names the port that listens."""
    send, dump = program("oscsend", "liblo-tools"), program("oscdump", "liblo-tools")
    port = free_port()
    heard = tmp_path / "heard.txt"

    def osc(address, tags, *values):
        command = [send, "127.0.0.1", str(daemon.port), address, f"{tags}si", *values, "reply_port", str(port)]
        subprocess.run(command, check=True, timeout=30)

    def line_of(address):
        return next((line for line in heard.read_text("utf-8").splitlines() if f" {address} " in line), None)

    with heard.open("w") as file, subprocess.Popen([dump, "-L", str(port)], stdout=file) as listening:
        try:
            # oscdump says nothing when it is ready.
            while not line_of("/punchin/pong"):
                osc("/punchin/ping", "s", "lo-1")
                time.sleep(0.1)
            place = ("source", str(tone), "start", "0.25", "end", "0.75")
            osc("/punchin/repaint", "ssssfsfssss", "lo-2", *place, "directory", str(out), "cookie", "lo")
            done = until(lambda: line_of("/punchin/done"))
            job = done.split('"')[1]
            osc("/punchin/received", "s", job)
            until(lambda: state_of_the_job(daemon) == "received")
        finally:
            listening.terminate()
    assert done.endswith(f'/punchin/done sis "{job}" 1 "lo"')
    assert f'"{one_clip(out)}"' in line_of("/punchin/clip")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_node_with_the_osc_package(daemon, tone, out, transport):
    node = program("node", "nodejs")
    if not (CLIENTS / "node_modules" / "osc").is_dir():
        pytest.skip(f"the npm package osc is not installed: npm ci --omit=optional --prefix {CLIENTS}")
    command = [node, str(CLIENTS / "client.js"), transport, str(daemon.port), str(tone), str(out)]
    ran = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    replies = [json.loads(line) for line in ran.stdout.splitlines()]
    by_address = {reply["address"]: [argument.get("value") for argument in reply["args"]] for reply in replies}
    assert by_address["/punchin/accepted"][0] == "node-1"
    job = by_address["/punchin/accepted"][1]
    assert by_address["/punchin/done"] == [job, 1, "from node ♪"]
    clip = by_address["/punchin/clip"]
    assert clip[:4] == [job, 0, 1, one_clip(out)]
    keys = dict(zip(clip[4::2], clip[5::2], strict=True))
    assert (keys["start"], keys["sample_rate"], keys["seed"]["low"], keys["silent"]) == (0.25, 44100, 8, False)
    assert by_address["/punchin/job"][2] == "received"


def test_pure_data_whose_numbers_are_all_floats(daemon, tone, out):
    pd = program("pd", "puredata-core")
    ask = f"list pd-1 source {tone} start 0.25 end 0.75 seed 8 takes 1 loop 0 directory {out} cookie pd"
    command = [pd, "-nogui", "-noaudio", "-nomidi", "-stderr", "-open", str(CLIENTS / "client.pd")]
    ran = subprocess.run(
        [*command, "-send", f"net connect 127.0.0.1 {daemon.port}", "-send", f"ask {ask}"],
        capture_output=True, text=True, errors="replace", timeout=120, check=False,
    )  # fmt: skip
    replies = [line.split()[1:] for line in ran.stderr.splitlines() if line.startswith("reply:")]
    assert ["list", "punchin", "accepted", "pd-1"] in [reply[:4] for reply in replies], ran.stdout + ran.stderr
    by_address = {reply[2]: reply[3:] for reply in replies}
    job = by_address["accepted"][1]
    assert by_address["done"] == [job, "1", "pd"]
    # Its oscparse knows neither doubles nor 64-bit integers; what comes before the first of them is sound.
    assert by_address["clip"][:8] == [job, "0", "1", one_clip(out), "take", "1", "track", "mix"]
    assert state_of_the_job(daemon) == "received"
