"""The panel as a layout of TouchOSC: XML, compressed by zlib.

Buttons have no text there: a label that lets touches through lies on each. Their scripts tell the root, whose script sends.
"""

import uuid
import zlib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from bridge.surfaces.panel import HEIGHT, WIDTH, Colour, Control, Place

FORMAT = "3"
_PRESS = """\
function onValueChanged(key)
  if key == "x" and self.values.x == 1 then
    root:notify("press", self.name)
  end
end
"""
_TYPES = {"button": "BUTTON", "toggle": "BUTTON", "fader": "FADER", "bar": "FADER", "text": "LABEL"}
_NAMES = uuid.uuid5(uuid.NAMESPACE_URL, "punchin surface")
_TEXT_SIZE = {"title": 24, "state": 18}
_WHITE: Colour = (255, 255, 255)
_BACK: Colour = (22, 24, 28)


def layout(controls: Iterable[Control]) -> bytes:
    """The bytes of a layout file; the same controls give the same bytes."""
    found = list(controls)
    document = Element("lexml", version=FORMAT)
    root = _node(document, "GROUP", "punchin", Place(0, 0, WIDTH, HEIGHT), _BACK, script=script(found))
    children = SubElement(root, "children")
    for control in found:
        _add(children, control)
    text = "<?xml version='1.0' encoding='UTF-8'?>" + tostring(document, "unicode")
    return zlib.compress(text.encode(), 9)


def script(controls: Iterable[Control]) -> str:
    """The root's script: what each control is for, and the Lua that acts on it."""
    buttons, ranges = {}, {}
    for control in controls:
        if control.address:
            values = [item for pair in control.values.items() for item in pair]
            buttons[control.name] = {"address": control.address, "values": values, "settings": list(control.settings)}
        elif control.kind in {"fader", "toggle"}:
            ranges[control.name] = [control.low, control.high, control.kind == "toggle" or bool(control.steps)]
    head = '-- The token of a daemon on another machine; empty: the daemon is on this one.\nlocal TOKEN = ""\n'
    tables = f"local CONTROLS = {_lua(buttons)}\nlocal RANGES = {_lua(ranges)}\n"
    return head + tables + files("bridge.surfaces").joinpath("touchosc.lua").read_text("utf-8")


def _add(parent: Element, control: Control) -> None:
    start = (control.initial - control.low) / (control.high - control.low)
    options: dict[str, Any] = {}
    match control.kind:
        case "button":
            options = {"properties": {"buttonType": 0, "press": True, "release": True}, "script": _PRESS}
        case "toggle":
            options = {"properties": {"buttonType": 2, "press": True, "release": False}}
        case "fader" | "bar":
            grid = {"grid": bool(control.steps), "gridSteps": control.steps + 1 if control.steps else 10}
            options = {"properties": {"orientation": 1, "response": 0, "interactive": control.kind == "fader", **grid}}
    if control.kind == "text":
        _label(parent, control.name, control.label, control.place, _TEXT_SIZE.get(control.name, 14))
        return
    node = _node(parent, _TYPES[control.kind], control.name, control.place, control.colour, **options)
    _value(node, "x", f"{start:g}")
    _value(node, "touch", "false")
    if control.label:
        _label(parent, f"{control.name}_label", control.label, control.place, 14)


def _label(parent: Element, name: str, text: str, place: Place, size: int) -> None:
    properties = {
        "background": False,
        "interactive": False,
        "textSize": size,
        "textColor": _WHITE,
        "textAlignH": 2,
        "textAlignV": 2,
        "textWrap": True,
    }
    node = _node(parent, "LABEL", name, place, _BACK, properties=properties)
    _value(node, "text", text)
    _value(node, "touch", "false")


def _node(
    parent: Element,
    kind: str,
    name: str,
    place: Place,
    colour: Colour,
    *,
    properties: Mapping[str, Any] | None = None,
    script: str = "",
) -> Element:
    node = SubElement(parent, "node", ID=str(uuid.uuid5(_NAMES, name)), type=kind)
    held = SubElement(node, "properties")
    common = {"name": name, "frame": place, "color": colour, "visible": True, "background": True, "outline": False}
    for key, value in (common | dict(properties or {}) | ({"script": script} if script else {})).items():
        _property(held, key, value)
    SubElement(node, "values")
    SubElement(node, "messages")
    return node


def _property(parent: Element, key: str, value: Any) -> None:
    kind, parts = _encoded(value)
    made = SubElement(parent, "property", type=kind)
    SubElement(made, "key").text = key
    content = SubElement(made, "value")
    if isinstance(parts, str):
        content.text = parts
    else:
        for name, part in parts.items():
            SubElement(content, name).text = part


def _encoded(value: Any) -> tuple[str, str | dict[str, str]]:
    match value:
        case bool():
            return "b", str(int(value))
        case int():
            return "i", str(value)
        case Place():
            sides = {"x": value.left, "y": value.top, "w": value.width, "h": value.height}
            return "r", {side: str(length) for side, length in sides.items()}
        case (red, green, blue):
            parts = {"r": red, "g": green, "b": blue, "a": 255}
            return "c", {part: f"{level / 255:.4f}" for part, level in parts.items()}
        case _:
            return "s", str(value)


def _value(node: Element, key: str, default: str) -> None:
    held = node.find("values")
    assert held is not None
    made = SubElement(held, "value")
    for name, text in (
        ("key", key),
        ("locked", "0"),
        ("lockedDefaultCurrent", "0"),
        ("default", default),
        ("defaultPull", "0"),
    ):
        SubElement(made, name).text = text


def _lua(value: Any) -> str:
    """A Lua literal."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            return f'"{escaped}"'
        case dict():
            return "{\n" + "".join(f"  [{_lua(key)}] = {_lua(item)},\n" for key, item in value.items()) + "}"
        case _:
            return "{ " + ", ".join(_lua(item) for item in value) + " }"
