"""The panel as a session of Open Stage Control. What its buttons send is completed by `punchin-module.js`, beside it.

Source: the properties of widgets in the program's documentation, version 1.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from bridge.surfaces.panel import HEIGHT, WIDTH, Colour, Control

LOCAL = "/surface/"
"""Addresses between widgets and module, which never leave the program."""
_TYPES = {"button": "button", "toggle": "button", "fader": "fader", "bar": "fader", "text": "text"}


def session(controls: Iterable[Control]) -> str:
    """The text of a session file."""
    root = {
        "type": "root",
        "id": "root",
        "width": WIDTH,
        "height": HEIGHT,
        "colorBg": "#16181c",
        "hideMenu": True,
        "widgets": [_widget(control) for control in controls],
        "tabs": [],
    }
    content = {"createdWith": "Open Stage Control", "version": "1.25.0", "type": "session", "content": root}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _widget(control: Control) -> Mapping[str, Any]:
    place = control.place
    widget: dict[str, Any] = {
        "type": _TYPES[control.kind],
        "id": control.name,
        "left": place.left,
        "top": place.top,
        "width": place.width,
        "height": place.height,
        "colorWidget": _hexadecimal(control.colour),
        "address": control.address or LOCAL + control.name,
        "preArgs": _arguments(control),
    }
    match control.kind:
        case "button":
            widget |= {"label": control.label, "mode": "tap", "wrap": "soft"}
        case "toggle":
            widget |= {"label": control.label, "mode": "toggle", "on": 1, "off": 0, "default": control.initial}
        case "fader" | "bar":
            widget |= {
                "horizontal": True,
                "design": "compact",
                "range": {"min": control.low, "max": control.high},
                "steps": control.steps + 1 if control.steps else False,
                "default": control.initial,
                "html": control.label,
                "interaction": control.kind == "fader",
            }
        case "text":
            widget |= {"default": control.label, "interaction": False}
    return widget


def _arguments(control: Control) -> list[Any]:
    """Keys and values; `$name` stands for the value that another widget holds."""
    settings = [item for name in control.settings for item in (name, f"${name}")]
    return [item for pair in control.values.items() for item in pair] + settings


def _hexadecimal(colour: Colour) -> str:
    return "#" + "".join(f"{part:02x}" for part in colour)
