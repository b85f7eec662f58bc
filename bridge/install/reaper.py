"""Puts the scripts into REAPER's resource folder, and takes them out again so that the folder is as it was.

REAPER keeps its actions in `reaper-kb.ini`, one line a script, and names each after its path: the names here are those that
REAPER itself would give, so that key maps and toolbars stay right. It rewrites that file when it quits, and `reaper-menu.ini`
when its menus change: lines of ours are found by these names wherever they stand.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from bridge import settings
from bridge.flags import State
from bridge.install import reaper_menus as menus
from bridge.install.finding import Finding
from bridge.install.lua import quoted
from bridge.install.record import read_record
from bridge.shipped import shipped
from engine.errors import PunchinError

NAME = "punchin"
BACKGROUND = "punchin_background.lua"
_RECORD = "installed.json"
_BACKUP = ".before-punchin"
_ACTIONS = "reaper-kb.ini"
_MENUS = "reaper-menu.ini"
_STARTUP = "Scripts/__startup.lua"
_BEGIN, _END = "-- punchin: begin", "-- punchin: end"
_PROGRAMS = {"reaper", "reaper.exe"}
_BUTTONS = {
    "repaint": "Repaint", "generate": "Generate", "continue_after": "Continue after", "more_takes": "More takes",
    "extract": "Stems", "understand": "Understand", "panel": "Panel", "cancel": "Cancel", "background": "Rendering",
}  # fmt: skip
# Not S for stems: with it programs save.
_KEYS = {
    "repaint": "R", "generate": "G", "continue_after": "C", "more_takes": "T", "extract": "E", "understand": "U",
    "panel": "P", "cancel": "X",
}  # fmt: skip


class CannotInstall(PunchinError):
    """REAPER's folder cannot be changed as asked."""


def reaper(
    *,
    resource_path: Annotated[Path | None, Parameter(help="REAPER's resource folder, for a portable REAPER")] = None,
    state: State = None,
    hotkeys: Annotated[
        bool, Parameter(negative="", help="Ctrl+Alt+Shift with R, G, C, T, E, U, P and X, where they are free")
    ] = False,
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
        placed = put_in(resources, settings.load(state=state).state, hotkeys=hotkeys)
        lines = [
            f"{len(_scripts())} actions are in {resources}",
            f"their buttons are on {placed.toolbar}"
            if placed.toolbar
            else "all toolbars are in use: no buttons were made",
            "start REAPER and look for punchin in its action list",
        ]
        lines += [f"Ctrl+Alt+Shift+{letter} belongs to something else and was left as it is" for letter in placed.taken]
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


@dataclass(frozen=True, slots=True)
class Placed:
    """What an installation has made beside the actions."""

    toolbar: str | None
    """The name of the toolbar with the buttons, or None where there is none."""
    taken: list[str]
    """Letters of hotkeys that belong to something else."""


def put_in(resources: Path, state: Path, *, hotkeys: bool = False) -> Placed:
    """Copy the scripts, list them as actions, and let REAPER start the one that receives results; make a toolbar.

    An older copy is replaced; what the user has made of its keys and buttons stays. Raises CannotInstall where the folder
    holds something else.
    """
    folder = resources / "Scripts" / NAME
    record: dict[str, Any] = {}
    if folder.exists():
        record = _require_record(folder)
        _remove_scripts(resources)
    names = ("Scripts", _ACTIONS, _STARTUP, _MENUS)
    record.setdefault("created", [name for name in names if not (resources / name).exists()])
    if "menus" not in record:
        _change(resources / _MENUS, lambda text: menus.with_toolbar(text, _buttons())[0])
        record["menus"] = _hash(resources / _MENUS)
    toolbar = menus.toolbar_of(_read(resources / _MENUS), _ids())
    shutil.copytree(_shipped(), folder, ignore=shutil.ignore_patterns(".*"))
    (folder / "punchin" / "config.lua").write_text(_config(state, toolbar), encoding="utf-8", newline="\n")
    record["version"] = version("punchin")
    (folder / _RECORD).write_text(json.dumps(record), encoding="utf-8")
    listed = "".join(f'SCR 4 0 {command_id(name)} "Custom: {Path(name).name}" {name}\n' for name in _scripts())
    _change(resources / _ACTIONS, lambda text: _in_style_of(text, listed) + text)
    _change(resources / _STARTUP, lambda text: text + _in_style_of(text, _startup()))
    taken: list[str] = []
    if hotkeys:
        _change(resources / _ACTIONS, lambda text: menus.without_keys(text, list(_keys())))
        keyed, taken = menus.with_keys(_read(resources / _ACTIONS), _keys())
        _change(resources / _ACTIONS, lambda _: keyed)
    return Placed(toolbar, taken)


def take_out(resources: Path) -> None:
    """Remove what was put in. Raises CannotInstall where nothing of ours is there."""
    folder = resources / "Scripts" / NAME
    record = _require_record(folder)
    ids = _ids(folder)
    _change(resources / _ACTIONS, lambda text: menus.without_keys(text, ids))
    backup = (resources / _MENUS).with_name(_MENUS + _BACKUP)
    if backup.exists() and record.get("menus") == _hash(resources / _MENUS):
        shutil.copy2(backup, resources / _MENUS)
    else:
        # REAPER has written it anew since
        _change(resources / _MENUS, lambda text: menus.without(text, ids))
    _remove_scripts(resources)
    for name in (_ACTIONS, _STARTUP, _MENUS):
        path = resources / name
        path.with_name(path.name + _BACKUP).unlink(missing_ok=True)
        if name in record["created"] and path.exists() and not path.read_bytes():
            path.unlink()
    if "Scripts" in record["created"] and not any((resources / "Scripts").iterdir()):
        (resources / "Scripts").rmdir()


def _remove_scripts(resources: Path) -> None:
    """Take out the scripts and their lines, and leave keys and buttons."""
    folder = resources / "Scripts" / NAME
    ids = "|".join(name.removeprefix("_") for name in _ids(folder))
    _change(resources / _ACTIONS, lambda text: re.sub(rf"(?m)^SCR \d+ 0 ({ids}) .*\r?\n", "", text))
    _change(resources / _STARTUP, lambda text: re.sub(rf"(?s)\r?\n{_BEGIN}.*?{_END}\r?\n", "", text))
    shutil.rmtree(folder)


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
    record = read_record(folder / _RECORD)
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
    if _BEGIN not in _read(resources / _STARTUP):
        return Finding("reaper scripts", "problem", "REAPER does not start the script that receives results", again)
    toolbar = menus.toolbar_of(_read(resources / _MENUS), _ids())
    buttons = f", buttons on {toolbar}" if toolbar else ""
    return Finding("reaper scripts", "ok", f"version {record['version']} in {folder}{buttons}")


def _shipped() -> Path:
    return shipped("daw_scripts") / "reaper"


def _scripts(folder: Path | None = None) -> list[str]:
    """The scripts that are actions, relative to `Scripts`."""
    return sorted(f"{NAME}/{path.name}" for path in (folder or _shipped()).glob("punchin_*.lua"))


def _ids(folder: Path | None = None) -> list[str]:
    """The actions as keys and buttons name them."""
    return ["_" + command_id(name) for name in _scripts(folder)]


def _action(name: str) -> str:
    return "_" + command_id(f"{NAME}/punchin_{name}.lua")


def _buttons() -> dict[str, str]:
    return {_action(name): label for name, label in _BUTTONS.items()}


def _keys() -> dict[str, str]:
    return {_action(name): letter for name, letter in _KEYS.items()}


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes() if path.exists() else b"").hexdigest()


def _require_record(folder: Path) -> dict[str, Any]:
    record = read_record(folder / _RECORD)
    if record is None:
        raise CannotInstall(f"{folder} was not made by punchin install reaper: it is left as it is")
    return record


def _config(state: Path, toolbar: str | None) -> str:
    command = [sys.executable, "-m", "bridge", "serve", "--state", str(state)]
    line = subprocess.list2cmdline(command) if sys.platform == "win32" else " ".join(f'"{part}"' for part in command)
    values = {"state": quoted(state), "daemon": quoted(line)} | ({"toolbar": quoted(toolbar)} if toolbar else {})
    lines = "".join(f"  {name} = {value},\n" for name, value in values.items())
    return f"-- Made by punchin install reaper.\nreturn {{\n{lines}}}\n"


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
