"""Puts the scripts into REAPER's resource folder, and takes them out again so that the folder is as it was.

REAPER keeps its actions in `reaper-kb.ini`, one line a script, and names each after its path: the names here are those that
REAPER itself would give, so that key maps and toolbars stay right. It rewrites that file when it quits.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from bridge import settings
from bridge.flags import State
from bridge.install.finding import Finding
from bridge.install.lua import quoted
from bridge.shipped import shipped
from engine.errors import PunchinError

NAME = "punchin"
BACKGROUND = "punchin_background.lua"
_RECORD = "installed.json"
_BACKUP = ".before-punchin"
_ACTIONS = "reaper-kb.ini"
_STARTUP = "Scripts/__startup.lua"
_BEGIN, _END = "-- punchin: begin", "-- punchin: end"
_PROGRAMS = {"reaper", "reaper.exe"}


class CannotInstall(PunchinError):
    """REAPER's folder cannot be changed as asked."""


def reaper(
    *,
    resource_path: Annotated[Path | None, Parameter(help="REAPER's resource folder, for a portable REAPER")] = None,
    state: State = None,
    uninstall: Annotated[bool, Parameter(negative="", help="take the scripts out again")] = False,
) -> None:
    """Put the scripts into REAPER, or take them out."""
    resources = resource_path or resource_folder(Path.home(), sys.platform, os.environ)
    if not resources.is_dir():
        raise CannotInstall(f"{resources} does not exist: start REAPER once, or name its folder with --resource-path")
    import psutil  # noqa: PLC0415  the doctor imports this module, and has to start without it

    if any((process.info["name"] or "").lower() in _PROGRAMS for process in psutil.process_iter(["name"])):
        raise CannotInstall("REAPER runs, and would write its own list of actions when it quits: quit it first")
    if uninstall:
        take_out(resources)
        lines = [f"punchin's scripts are no longer in {resources}"]
    else:
        put_in(resources, settings.load(state=state).state)
        lines = [
            f"{len(_scripts())} actions are in {resources}",
            "start REAPER and look for punchin in its action list",
        ]
        lines += [
            f"another copy is in {copy}: remove it, or REAPER shows every action twice" for copy in copies(resources)
        ]
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def resource_folder(home: Path, platform: str, environ: Mapping[str, str]) -> Path:
    """Where REAPER keeps its settings, unless it is a portable one. `platform`: as in sys.platform."""
    if platform == "win32":
        return Path(environ.get("APPDATA", home / "AppData" / "Roaming")) / "REAPER"
    if platform == "darwin":
        return home / "Library" / "Application Support" / "REAPER"
    return Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "REAPER"


def command_id(script: str) -> str:
    """The name that REAPER gives to a script of its main section; `script` is relative to `Scripts`, with slashes."""
    return "RS" + hashlib.sha1(script.upper().encode(), usedforsecurity=False).hexdigest()


def put_in(resources: Path, state: Path) -> None:
    """Copy the scripts, list them as actions, and let REAPER start the one that receives results.

    An older copy is replaced. Raises CannotInstall where the folder holds something else.
    """
    folder = resources / "Scripts" / NAME
    if folder.exists():
        take_out(resources)
    created = [name for name in ("Scripts", _ACTIONS, _STARTUP) if not (resources / name).exists()]
    shutil.copytree(_shipped(), folder, ignore=shutil.ignore_patterns(".*"))
    (folder / "punchin" / "config.lua").write_text(_config(state), encoding="utf-8", newline="\n")
    record = {"version": version("punchin"), "created": created}
    (folder / _RECORD).write_text(json.dumps(record), encoding="utf-8")
    listed = "".join(f'SCR 4 0 {command_id(name)} "Custom: {Path(name).name}" {name}\n' for name in _scripts())
    _change(resources / _ACTIONS, lambda text: _in_style_of(text, listed) + text)
    _change(resources / _STARTUP, lambda text: text + _in_style_of(text, _startup()))


def take_out(resources: Path) -> None:
    """Remove what was put in. Raises CannotInstall where nothing of ours is there."""
    folder = resources / "Scripts" / NAME
    record = _record(folder)
    if record is None:
        raise CannotInstall(f"{folder} was not made by punchin install reaper: it is left as it is")
    ids = "|".join(command_id(name) for name in _scripts(folder))
    _change(resources / _ACTIONS, lambda text: re.sub(rf"(?m)^SCR \d+ 0 ({ids}) .*\r?\n", "", text))
    _change(resources / _STARTUP, lambda text: re.sub(rf"(?s)\r?\n{_BEGIN}.*?{_END}\r?\n", "", text))
    shutil.rmtree(folder)
    for name in (_ACTIONS, _STARTUP):
        path = resources / name
        path.with_name(path.name + _BACKUP).unlink(missing_ok=True)
        if name in record["created"] and path.exists() and not path.read_bytes():
            path.unlink()
    if "Scripts" in record["created"] and not any((resources / "Scripts").iterdir()):
        (resources / "Scripts").rmdir()


def copies(resources: Path) -> list[Path]:
    """Folders with punchin's scripts that the installer did not make, as those of a package manager."""
    own = resources / "Scripts" / NAME
    found = {path.parent for path in (resources / "Scripts").rglob(BACKGROUND)}
    return sorted(found - {own})


def examine(resources: Path) -> Finding:
    """How the scripts stand in REAPER's folder."""
    if not resources.is_dir():
        return Finding("reaper scripts", "off", "REAPER was not found")
    folder = resources / "Scripts" / NAME
    record = _record(folder)
    if others := [*copies(resources), *([folder] if folder.exists() and record is None else [])]:
        remedy = "Remove it, or its actions and those of the installer stand in each other's way."
        return Finding("reaper scripts", "problem", f"another copy is in {others[0]}", remedy)
    again = "Quit REAPER, then: punchin install reaper."
    if record is None:
        return Finding("reaper scripts", "off", "not installed; punchin install reaper puts them in")
    if record["version"] != version("punchin"):
        return Finding("reaper scripts", "problem", f"from version {record['version']}", again)
    listed = _read(resources / _ACTIONS)
    if absent := [
        name for name in _scripts() if command_id(name) not in listed or not (folder.parent / name).is_file()
    ]:
        return Finding(
            "reaper scripts", "problem", f"{len(absent)} actions are missing, as {Path(absent[0]).name}", again
        )
    return Finding("reaper scripts", "ok", f"version {record['version']} in {folder}")


def _shipped() -> Path:
    return shipped("daw_scripts") / "reaper"


def _scripts(folder: Path | None = None) -> list[str]:
    """The scripts that are actions, relative to `Scripts`."""
    return sorted(f"{NAME}/{path.name}" for path in (folder or _shipped()).glob("punchin_*.lua"))


def _record(folder: Path) -> dict[str, Any] | None:
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and {"version", "created"} <= record.keys() else None


def _config(state: Path) -> str:
    command = [sys.executable, "-m", "bridge", "serve", "--state", str(state)]
    line = subprocess.list2cmdline(command) if sys.platform == "win32" else " ".join(f'"{part}"' for part in command)
    return (
        f"-- Made by punchin install reaper.\nreturn {{\n  state = {quoted(state)},\n  daemon = {quoted(line)},\n}}\n"
    )


def _startup() -> str:
    name = command_id(f"{NAME}/{BACKGROUND}")
    return "\n".join(
        [
            "",
            f"{_BEGIN} (made by punchin install reaper, which takes it out with --uninstall)",
            f'local punchin = reaper.NamedCommandLookup("_{name}")',
            "if punchin ~= 0 then reaper.Main_OnCommand(punchin, 0) end",
            f"{_END}\n",
        ]
    )


def _in_style_of(text: str, lines: str) -> str:
    return lines.replace("\n", "\r\n") if "\r\n" in text else lines


def _read(path: Path) -> str:
    """Text with its line ends as they are; bytes that are no UTF-8 survive."""
    return path.read_bytes().decode("utf-8", "surrogateescape") if path.exists() else ""


def _change(path: Path, change: Callable[[str], str]) -> None:
    """Write a file anew, once it is kept beside it as it was."""
    before = _read(path)
    after = change(before)
    if after == before:
        return
    backup = path.with_name(path.name + _BACKUP)
    if path.exists() and not backup.exists():
        shutil.copy2(path, backup)
    temporary = path.with_name(path.name + ".punchin-new")
    temporary.write_bytes(after.encode("utf-8", "surrogateescape"))
    temporary.replace(path)
