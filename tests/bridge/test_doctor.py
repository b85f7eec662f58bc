import ctypes.util
import dataclasses
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from bridge.install import doctor
from bridge.install.doctor import Finding


@dataclasses.dataclass(frozen=True)
class Settings:
    state: Path
    host: str = "127.0.0.1"
    port: int = 17862


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def note(state: Path, pid: int, version: str = "0.1.0") -> None:
    told = {"pid": pid, "host": "127.0.0.1", "port": 17862, "version": version}
    (state / "daemon.json").write_text(json.dumps(told), "utf-8")


# the whole


def test_everything_is_examined_and_every_fault_has_a_remedy(tmp_path, monkeypatch):
    for module in (doctor, doctor.acceleration):
        monkeypatch.setattr(module, "TIME_LIMIT", 60.0)  # a busy test machine is no finding
    findings = doctor.examine(Settings(tmp_path, port=free_port()))
    names = [finding.name for finding in findings]
    assert [name for name in names if not name.startswith("engine")] == [
        *(
            "python",
            "punchin",
            "state folder",
            "disk",
            "daemon",
            "rendering",
            "osc port, udp",
            "osc port, tcp",
            "sound",
        ),
        *(
            "midi",
            "libsndfile",
            "model packages",
            "gpu",
            "reaper",
            "ableton live",
            "ardour",
            "reaper scripts",
            "ardour scripts",
            "ace-step plan",
        ),
    ]
    for finding in findings:
        assert finding.state in {"ok", "missing", "problem", "off"}
        assert finding.detail
        assert finding.state in {"ok", "off"} or finding.remedy.endswith("."), finding
    states = {finding.name: finding.state for finding in findings}
    assert states["libsndfile"] == states["osc port, udp"] == states["state folder"] == "ok"
    assert states["daemon"] == "off"
    assert list(tmp_path.iterdir()) == []


def test_findings_become_json_and_a_table(tmp_path):
    findings = [Finding("midi", "problem", "no [driver] here", "Mend it."), Finding("gpu", "ok", "NVIDIA H200")]
    assert json.loads(json.dumps([dataclasses.asdict(each) for each in findings]))[0]["remedy"] == "Mend it."
    console = Console(width=100, record=True, file=(tmp_path / "table").open("w", encoding="utf-8"))
    console.print(doctor.as_table(findings))
    console.file.close()
    text = console.export_text()
    assert "no [driver] here" in text
    assert text.index("no [driver] here") < text.index("Mend it.") < text.index("NVIDIA H200")


def test_a_part_that_raises_or_hangs_leaves_the_others_standing():
    release = threading.Event()

    def hangs():
        release.wait(60)
        return []

    def raises():
        raise RuntimeError("driver fault")

    found = doctor.within(0.2, {"slow": hangs, "broken": raises, "good": lambda: [Finding("good", "ok", "here")]})
    release.set()
    assert [(each.name, each.state) for each in found] == [("slow", "problem"), ("broken", "problem"), ("good", "ok")]
    assert "did not answer within 0.2 s" in found[0].detail
    assert "driver fault" in found[1].detail


def test_no_model_code_is_imported():
    code = (
        "import sys, pathlib, types; from bridge.install import doctor;"
        "light = {'sounddevice', 'mido', 'psutil', 'soundfile'} & set(sys.modules);"
        "doctor.examine(types.SimpleNamespace(state=pathlib.Path('.'), host='127.0.0.1', port=0));"
        "print(light | {'torch', 'diffusers', 'transformers'} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert told.stdout.strip() == "set()"


# state folder and disk


def test_a_state_folder_that_is_a_file(tmp_path):
    place = tmp_path / "state"
    assert doctor.state_folder(place).state == "off"
    place.write_text("")
    assert doctor.state_folder(place).state == "problem"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is the folder that nobody can write to")
def test_a_state_folder_that_cannot_be_written():
    finding = doctor.state_folder(Path("/proc"))
    assert finding.state == "problem"
    assert "cannot be written" in finding.detail


def test_room_is_measured_where_the_folder_will_be(tmp_path):
    assert doctor.room(tmp_path / "a" / "b", least=1).state == "ok"
    short = doctor.room(tmp_path / "a" / "b", least=10**18)
    assert short.state == "problem"
    assert str(tmp_path) in short.detail
    assert "/a" not in short.detail.removeprefix(str(tmp_path))


# daemon


def test_a_living_daemon_of_the_installed_version(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "punchin-9.9.9.dist-info").mkdir()
    (tmp_path / "punchin-9.9.9.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: punchin\nVersion: 9.9.9\n"
    )
    assert doctor.package() == Finding("punchin", "ok", "9.9.9")
    note(tmp_path, os.getpid(), "9.9.9")
    at = f"process {os.getpid()} at 127.0.0.1:17862"
    assert doctor.daemon(tmp_path) == Finding("daemon", "ok", f"{at}, version 9.9.9")
    note(tmp_path, os.getpid(), "0.0.1")
    assert doctor.daemon(tmp_path).detail == f"{at} runs version 0.0.1, 9.9.9 is installed"
    assert doctor.daemon(tmp_path).state == "problem"


def test_a_daemon_that_ended(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    note(tmp_path, child.pid)
    assert doctor.daemon(tmp_path).state == "problem"


def test_a_process_id_used_again_is_not_the_daemon(tmp_path):
    note(tmp_path, os.getpid())
    before = psutil.Process().create_time() - 3600
    os.utime(tmp_path / "daemon.json", (before, before))
    assert doctor.daemon(tmp_path).state == "problem"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pid": "x"}', '{"pid": 1}', "\xff"])
def test_a_damaged_daemon_file(tmp_path, text):
    (tmp_path / "daemon.json").write_bytes(text.encode("latin-1"))
    finding = doctor.daemon(tmp_path)
    assert finding.state == "problem"
    assert finding.remedy


# ports


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_held_port_names_its_holder(tmp_path, kind):
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            holder.listen()
        settings = Settings(tmp_path, port=holder.getsockname()[1])
        finding = doctor.osc_port("osc port", kind, settings)
        assert finding.state == "problem"
        if "unknown" not in finding.detail:  # some systems tell it to administrators only
            assert f"process {os.getpid()}" in finding.detail
            note(tmp_path, os.getpid())
            assert doctor.osc_port("osc port", kind, settings).state == "ok"
    assert doctor.osc_port("osc port", kind, settings).state == "ok"


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 17862), ("127.0.0.1", 70_000), ("no.such.host.invalid", 1)])
def test_an_address_that_is_not_ours(tmp_path, host, port):
    finding = doctor.osc_port("osc port", socket.SOCK_DGRAM, Settings(tmp_path, host, port))
    assert finding.state == "problem"
    assert finding.remedy


# sound and MIDI


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the wheel brings PortAudio along")
def test_sound_without_portaudio(monkeypatch):
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    finding = doctor.sound("linux")
    assert finding.state == "missing"
    assert "PortAudio" in finding.detail
    assert "apt install libportaudio2" in finding.remedy
    assert "pip install" in doctor.sound("darwin").remedy


def test_midi_without_a_library():
    finding = doctor.midi(None)
    assert finding.state == "missing"
    assert "pip install python-rtmidi" in finding.remedy


# engines and packages


def package(folder: Path, entry: str, module: str = "") -> None:
    info = folder / "planted-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: planted\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[punchin.engines]\nplanted = {entry}\n")
    (folder / "planted_engine.py").write_text(module)


def planted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Finding:
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "planted_engine", raising=False)
    (finding,) = [each for each in doctor.engines() if each.name == "engine planted"]
    return finding


def test_an_engine_of_another_package(tmp_path, monkeypatch):
    package(
        tmp_path,
        "planted_engine:DESCRIPTION",
        "from engine.backends.base import Description\nfrom engine.spec import Verb\n"
        "DESCRIPTION = Description('planted', 'Hums.', 'x:y', frozenset({Verb.REPAINT, Verb.COVER}))\n",
    )
    assert planted(tmp_path, monkeypatch) == Finding("engine planted", "ok", "Hums. (cover, repaint)")


def test_an_engine_that_is_not_ready_says_what_it_lacks(tmp_path, monkeypatch):
    package(
        tmp_path,
        "planted_engine:DESCRIPTION",
        "from engine.backends.base import Description\nfrom engine.errors import NoModel\nfrom engine.spec import Verb\n"
        "DESCRIPTION = Description('planted', 'Hums.', 'x:y', frozenset(Verb), obstacle=lambda _: NoModel('fetch the choir'))\n",
    )
    found = planted(tmp_path, monkeypatch)
    assert (found.state, found.remedy) == ("missing", "Not ready: fetch the choir.")


@pytest.mark.parametrize("module", ["DESCRIPTION = 'text'", "", "raise RuntimeError('broken')", "import nowhere"])
def test_a_broken_engine_names_its_package(tmp_path, monkeypatch, module):
    package(tmp_path, "planted_engine:DESCRIPTION", module)
    finding = planted(tmp_path, monkeypatch)
    assert finding.state == "problem"
    assert "planted" in finding.remedy


def test_model_packages():
    assert doctor.model_packages({"torch": None, "diffusers": None}).state == "off"
    half = doctor.model_packages({"torch": "2.7.0", "diffusers": None})
    assert (half.state, half.detail) == ("problem", "torch 2.7.0; without diffusers")
    assert doctor.model_packages({"torch": "2.7.0", "diffusers": "0.42.0"}).state == "ok"


def test_gpu_names():
    csv = "NVIDIA H200, 143771\nNVIDIA GeForce RTX 4090, 24564\nNVIDIA GB10, [N/A]\n"
    assert doctor.gpu_names(csv) == ["NVIDIA H200, 140 GB", "NVIDIA GeForce RTX 4090, 24 GB", "NVIDIA GB10"]
    assert doctor.gpu_names("NVIDIA-SMI has failed") == []


@pytest.mark.skipif(os.name != "posix", reason="plants a shell script on PATH")
@pytest.mark.parametrize(
    ("script", "state", "detail"),
    [
        ('echo "NVIDIA H200, 143771"', "ok", "NVIDIA H200, 140 GB"),
        (
            "echo 'Failed to initialize NVML: version mismatch'; exit 18",
            "problem",
            "Failed to initialize",
        ),
        ("exec sleep 30", "problem", "timed out"),
    ],
)
def test_nvidia_smi_is_asked_with_a_time_limit(tmp_path, monkeypatch, script, state, detail):
    command = tmp_path / "nvidia-smi"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(sys, "platform", "linux")
    finding = doctor.gpu()
    assert finding.state == state
    assert detail in finding.detail


# DAWs

FOLDERS = {
    "linux": (".config/REAPER", ".config/ardour8", ".config/ardour10"),
    "darwin": (
        "Library/Application Support/REAPER",
        "Library/Preferences/Ableton/Live 12.1.5",
        "Library/Preferences/Ableton/Live 11.3.25",
        "Music/Ableton/User Library",
        "Library/Preferences/Ardour8",
    ),
    "win32": (
        "AppData/Roaming/REAPER",
        "AppData/Roaming/Ableton/Live 12.1.5",
        "Documents/Ableton/User Library",
        "AppData/Local/Ardour8",
    ),
}


@pytest.mark.parametrize("platform", FOLDERS)
def test_daws_are_found_by_their_folders(tmp_path, platform):
    assert {each.state for each in doctor.daws(tmp_path, platform, {})} == {"off"}
    for folder in FOLDERS[platform]:
        (tmp_path / folder).mkdir(parents=True)
    findings = doctor.daws(tmp_path, platform, {})
    assert [each.name for each in findings] == ["reaper", "ableton live", "ardour"]
    told = [path for each in findings if each.state == "ok" for path in each.detail.split(", ")]
    assert sorted(told) == sorted(str(tmp_path / folder) for folder in FOLDERS[platform])


def test_versions_are_told_in_order(tmp_path):
    for number in (10, 8, 9):
        (tmp_path / ".config" / f"ardour{number}").mkdir(parents=True)
    (tmp_path / ".config" / "ardourish").mkdir()
    detail = doctor.daws(tmp_path, "linux", {})[2].detail
    assert [path[path.rindex("ardour") :] for path in detail.split(", ")] == ["ardour8", "ardour9", "ardour10"]


@pytest.mark.parametrize(("platform", "variable"), [("linux", "XDG_CONFIG_HOME"), ("win32", "APPDATA")])
def test_daw_folders_follow_the_environment(tmp_path, platform, variable):
    (tmp_path / "elsewhere" / "REAPER").mkdir(parents=True)
    environ = {variable: str(tmp_path / "elsewhere")}
    assert doctor.daws(tmp_path, platform, environ)[0].detail == str(tmp_path / "elsewhere" / "REAPER")
