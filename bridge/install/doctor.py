"""Looks at everything punchin needs and says, for each part, how it stands and what to do about it.

Long because it is a list: one short function a part, none calls another's. Nothing here changes a setting, and nothing
that hangs or crashes in Python (a driver, a server that does not answer) keeps the rest from being told.
"""

import errno
import importlib.metadata
import importlib.util
import json
import os
import platform as machine
import queue
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bridge.install import ableton, acceleration, ardour, reaper
from bridge.install.finding import Finding, State
from bridge.midi.ports import command as midi_command
from bridge.midi.system import library as midi_library
from engine.backends.base import Description
from engine.backends.registry import GROUP
from engine.pausing import PAUSED, is_paused
from engine.spec import RenderSpec

_PLAIN_REQUEST = RenderSpec.parse({"verb": "generate", "prompt": "music", "length": 10})
"""What every engine that is ready can do."""
TIME_LIMIT = 2.0
"""Seconds after which a part that has not answered is reported as such."""
LEAST_ROOM = 1_000_000_000
"""Bytes free below which the state folder is a problem: about 40 minutes of stereo takes at 48 kHz, 32 bit."""
MODEL_PACKAGES = ("torch", "diffusers", "transformers", "llguidance", "huggingface_hub")

_REINSTALL = "Install punchin again: pip install --force-reinstall punchin."
_COLOURS: Mapping[State, str] = {"ok": "green", "missing": "yellow", "problem": "red", "off": "dim"}


class Where(Protocol):
    """The settings that matter here."""

    @property
    def state(self) -> Path:
        """Folder of jobs, clips and the daemon's own file."""
        ...

    @property
    def host(self) -> str:
        """Address the daemon listens at."""
        ...

    @property
    def port(self) -> int:
        """Its OSC port, the same number for UDP and TCP."""
        ...


def examine(settings: Where) -> list[Finding]:
    """Examine every part and return what was found, in a fixed order.

    All but the last are examined at once, within about TIME_LIMIT seconds; the last has to wait for torch.
    """
    findings = within(
        TIME_LIMIT,
        {
            "python": lambda: [python_and_platform()],
            "punchin": lambda: [package()],
            "state folder": lambda: [state_folder(settings.state), room(settings.state)],
            "daemon": lambda: [daemon(settings.state)],
            "rendering": lambda: [rendering(settings.state)],
            "osc port": lambda: osc_ports(settings),
            "sound": lambda: [sound(sys.platform)],
            "midi": lambda: [midi(midi_library())],
            "libsndfile": lambda: [libsndfile()],
            "engines": engines,
            "model packages": lambda: [model_packages(_versions(MODEL_PACKAGES))],
            "gpu": lambda: [gpu()],
            "daws": lambda: daws(Path.home(), sys.platform, os.environ),
            "reaper scripts": lambda: [reaper.examine(reaper.resource_folder(Path.home(), sys.platform, os.environ))],
            "ardour scripts": lambda: [ardour.examine(ardour.config_folders(Path.home(), sys.platform, os.environ))],
            "live script": lambda: ableton.examine(Path.home(), sys.platform, os.environ),
        },
    )
    plan = within(acceleration.TIME_LIMIT, {"ace-step plan": lambda: [acceleration.acestep_plan(os.environ)]})
    return findings + plan


def within(seconds: float, parts: Mapping[str, Callable[[], Sequence[Finding]]]) -> list[Finding]:
    """Run every part in a thread of its own; one that raises, or is late, becomes a problem under its name."""
    answers: queue.SimpleQueue[tuple[str, Sequence[Finding]]] = queue.SimpleQueue()

    def answer(name: str, part: Callable[[], Sequence[Finding]]) -> None:
        try:
            found = part()
        except Exception as error:  # noqa: BLE001  the doctor's own faults are findings as well
            found = [Finding(name, "problem", f"could not be examined: {_said(error)}", "Report this as a bug.")]
        answers.put((name, found))

    for name, part in parts.items():
        # daemon threads: a driver that never returns must not keep the process from ending
        threading.Thread(target=answer, args=(name, part), name=f"doctor {name}", daemon=True).start()
    told: dict[str, Sequence[Finding]] = {}
    deadline = time.monotonic() + seconds
    while len(told) < len(parts):
        try:
            name, found = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        told[name] = found
    late = f"did not answer within {seconds:g} s"
    silent = "Try once more; if it stays silent, restart the driver or service behind it."
    return [finding for name in parts for finding in told.get(name, [Finding(name, "problem", late, silent)])]


def as_table(findings: Sequence[Finding]) -> Table:
    """The findings for a terminal: one row each, remedies beneath what was found."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("part", "state", "found"):
        table.add_column(heading, no_wrap=heading != "found")
    for finding in findings:
        found = Text(finding.detail)
        if finding.remedy:
            found.append(f"\n{finding.remedy}", style="italic")
        table.add_row(finding.name, Text(finding.state, style=_COLOURS[finding.state]), found)
    return table


def print_findings(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print the findings: for a person, or as one JSON list."""
    if as_json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2) + "\n")
    else:
        Console().print(as_table(findings))


def python_and_platform() -> Finding:
    """Which Python on which machine."""
    return Finding("python", "ok", f"{machine.python_version()} on {machine.platform(terse=True)}, {machine.machine()}")


def package() -> Finding:
    """The installed version of punchin."""
    version = _versions(("punchin",))["punchin"]
    if version is None:
        remedy = "Install it where this Python finds it: pip install punchin, or pip install -e . in a checkout."
        return Finding("punchin", "missing", "not installed as a package, so no engine can be found", remedy)
    return Finding("punchin", "ok", version)


def state_folder(state: Path) -> Finding:
    """Whether files can be made in the state folder, tried with one that has no name."""
    name = "state folder"
    if not state.exists():
        return Finding(name, "off", f"{state} does not exist yet; the daemon makes it")
    if not state.is_dir():
        return Finding(name, "problem", f"{state} is not a folder", "Move that file away, or set another state folder.")
    try:
        with tempfile.TemporaryFile(dir=state):
            return Finding(name, "ok", str(state))
    except OSError as error:
        remedy = "Give yourself the right to write there, or set another state folder."
        return Finding(name, "problem", f"{state} cannot be written: {_said(error)}", remedy)


def room(state: Path, least: int = LEAST_ROOM) -> Finding:
    """Free bytes on the disk of the state folder, or of where it will be made."""
    place = next(path for path in (state, *state.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    detail = f"{free / 1e9:.1f} GB free at {place}"
    if free < least:
        remedy = f"Free {(least - free) / 1e9:.1f} GB there, or set a state folder on another disk."
        return Finding("disk", "problem", detail, remedy)
    return Finding("disk", "ok", detail)


def daemon(state: Path) -> Finding:
    """Whether the daemon that wrote `daemon.json` still lives, and is of this version."""
    note = state / "daemon.json"
    start = "Start the daemon again; it replaces the file."
    try:
        told = json.loads(note.read_text("utf-8"))
        pid, version = int(told["pid"]), str(told["version"])
        place = f"{told['host']}:{told['port']}"
    except FileNotFoundError:
        return Finding("daemon", "off", "not running")
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Finding("daemon", "problem", f"{note} cannot be read: {_said(error)}", start)
    if not _writer_lives(pid, note.stat().st_mtime):
        return Finding("daemon", "problem", f"process {pid} ended without saying so", start)
    here = _versions(("punchin",))["punchin"]
    if here is not None and here != version:
        detail = f"process {pid} at {place} runs version {version}, {here} is installed"
        return Finding("daemon", "problem", detail, "Stop the daemon and start it again.")
    return Finding("daemon", "ok", f"process {pid} at {place}, version {version}")


def rendering(state: Path) -> Finding:
    """Whether rendering was paused, by `punchin pause` or by a client."""
    if is_paused(state):
        return Finding("rendering", "off", PAUSED)
    return Finding("rendering", "ok", "not paused")


def _writer_lives(pid: int, written: float) -> bool:
    """Whether a process lives that is older than what it wrote: pids are used again."""
    import psutil  # noqa: PLC0415  not needed to start the command line

    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and process.create_time() <= written + 1.0
    except psutil.AccessDenied:
        return True
    except psutil.Error:
        return False


def osc_ports(settings: Where) -> list[Finding]:
    """Whether the OSC port is free for UDP and for TCP, or who holds it."""
    kinds = (("osc port, udp", socket.SOCK_DGRAM), ("osc port, tcp", socket.SOCK_STREAM))
    return [osc_port(name, kind, settings) for name, kind in kinds]


def osc_port(name: str, kind: socket.SocketKind, settings: Where) -> Finding:
    """Try to take one port, and let it go at once."""
    place = f"{settings.host}:{settings.port}"
    if not 0 <= settings.port <= 65535:
        return Finding(name, "problem", f"{settings.port} is no port", "Set a port from 1024 to 65535.")
    try:
        family, *_, address = socket.getaddrinfo(settings.host, settings.port, type=kind)[0]
        with socket.socket(family, kind) as probe:
            if kind is socket.SOCK_STREAM and os.name == "posix":
                # connections of a daemon that has just ended linger; they do not hinder the next one
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return _held(name, kind, settings)
        remedy = "Set the host to an address of this machine, such as 127.0.0.1, and the port to one above 1023."
        return Finding(name, "problem", f"{place} cannot be taken: {_said(error)}", remedy)
    return Finding(name, "ok", f"{place} is free")


def _held(name: str, kind: socket.SocketKind, settings: Where) -> Finding:
    place = f"{settings.host}:{settings.port}"
    from bridge.osc.ports import holder  # noqa: PLC0415  brings psutil, not needed to start the command line

    found = holder(kind, settings.port)
    if found is None:
        remedy = "End the program that holds it, or set another port; an administrator can see which one it is."
        return Finding(name, "problem", f"{place} is held by an unknown program", remedy)
    pid, process = found
    if _daemon_pid(settings.state) == pid:
        return Finding(name, "ok", f"{place} is held by the daemon, process {pid}")
    remedy = "End that program, or set another port."
    return Finding(name, "problem", f"{place} is held by {process}, process {pid}", remedy)


def _daemon_pid(state: Path) -> int | None:
    try:
        return int(json.loads((state / "daemon.json").read_text("utf-8"))["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def sound(platform: str) -> Finding:
    """The audio devices that PortAudio sees. `platform`: as in sys.platform."""
    try:
        import sounddevice  # noqa: PLC0415  loads PortAudio, which takes long and may fail

        outputs = [device for device in sounddevice.query_devices() if device["max_output_channels"] > 0]
        if not outputs:
            remedy = "Connect or switch on an audio interface; without one, takes cannot be auditioned by the daemon."
            return Finding("sound", "missing", "PortAudio is there, no output device", remedy)
        default = sounddevice.query_devices(kind="output")["name"]
    except (ImportError, OSError) as error:
        return Finding("sound", "missing", _said(error), portaudio_remedy(platform))
    except Exception as error:  # noqa: BLE001  PortAudioError can be named only once the import has worked
        return Finding("sound", "problem", _said(error), "Choose an output device in the system's sound settings.")
    return Finding("sound", "ok", f"output devices: {len(outputs)}, default {default}")


def portaudio_remedy(platform: str) -> str:
    """What to do where PortAudio is missing. `platform`: as in sys.platform."""
    if platform.startswith("linux"):
        return "Install PortAudio: apt install libportaudio2 (Debian, Ubuntu) or dnf install portaudio (Fedora)."
    return "Install sounddevice again, it brings PortAudio: pip install --force-reinstall sounddevice."


def midi(library: str | None) -> Finding:
    """The MIDI inputs that the driver sees. `library`: which one it will use."""
    if library is None:
        remedy = "Install it: pip install python-rtmidi, which needs a C++ compiler here, or use Python 3.12."
        return Finding("midi", "missing", "neither python-rtmidi nor rtmidi2 is installed", remedy)
    driver = subprocess.run(  # noqa: S603  our own module in this Python
        midi_command("punchin-doctor"),
        input='{"inputs": [], "outputs": [], "virtual": false}\n',
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )
    told = json.loads(driver.stdout.partition("\n")[0] or '{"trouble": "the MIDI driver ended without a word"}')
    if "trouble" in told:
        remedy = "Make the system's MIDI service available (on Linux ALSA's sequencer: modprobe snd-seq, or JACK)."
        return Finding("midi", "missing", told["trouble"], remedy)
    if not told["inputs"]:
        return Finding("midi", "off", f"no MIDI input is connected ({library})")
    return Finding("midi", "ok", f"inputs: {', '.join(told['inputs'])} ({library})")


def libsndfile() -> Finding:
    """The library that reads and writes audio files."""
    try:
        import soundfile  # noqa: PLC0415  loads libsndfile, which may fail
    except (ImportError, OSError) as error:
        return Finding("libsndfile", "problem", _said(error), _REINSTALL)
    return Finding("libsndfile", "ok", soundfile.__libsndfile_version__)


def engines() -> list[Finding]:
    """Every engine that an installed package offers, its description loaded and looked at."""
    found = []
    for entry in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        name = f"engine {entry.name}"
        owner = entry.dist.name if entry.dist else entry.value
        try:
            description = entry.load()
        except Exception as error:  # noqa: BLE001  an engine is another package's code
            found.append(Finding(name, "problem", _said(error), f"Update or remove the package {owner}."))
            continue
        if isinstance(description, Description):
            detail = f"{description.label} ({', '.join(sorted(description.verbs))})"
            obstacle = description.obstacle(_PLAIN_REQUEST)
            state: State = "ok" if obstacle is None else "missing"
            found.append(Finding(name, state, detail, "" if obstacle is None else f"Not ready: {obstacle}."))
        else:
            detail = f"{entry.value} is no engine description"
            found.append(Finding(name, "problem", detail, f"Update or remove the package {owner}."))
    return found or [Finding("engines", "missing", "none is installed", _REINSTALL)]


def model_packages(versions: Mapping[str, str | None]) -> Finding:
    """The packages of the real model: none of them is needed, some of them without the others is a fault."""
    there = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    absent = ", ".join(name for name, version in versions.items() if version is None)
    install = 'For the ACE-Step engine: pip install "punchin[ace]".'
    if not there:
        return Finding("model packages", "off", "not installed", install)
    if absent:
        return Finding("model packages", "problem", f"{there}; without {absent}", install)
    return Finding("model packages", "ok", there)


def _versions(names: Sequence[str]) -> dict[str, str | None]:
    """Installed versions, read without importing anything."""
    found: dict[str, str | None] = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def gpu() -> Finding:
    """The graphics processor that a model could use."""
    if sys.platform == "darwin" and machine.machine() == "arm64":
        return Finding("gpu", "ok", "Apple silicon, which shares the machine's memory")
    command = shutil.which("nvidia-smi")
    if command is None:
        return Finding("gpu", "off", "none that nvidia-smi knows; models run on the processor")
    query = [command, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    remedy = "Install the NVIDIA driver again, or restart; nvidia-smi must work by itself."
    try:
        # the command is the one that the system's own search path names
        told = subprocess.run(query, capture_output=True, text=True, timeout=TIME_LIMIT * 0.8, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("gpu", "problem", _said(error), remedy)
    cards = gpu_names(told.stdout)
    if told.returncode or not cards:
        return Finding("gpu", "problem", (told.stdout + told.stderr).strip() or "nvidia-smi names no card", remedy)
    return Finding("gpu", "ok", ", ".join(cards))


def gpu_names(csv: str) -> list[str]:
    """Card names with their memory, from nvidia-smi's lines of name and MiB (or [N/A], where memory is shared)."""
    cards = []
    for line in csv.splitlines():
        name, comma, memory = (part.strip() for part in line.rpartition(","))
        if comma and name:
            cards.append(f"{name}, {int(memory) / 1024:.0f} GB" if memory.isdecimal() else name)
    return cards


def daws(home: Path, platform: str, environ: Mapping[str, str]) -> list[Finding]:
    """The DAWs that have been started here, by the folders they make. `platform`: as in sys.platform.

    Sources: REAPER's "Show resource path", Ableton's help on the User Library, the Ardour manual's files page.
    """
    resources = reaper.resource_folder(home, platform, environ)
    if platform == "win32":
        roaming = Path(environ.get("APPDATA", home / "AppData" / "Roaming"))
        local = Path(environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
        preferences, ardour = roaming / "Ableton", local
        library = home / "Documents" / "Ableton" / "User Library"
    elif platform == "darwin":
        ardour = home / "Library" / "Preferences"
        preferences = ardour / "Ableton"
        library = home / "Music" / "Ableton" / "User Library"
    else:
        config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
        return [_folders("reaper", [resources]), _not_on_linux(), _folders("ardour", _ardours(config))]
    live = [*_matching(preferences, r"Live \d.*"), library]
    return [_folders("reaper", [resources]), _folders("ableton live", live), _folders("ardour", _ardours(ardour))]


def _not_on_linux() -> Finding:
    return Finding("ableton live", "off", "does not run on this system")


def _folders(name: str, candidates: Sequence[Path]) -> Finding:
    there = [str(path) for path in candidates if path.is_dir()]
    if not there:
        return Finding(name, "off", "not found; start it once, and it makes its folders")
    return Finding(name, "ok", ", ".join(there))


def _ardours(folder: Path) -> list[Path]:
    return _matching(folder, r"[Aa]rdour\d+")


def _matching(folder: Path, pattern: str) -> list[Path]:
    """Folders whose whole name matches, the oldest version first."""
    try:
        names = [path.name for path in folder.iterdir() if re.fullmatch(pattern, path.name)]
    except OSError:
        return []
    return [folder / name for name in sorted(names, key=lambda name: [int(part) for part in re.findall(r"\d+", name)])]


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text or type(error).__name__
