"""Makes a device for Max for Live with a field for the prompt and a button an action, which triggers what the script does.

`python -m bridge.install.max_device "punchin prompt.amxd"`. It was not tried in Live yet: no installer puts it anywhere.

The file is a patcher as JSON in a container of chunks: `ampf` with the kind of device, `meta`, `ptch`; lengths are
little-endian. A device that needs no other files has no more than these.
"""

import json
import struct
import sys
from pathlib import Path
from typing import Any

from bridge.settings import DEFAULT_PORT

ACTIONS = ("repaint", "generate", "continue", "cover", "extract", "lego", "complete", "cancel")
MESSAGE = "/punchin/trigger $2 action $1 prompt $3"
"""What goes to the daemon: `$1` the action, `$2` an id that was not used before, `$3` the prompt as one text."""
_AUDIO_EFFECT = b"aaaa"
_WIDTH, _ROW = 70.0, 24.0


def device(port: int = DEFAULT_PORT) -> bytes:
    """The device as the bytes of an .amxd file; `port` is the daemon's on this machine."""
    text = json.dumps({"patcher": _patcher(port)}, indent=1).encode() + b"\0"
    return b"".join(
        [
            *(b"ampf", struct.pack("<I", 4), _AUDIO_EFFECT),
            *(b"meta", struct.pack("<I", 4), struct.pack("<I", 1)),
            *(b"ptch", struct.pack("<I", len(text)), text),
        ]
    )


def _patcher(port: int) -> dict[str, Any]:
    boxes = [
        _box("in", "newobj", "plugin~", 2, ["signal", "signal"]),
        _box("out", "newobj", "plugout~", 2, ["signal", "signal"]),
        _box("prompt", "textedit", None, 1, ["", "int", "", ""], shown=(4.0, 4.0, 4 * _WIDTH, 2 * _ROW), outputmode=1),
        _box("words", "newobj", "route text", 1, ["", ""]),
        _box("symbol", "newobj", "tosymbol", 1, [""]),
        _box("order", "newobj", "t s b b", 1, ["", "bang", "bang"]),
        _box("count", "newobj", "counter", 5, ["int", "", "", "int"]),
        _box("id", "newobj", "sprintf symout live-device-%ld", 1, [""]),
        _box("all", "newobj", "pack s s s", 3, [""]),
        _box("message", "message", MESSAGE, 2, [""]),
        _box("send", "newobj", f"udpsend 127.0.0.1 {port}", 1, []),
    ]
    lines = [
        _line("in", 0, "out", 0),
        _line("in", 1, "out", 1),
        # from right to left: the prompt as it stands in the field, a new id, then the action, which sends all three
        _line("order", 2, "prompt", 0),
        _line("prompt", 0, "words", 0),
        _line("words", 0, "symbol", 0),
        _line("symbol", 0, "all", 2),
        _line("order", 1, "count", 0),
        _line("count", 0, "id", 0),
        _line("id", 0, "all", 1),
        _line("order", 0, "all", 0),
        _line("all", 0, "message", 0),
        _line("message", 0, "send", 0),
    ]
    for number, action in enumerate(ACTIONS):
        column, row = number % 4, 2 + number // 4
        shown = (4.0 + column * _WIDTH, 8.0 + row * _ROW, _WIDTH - 4.0, _ROW - 4.0)
        boxes.append(_box(f"{action} button", "textbutton", action, 1, ["", "", "int"], shown=shown))
        boxes.append(_box(action, "message", action, 2, [""]))
        lines += [_line(f"{action} button", 0, action, 0), _line(action, 0, "order", 0)]
    for number, box in enumerate(boxes):
        box["box"]["patching_rect"] = [20.0 + 180.0 * (number % 4), 20.0 + 40.0 * (number // 4), 160.0, 22.0]
    return {
        "fileversion": 1,
        "appversion": {"major": 8, "minor": 5, "revision": 0, "architecture": "x64", "modernui": 1},
        "classnamespace": "box",
        "rect": [60.0, 60.0, 800.0, 500.0],
        "openinpresentation": 1,
        "devicewidth": 4 * _WIDTH + 8.0,
        "boxes": boxes,
        "lines": lines,
    }


def _box(
    name: str,
    kind: str,
    text: str | None,
    inlets: int,
    outlets: list[str],
    *,
    shown: tuple[float, float, float, float] | None = None,
    **further: object,
) -> dict[str, Any]:
    """An object of a patcher; `kind` is its class, `newobj` for all that have no looks of their own."""
    box: dict[str, Any] = {"id": name, "maxclass": kind, "numinlets": inlets, "numoutlets": len(outlets)}
    if outlets:
        box["outlettype"] = outlets
    if text is not None:
        box["text"] = text
    if shown is not None:
        box |= {"presentation": 1, "presentation_rect": list(shown)}
    return {"box": box | further}


def _line(source: str, outlet: int, target: str, inlet: int) -> dict[str, Any]:
    return {"patchline": {"source": [source, outlet], "destination": [target, inlet]}}


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(device())
