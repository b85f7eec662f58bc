"""Which versions of Ableton Live have been started on this machine, and where their User Library is.

Each version keeps a folder of preferences; `Library.cfg` in it names the library. Source: Ableton's help on the User Library.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

OLDEST = (11, 3, 25)
"""Scripts can make clips from here on, but not in 12.0.0 to 12.0.4."""
_LIVE = re.compile(r"Live (\d+)\.(\d+)(?:\.(\d+))?(?:b\d+)?")


def preferences_folder(home: Path, platform: str, environ: Mapping[str, str]) -> Path:
    """Where each version of Live keeps a folder of its own. `platform`: as in sys.platform."""
    if platform == "win32":
        return Path(environ.get("APPDATA", home / "AppData" / "Roaming")) / "Ableton"
    return home / "Library" / "Preferences" / "Ableton"


def versions(preferences: Path) -> list[tuple[tuple[int, int, int], Path]]:
    """The versions of Live that have been started here, newest first, and their folders."""
    found = []
    for folder in preferences.glob("Live *"):
        if match := _LIVE.fullmatch(folder.name):
            major, minor, fix = (int(number or 0) for number in match.groups())
            found.append(((major, minor, fix), folder))
    return sorted(found, reverse=True)


def can_insert(live: tuple[int, int, int]) -> bool:
    """Whether scripts may make clips in a version of Live."""
    return live >= OLDEST and not (12, 0, 0) <= live < (12, 0, 5)


def described(found: list[tuple[tuple[int, int, int], Path]]) -> list[str]:
    """A line a version."""
    return [
        f"Live {'.'.join(map(str, live))}"
        + ("" if can_insert(live) else ", in which scripts cannot make clips: update it")
        for live, _ in found
    ]


def user_libraries(preferences: Path, home: Path, platform: str) -> list[Path]:
    """The User Libraries of all versions that have been started here, without repetition; else where Live makes one."""
    music = home / "Documents" if platform == "win32" else home / "Music"
    moved = [library for _, folder in versions(preferences) if (library := _moved(folder)) is not None]
    return list(dict.fromkeys(moved)) or [music / "Ableton" / "User Library"]


def _moved(folder: Path) -> Path | None:
    """The library that `Library.cfg` names; the file is XML, with the library's project by path and name.

    It names the projects of packs and places as well.
    """
    for config in (folder / "Preferences" / "Library.cfg", folder / "Library.cfg"):
        try:
            # the file is the user's own, written by Live
            root = ET.fromstring(config.read_bytes())  # noqa: S314
        except (OSError, ET.ParseError):
            continue
        for project in [*root.iterfind(".//UserLibrary/LibraryProject"), *root.iter()]:
            path, name = project.find("ProjectPath"), project.find("ProjectName")
            if path is None or not path.get("Value"):
                continue
            place = Path(path.get("Value", ""))
            named = place / ("User Library" if name is None else name.get("Value", ""))
            # accounts differ on whether the path is that of the library or of the folder that it lies in
            return named if named.is_dir() else place
    return None
