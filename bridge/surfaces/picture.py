"""A picture of a layout, drawn from its file: what a person sees without the program."""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element, fromstring

from PIL import Image, ImageDraw, ImageFont

from bridge.surfaces.panel import HEIGHT, WIDTH

_SCALE = 2
_BACK = "#16181c"


class Box(NamedTuple):
    """One control as a file has it: a rectangle, its text, its colour (none: transparent), and how far it is filled."""

    name: str
    left: int
    top: int
    width: int
    height: int
    text: str
    colour: str | None
    filled: float
    size: int


def boxes(path: Path) -> list[Box]:
    """The controls of a layout of Open Stage Control (.json) or TouchOSC (.tosc), in the order in which they are drawn."""
    data = path.read_bytes()
    if path.suffix == ".json":
        return [_of_widget(widget) for widget in json.loads(data)["content"]["widgets"]]
    # The files are our own.
    root = fromstring(zlib.decompress(data).decode())  # noqa: S314
    return list(_of_nodes(root))


def draw(path: Path) -> Image.Image:
    """The layout of a file at twice its size."""
    image = Image.new("RGB", (WIDTH * _SCALE, HEIGHT * _SCALE), _BACK)
    canvas = ImageDraw.Draw(image)
    for box in boxes(path):
        corner = [side * _SCALE for side in (box.left, box.top)]
        size = [side * _SCALE for side in (box.width, box.height)]
        if box.colour:
            canvas.rounded_rectangle((*corner, corner[0] + size[0] - 1, corner[1] + size[1] - 1), 8, box.colour)
        if 0 < box.filled < 1:
            canvas.rectangle((*corner, corner[0] + round(size[0] * box.filled), corner[1] + size[1] - 1), "#8a96a8")
        if box.text:
            middle = (corner[0] + size[0] / 2, corner[1] + size[1] / 2)
            font = ImageFont.load_default(box.size * _SCALE)
            canvas.multiline_text(middle, _broken(box.text, font, size[0] - 8), "white", font, "mm", align="center")
    return image


def _broken(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> str:
    lines: list[str] = []
    for word in text.split(" "):
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return "\n".join(lines)


def _of_widget(widget: dict[str, object]) -> Box:
    left, top, width, height = (int(str(widget[side])) for side in ("left", "top", "width", "height"))
    is_text = widget["type"] == "text"
    text = str(widget.get("label") or widget.get("html") or (widget.get("default") if is_text else "") or "")
    filled = 0.0
    if widget["type"] == "fader":
        ends = widget["range"]
        assert isinstance(ends, dict)
        filled = (float(str(widget["default"])) - ends["min"]) / (ends["max"] - ends["min"])
    colour = None if is_text else str(widget["colorWidget"])
    return Box(str(widget["id"]), left, top, width, height, text, colour, filled, 13)


def _of_nodes(document: Element) -> Iterator[Box]:
    for node in document.iterfind("node/children/node"):
        known = {made.findtext("key"): made.find("value") for made in node.iterfind("properties/property")}
        values = {held.findtext("key"): held.findtext("default") for held in node.iterfind("values/value")}
        frame, colour = known["frame"], known["color"]
        assert frame is not None
        assert colour is not None
        left, top, width, height = (int(frame.findtext(side) or 0) for side in "xywh")
        painted = _text(known.get("background")) == "1"
        shown = "#" + "".join(f"{round(255 * float(colour.findtext(part) or 0)):02x}" for part in "rgb")
        filled = float(values.get("x") or 0) if node.get("type") == "FADER" else 0.0
        size = int(_text(known.get("textSize")) or 13)
        text = values.get("text") or ""
        yield Box(_text(known["name"]), left, top, width, height, text, shown if painted else None, filled, size)


def _text(element: Element | None) -> str:
    return (element.text or "") if element is not None else ""
