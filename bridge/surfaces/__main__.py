"""Writes the layouts: `python -m bridge.surfaces [FOLDER [FOLDER OF PICTURES]]`."""

import sys
from pathlib import Path

from bridge.shipped import shipped
from bridge.surfaces.open_stage_control import session
from bridge.surfaces.panel import controls
from bridge.surfaces.picture import draw
from bridge.surfaces.touchosc import layout


def main() -> None:
    """Write both layouts, and a picture of each where a folder for pictures is given."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else shipped("presets") / "surfaces"
    folder.mkdir(parents=True, exist_ok=True)
    found = controls()
    (folder / "punchin.json").write_text(session(found), "utf-8", newline="\n")
    (folder / "punchin.tosc").write_bytes(layout(found))
    for pictures in map(Path, sys.argv[2:]):
        for suffix, name in ((".json", "open-stage-control"), (".tosc", "touchosc")):
            draw(folder / f"punchin{suffix}").quantize(64).save(pictures / f"surface-{name}.png", optimize=True)


if __name__ == "__main__":
    main()
