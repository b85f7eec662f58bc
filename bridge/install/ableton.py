"""Puts the script into Ableton Live's User Library, and takes it out again so that the library is as it was.

Live looks for scripts in `Remote Scripts` of the User Library when it starts. Sources: Ableton's help on third-party scripts and
on Live's log.
"""

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from bridge import settings
from bridge.flags import State
from bridge.install.finding import Finding
from bridge.install.live_versions import can_insert, described, preferences_folder, user_libraries, versions
from bridge.install.record import read_record
from bridge.shipped import shipped
from engine.errors import PunchinError

NAME = "Punchin"
CLICKS = f"in Live: Settings > Link, Tempo & MIDI > Control Surface: choose {NAME}; Input: the keyboard or pads, if any"
_SCRIPTS = "Remote Scripts"
_RECORD = "installed.json"
_CONFIG = "config.json"
_BINDINGS = "bindings.json"
_LOG_BYTES = 2_000_000
_OURS = re.compile(r"punchin: error|[\\/]Remote Scripts[\\/]Punchin[\\/]")


class CannotInstall(PunchinError):
    """The User Library cannot be changed as asked."""


def ableton(
    *,
    user_library: Annotated[Path | None, Parameter(help="Live's User Library, where it is not found by itself")] = None,
    state: State = None,
    uninstall: Annotated[bool, Parameter(negative="", help="take the script out again")] = False,
) -> None:
    """Put the script into Ableton Live, or take it out."""
    preferences = preferences_folder(Path.home(), sys.platform, os.environ)
    libraries = [user_library] if user_library else user_libraries(preferences, Path.home(), sys.platform)
    there = [library for library in libraries if library.is_dir()]
    if not there:
        raise CannotInstall(
            f"{libraries[0]} does not exist: start Live once, or name its User Library (Settings > Library) with --user-library"
        )
    if uninstall:
        there = [library for library in there if (library / _SCRIPTS / NAME).exists()] or there[:1]
    lines = []
    place = settings.load(state=state).state
    for library in there:
        kept = keep_bindings(library, place)
        if kept is not None:
            lines.append(f"your own bindings are kept in {kept}")
        if uninstall:
            take_out(library)
            lines.append(f"punchin's script is no longer in {library}")
        else:
            put_in(library, place)
            lines.append(f"the script is in {library / _SCRIPTS / NAME}")
    if not uninstall:
        lines += [f"found {line}" for line in described(versions(preferences))]
        lines += ["start Live again", CLICKS]
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def put_in(library: Path, state: Path) -> None:
    """Copy the script and tell it where the daemon is. An older copy is replaced once the new one is whole.

    Raises CannotInstall where the folder holds something else.
    """
    folder = library / _SCRIPTS / NAME
    created = _record(folder)["created"] if folder.exists() else not folder.parent.exists()
    # beside its place, where no Live takes it for a script of another name
    new = library / f".{NAME}.new"
    try:
        shutil.copytree(_shipped(), new, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        command = [sys.executable, "-m", "bridge", "serve", "--state", str(state)]
        config = {"state": str(state), "daemon": command}
        (new / _CONFIG).write_text(json.dumps(config, indent=2), encoding="utf-8")
        record = {"version": version("punchin"), "created": created, "bindings": _fingerprint(new / _BINDINGS)}
        (new / _RECORD).write_text(json.dumps(record), encoding="utf-8")
        folder.parent.mkdir(exist_ok=True)
        if folder.exists():
            shutil.rmtree(folder)
        new.replace(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def take_out(library: Path) -> None:
    """Remove what was put in. Raises CannotInstall where nothing of ours is there."""
    folder = library / _SCRIPTS / NAME
    record = _record(folder)
    shutil.rmtree(folder)
    if record["created"] and not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def keep_bindings(library: Path, state: Path) -> Path | None:
    """Save bindings that the user has changed in the script's folder to where the script reads them first.

    None where there are none, or others are kept already.
    """
    folder = library / _SCRIPTS / NAME
    record = read_record(folder / _RECORD)
    mine, kept = folder / _BINDINGS, state / "live" / _BINDINGS
    if record is None or not mine.is_file() or kept.exists() or _fingerprint(mine) == record.get("bindings"):
        return None
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(mine, kept)
    return kept


def _record(folder: Path) -> dict[str, Any]:
    record = read_record(folder / _RECORD)
    if record is None:
        raise CannotInstall(f"{folder} was not made by punchin install ableton: it is left as it is")
    return record


def _fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def examine(home: Path, platform: str, environ: Mapping[str, str]) -> list[Finding]:
    """How the script stands in each User Library, and what Live's own log says of it. `platform`: as in sys.platform."""
    name = "live script"
    if platform not in {"win32", "darwin"}:
        return []
    preferences = preferences_folder(home, platform, environ)
    found = versions(preferences)
    libraries = [library for library in user_libraries(preferences, home, platform) if library.is_dir()]
    if not libraries:
        return [Finding(name, "off", "Ableton Live was not found")]
    findings = [_examined(name, library) for library in libraries]
    if found and not any(can_insert(live) for live, _ in found):
        newest = described(found[:1])[0]
        findings.append(Finding("live version", "problem", newest, "Update Live to 11.3.25, or to 12.0.5 or newer."))
    return findings + [finding for _, folder in found[:1] for finding in _logged(folder)]


def _examined(name: str, library: Path) -> Finding:
    folder = library / _SCRIPTS / NAME
    again = "punchin install ableton, then start Live again."
    if not folder.exists():
        return Finding(name, "off", f"not in {library}; punchin install ableton puts it in")
    record = read_record(folder / _RECORD)
    if record is None:
        return Finding(name, "problem", f"{folder} is another copy", f"Remove it, then: {again}")
    if record["version"] != version("punchin"):
        return Finding(name, "problem", f"from version {record['version']}", again)
    missing = [path.name for path in _shipped().glob("*.py") if not (folder / path.name).is_file()]
    if missing:
        return Finding(name, "problem", f"{len(missing)} files are missing, as {missing[0]}", again)
    return Finding(name, "ok", f"version {record['version']} in {folder}")


def _logged(folder: Path) -> list[Finding]:
    """The last line of Live's log that tells of a fault in the script."""
    logs = [path for path in (folder / "Log.txt", folder / "Preferences" / "Log.txt") if path.is_file()]
    for path in logs:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LOG_BYTES))
            lines = [line for line in file.read().decode("utf-8", "replace").splitlines() if _OURS.search(line)]
        if lines:
            remedy = f"Report it with the lines around it in {path}."
            return [Finding("live log", "problem", lines[-1].strip()[-200:], remedy)]
    return [Finding("live log", "ok", f"nothing of punchin's in {logs[0]}")] if logs else []


def _shipped() -> Path:
    return shipped("daw_scripts") / "ableton" / NAME
