"""The index that ReaPack, REAPER's package manager, reads: `python -m bridge.install.reapack URL > index.xml`.

URL is where the folder `daw_scripts/reaper` of this version is served, without a slash at its end. Source: ReaPack's wiki,
"Index format".
"""

import sys
from datetime import UTC, datetime
from importlib.metadata import version
from urllib.parse import quote
from xml.etree import ElementTree as ET

from bridge.shipped import shipped

PACKAGE = "punchin.lua"
DESCRIPTION = "punchin: generate, continue, repaint and split music from inside REAPER"
_USAGE = "usage: python -m bridge.install.reapack URL > index.xml\n"


def index(url: str, time: datetime) -> str:
    """The text of `index.xml`: one package of all scripts, in which the actions are marked as such. `time`: of the release."""
    root = ET.Element("index", version="1", name="punchin")
    category = ET.SubElement(root, "category", name="punchin")
    package = ET.SubElement(category, "reapack", name=PACKAGE, type="script", desc=DESCRIPTION)
    release = ET.SubElement(
        package,
        "version",
        name=version("punchin"),
        author="punchin",
        time=f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    )
    folder = shipped("daw_scripts") / "reaper"
    for path in sorted(folder.rglob("*.lua")):
        name = path.relative_to(folder).as_posix()
        is_action = path.parent == folder
        ET.SubElement(
            release, "source", {"file": name} | ({"main": "main"} if is_action else {})
        ).text = f"{url}/{quote(name)}"
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.stderr.write(_USAGE)
        sys.exit(2)
    sys.stdout.write(index(sys.argv[1], datetime.now(UTC)))
