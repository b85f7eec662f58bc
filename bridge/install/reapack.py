"""What ReaPack, REAPER's package manager, reads: `python -m bridge.install.reapack URL FOLDER`.

Writes into FOLDER all that is to be served at URL: `index.xml`, and a folder with the scripts and the header of their package, as
`reapack-index` finds it in repositories. Source: ReaPack's wiki, "Index format" and "Packaging documentation".
"""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as ET

from bridge.shipped import shipped

CATEGORY = "punchin"
PACKAGE = "punchin.lua"
AUTHOR = "punchin"
DESCRIPTION = "punchin: generate, continue, repaint and split music from inside REAPER"
ABOUT = "Needs punchin's daemon on this computer: pip install punchin. Run punchin_repaint.lua on a selected part of an item."
_NO_PACKAGE = "-- @noindex\n"
_USAGE = "usage: python -m bridge.install.reapack URL FOLDER\n"


def write(url: str, folder: Path, time: datetime) -> None:
    """Write index, header and scripts. `url`: where `folder` is served, without a slash at its end; `time`: of the release."""
    scripts = shipped("daw_scripts") / "reaper"
    names = sorted(path.relative_to(scripts).as_posix() for path in scripts.rglob("*.lua"))
    for name in names:
        target = folder / CATEGORY / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_NO_PACKAGE + (scripts / name).read_text("utf-8"), encoding="utf-8", newline="\n")
    (folder / CATEGORY / PACKAGE).write_text(header(names), encoding="utf-8", newline="\n")
    (folder / "index.xml").write_text(index(url, names, time), encoding="utf-8", newline="\n")


def header(names: Iterable[str]) -> str:
    """The package's metadata as comments of Lua; `names`: of the scripts, of which those in no folder are actions."""
    lines = [
        f"@description {DESCRIPTION}",
        f"@author {AUTHOR}",
        f"@version {version('punchin')}",
        f"@about {ABOUT}",
        "@metapackage",
        "@provides",
        *(f"  [{'main' if _is_action(name) else 'nomain'}] {name}" for name in names),
    ]
    return "".join(f"-- {line}\n" for line in lines)


def index(url: str, names: Iterable[str], time: datetime) -> str:
    """The text of `index.xml`: one package of all scripts, in which the actions are marked as such."""
    root = ET.Element("index", version="1", name="punchin")
    category = ET.SubElement(root, "category", name=CATEGORY)
    package = ET.SubElement(category, "reapack", name=PACKAGE, type="script", desc=DESCRIPTION)
    moment = f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    release = ET.SubElement(package, "version", name=version("punchin"), author=AUTHOR, time=moment)
    for name in names:
        attributes = {"file": name} | ({"main": "main"} if _is_action(name) else {})
        ET.SubElement(release, "source", attributes).text = f"{url}/{CATEGORY}/{quote(name)}"
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _is_action(name: str) -> bool:
    return "/" not in name


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.stderr.write(_USAGE)
        sys.exit(2)
    write(sys.argv[1], Path(sys.argv[2]), datetime.now(UTC))
