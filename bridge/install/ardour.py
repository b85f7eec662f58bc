"""Puts the scripts into Ardour's folder of settings, and takes them out again.

Each version of Ardour has a folder of its own, and in it the list `ui_scripts`, which it writes anew whenever scripts change.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Annotated
from xml.etree import ElementTree as ET

from cyclopts import Parameter

from bridge import settings
from bridge.flags import State
from bridge.install import ardour_list, ardour_scripts
from bridge.install.finding import Finding
from bridge.install.lua import quoted
from bridge.install.record import read_record
from engine.errors import PunchinError

OLDEST = 7
_LIST = "ui_scripts"
_BACKUP = "ui_scripts.before-punchin"
_RECORD = "punchin-installed.json"
# Ardour's own bundle for Linux puts its libraries before those of the system, and keeps the environment from before.
_OWN_LIBRARIES = (
    '[ -z "$ARDOUR_BUNDLED" ] || '
    """export LD_LIBRARY_PATH="$(printf '%s\\n' "$PREBUNDLE_ENV" | sed -n 's/^LD_LIBRARY_PATH=//p')";"""
)
_TITLE = re.compile(r'name = "([^"]+)"')


class CannotInstall(PunchinError):
    """Ardour's folder cannot be changed as asked."""


def ardour(
    *,
    config_path: Annotated[Path | None, Parameter(help="one Ardour's folder of settings, as ~/.config/ardour8")] = None,
    state: State = None,
    uninstall: Annotated[bool, Parameter(negative="", help="take the scripts out again")] = False,
) -> None:
    """Put the scripts into every Ardour that has been started here, or take them out."""
    folders = [config_path] if config_path else config_folders(Path.home(), sys.platform, os.environ)
    if not folders or not all(folder.is_dir() for folder in folders):
        raise CannotInstall(
            f"no settings of Ardour {OLDEST} or newer: start it once, or name its folder with --config-path"
        )
    import psutil  # noqa: PLC0415  the doctor imports this module, and has to start without it

    if any((process.info["name"] or "").lower().startswith("ardour") for process in psutil.process_iter(["name"])):
        raise CannotInstall("Ardour runs, and would write its own list of scripts: quit it first")
    if uninstall and not config_path:
        # only one of several Ardours may have them; where none has, the first says so
        folders = [folder for folder in folders if read_record(folder / _RECORD)] or folders
    lines = []
    for folder in folders:
        if uninstall:
            take_out(folder)
            lines.append(f"punchin's scripts are no longer in {folder}")
        else:
            put_in(folder, settings.load(state=state).state)
            lines.append(f"{len(ardour_scripts.actions())} actions are in {folder}")
    if not uninstall:
        lines.append("start Ardour: the actions are in Edit > Lua Scripts, and in Window > Keyboard Shortcuts")
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def config_folders(home: Path, platform: str, environ: Mapping[str, str]) -> list[Path]:
    """Folders of settings of the Ardours that have been started here, oldest first. `platform`: as in sys.platform."""
    if platform == "win32":
        parent = Path(environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
    elif platform == "darwin":
        parent = home / "Library" / "Preferences"
    else:
        parent = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    try:
        found = [
            (int(match[1]), path) for path in parent.iterdir() if (match := re.fullmatch(r"[Aa]rdour(\d+)", path.name))
        ]
    except OSError:
        return []
    return [path for number, path in sorted(found) if number >= OLDEST]


def put_in(folder: Path, state: Path) -> None:
    """Write the scripts, and list them as actions and as the hook that receives results.

    An older copy is replaced; its actions keep their numbers. Raises CannotInstall where the list cannot be read or is full.
    """
    listed = _listed(folder)
    sources = ardour_scripts.scripts(_config(folder, state))
    titles = {name: _TITLE.search(source)[1] for name, source in sources.items()}  # type: ignore[index]
    hook = titles.pop(ardour_scripts.BACKGROUND)
    actions = {title: sources[name] for name, title in titles.items()}
    try:
        changed = listed.with_ours(actions, {hook: sources[ardour_scripts.BACKGROUND]})
    except ardour_list.ListFullError as error:
        raise CannotInstall(str(error)) from error
    record = read_record(folder / _RECORD) or {"created": not (folder / _LIST).exists()}
    _remove_files(folder)
    (folder / "scripts").mkdir(exist_ok=True)
    for name, source in sources.items():
        (folder / "scripts" / name).write_text(source, encoding="utf-8", newline="\n")
    (folder / _RECORD).write_text(json.dumps(record | {"version": version("punchin")}), encoding="utf-8")
    if (folder / _LIST).exists() and not (folder / _BACKUP).exists():
        shutil.copy2(folder / _LIST, folder / _BACKUP)
    _write(folder / _LIST, ardour_list.write(changed))


def take_out(folder: Path) -> None:
    """Remove what was put in. Raises CannotInstall where nothing of ours is there."""
    record = read_record(folder / _RECORD)
    if record is None:
        raise CannotInstall(f"{folder} holds nothing that punchin install ardour made: it is left as it is")
    left = _listed(folder).without_ours()
    if record["created"] and left.is_empty():
        (folder / _LIST).unlink(missing_ok=True)
    else:
        _write(folder / _LIST, ardour_list.write(left))
    _remove_files(folder)
    (folder / _RECORD).unlink()
    (folder / _BACKUP).unlink(missing_ok=True)


def examine(folders: list[Path]) -> Finding:
    """How the scripts stand in Ardour's folders, the newest first."""
    if not folders:
        return Finding("ardour scripts", "off", f"Ardour {OLDEST} or newer was not found")
    folder = folders[-1]
    record = read_record(folder / _RECORD)
    if record is None:
        return Finding("ardour scripts", "off", "not installed; punchin install ardour puts them in")
    again = "Quit Ardour, then: punchin install ardour."
    if record["version"] != version("punchin"):
        return Finding("ardour scripts", "problem", f"from version {record['version']}", again)
    try:
        listed = _listed(folder)
    except CannotInstall as error:
        return Finding("ardour scripts", "problem", str(error), "Remove the file, then: punchin install ardour.")
    expected = len(ardour_scripts.actions())
    if len(listed.named()) < expected or not listed.has_hook():
        missing = (
            f"{expected - len(listed.named())} actions are missing" if listed.has_hook() else "nothing receives results"
        )
        return Finding("ardour scripts", "problem", missing, again)
    return Finding("ardour scripts", "ok", f"version {record['version']} in {folder}")


def _listed(folder: Path) -> ardour_list.ScriptList:
    path = folder / _LIST
    try:
        return ardour_list.read(path.read_text(encoding="utf-8") if path.exists() else "")
    except (ET.ParseError, ValueError) as error:
        raise CannotInstall(f"{path} cannot be read: {error}") from error


def _config(folder: Path, state: Path) -> str:
    number = re.sub(r"\D", "", folder.name)
    line = start_line(state, sys.platform)
    return f"return {{ state = {quoted(state.as_posix())}, daemon = {quoted(line)}, ardour = {quoted(number)} }}"


def start_line(state: Path, platform: str) -> str:
    """What Ardour has the system's shell run when no daemon answers. `platform`: as in sys.platform."""
    if platform == "win32":
        command = [sys.executable, "-m", "bridge", "serve", "--state", str(state)]
        return f'start "" /b {subprocess.list2cmdline(command)}'
    command = [sys.executable, "-m", "bridge.detached", "serve", "--state", str(state)]
    return f"{_OWN_LIBRARIES} {' '.join(_in_shell(part) for part in command)} > /dev/null 2>&1 &"


def _in_shell(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _remove_files(folder: Path) -> None:
    for path in (folder / "scripts").glob("punchin_*.lua"):
        path.unlink()
    if (folder / "scripts").is_dir() and not any((folder / "scripts").iterdir()):
        (folder / "scripts").rmdir()


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".punchin-new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
