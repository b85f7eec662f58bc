"""Draws controller maps: `python -m bridge.midi.pictures docs/images` writes a picture of each that comes with punchin."""

import sys
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from bridge.midi import maps
from bridge.midi.bindings import MAIN, Binding, ControllerMap, read

CELL = 120
GAP = 10
MARGIN = 24
TITLE = 56
PAPER, INK, PALE_INK = (253, 252, 250), (44, 48, 54), (96, 102, 110)
SHADES = {
    "pad": (228, 237, 240),
    "button": (245, 240, 226),
    "pedal": (236, 230, 238),
    "fader": (249, 226, 214),
    "knob": (249, 226, 214),
}
EDGE = (158, 186, 198)


class Spot(NamedTuple):
    """Where one control stands, in cells from the upper left."""

    column: float
    row: float
    width: float
    height: float


def spot(binding: Binding) -> Spot:
    """The place of a binding that has one."""
    assert binding.at is not None
    column, row, *size = binding.at
    width, height = size or (1.0, 1.0)
    return Spot(column, row, width, height)


def draw(controller: ControllerMap) -> Image.Image:
    """A controller seen from above: what each control does, and beneath it what is sent and what further gestures do."""
    placed = [each for each in controller.bind if each.at]
    spots = [spot(each) for each in placed]
    columns = max(each.column + each.width for each in spots)
    rows = max(each.row + each.height for each in spots)
    size = (round(max(columns, 4) * CELL + 2 * MARGIN), round(rows * CELL + TITLE + MARGIN))
    image = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(image)
    pen.text((MARGIN, 14), controller.name, INK, font=ImageFont.load_default(22))
    for binding in placed:
        _draw_control(pen, binding, _further(controller, binding))
    return image


def _draw_control(pen: ImageDraw.ImageDraw, binding: Binding, further: list[str]) -> None:
    column, row, width, height = spot(binding)
    left, top = MARGIN + column * CELL, TITLE + row * CELL
    box = (left, top, left + width * CELL - GAP, top + height * CELL - GAP)
    middle = (box[0] + box[2]) / 2
    if binding.shape == "knob":
        pen.ellipse(box, SHADES["knob"], EDGE, 2)
    else:
        pen.rounded_rectangle(box, 8 if binding.shape != "pedal" else 28, SHADES[binding.shape], EDGE, 2)
    if binding.shape == "fader":
        pen.line((middle, box[1] + 72, middle, box[3] - 14), PALE_INK, 3)
        pen.rounded_rectangle((middle - 16, box[1] + 100, middle + 16, box[1] + 118), 4, PAPER, INK, 2)
    control = str(binding.on).removesuffix(" channel 1")
    lines = [*_wrapped(pen, binding.label, CELL - GAP - 12), control, *further]
    below = box[1] + (16 if binding.shape != "knob" else 28)
    for index, line in enumerate(lines):
        is_label = index < len(lines) - 1 - len(further)
        pen.text((middle, below), line, INK if is_label else PALE_INK, _font(is_label=is_label), anchor="ma")
        below += 19 if is_label else 15


def _font(*, is_label: bool) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(16 if is_label else 12)


def _wrapped(pen: ImageDraw.ImageDraw, text: str, width: float) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and pen.textlength(f"{lines[-1]} {word}", _font(is_label=True)) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _further(controller: ControllerMap, binding: Binding) -> list[str]:
    """What else the control does: by other gestures, and in other layers."""
    told = [] if binding.gesture == "press" else [f"({binding.gesture})"]
    for other in controller.bind:
        if other.on == binding.on and other is not binding:
            how = other.gesture if other.layer in {MAIN, binding.layer} else other.layer
            values = " ".join(str(value) for value in other.values.values())
            told.append(f"{how}: {other.action.replace('_', ' ')} {values}".rstrip())
    return told


def main() -> None:
    """Write the pictures of all shipped maps that have a layout."""
    folder = Path(sys.argv[1])
    for name, path in maps.shipped_maps().items():
        controller = read(path)
        if any(each.at for each in controller.bind):
            draw(controller).save(folder / f"midi-{name}.png", optimize=True)


if __name__ == "__main__":
    main()
