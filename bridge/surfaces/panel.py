"""What a surface has: its controls, where they lie, and which messages they send.

Addresses, keys and bounds come from the message table and the spec; a control that they do not know cannot be made.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bridge.presets import Preset, presets
from bridge.protocol import messages as m
from bridge.protocol.table import TABLE
from engine.spec import KEYS, MAX_TAKES, Verb

WIDTH, HEIGHT = 1024, 768
MARGIN, GAP = 8, 6
COLUMNS = 10
PRESET_ROWS = 6
CONTEXT = "context"
"""The mode of an audition that a toggle asks for."""

Colour = tuple[int, int, int]
GREY: Colour = (78, 84, 96)
RED: Colour = (190, 62, 58)
GREEN: Colour = (52, 138, 88)
AMBER: Colour = (196, 140, 44)
VERB_COLOURS: Mapping[Verb, Colour] = {
    Verb.GENERATE: (58, 104, 176),
    Verb.REPAINT: (150, 74, 160),
    Verb.CONTINUE: (40, 134, 150),
    Verb.COVER: (170, 96, 60),
    Verb.EXTRACT: (96, 128, 54),
    Verb.LEGO: (120, 100, 180),
    Verb.COMPLETE: (84, 110, 150),
}
DAW_ACTIONS: Mapping[Verb, str] = {verb: str(verb) for verb in VERB_COLOURS} | {Verb.CONTINUE: "continue_after"}
"""What the scripts in a DAW call the verbs."""


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle in points from the top left corner."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Control:
    """One thing to press, move or read; `name` is unique."""

    name: str
    label: str
    place: Place
    kind: Literal["button", "toggle", "fader", "bar", "text"]
    colour: Colour = GREY
    address: str = ""
    """What a button sends; empty for controls that only hold a value."""
    values: Mapping[str, Any] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    """Controls whose value goes along, under their names as keys."""
    low: float = 0.0
    high: float = 1.0
    initial: float = 0.0
    steps: int = 0
    """Equal steps between low and high; 0: none."""


def controls() -> list[Control]:
    """All controls; raises ValueError for one that sends what is not in the message table."""
    found = [*_head(), *_actions(), *_settings(), *_takes(), *_presets(presets())]
    for control in found:
        _require_known(control)
    return found


def _head() -> Iterator[Control]:
    yield Control("title", "punchin", Place(MARGIN, 8, 120, 48), "text")
    yield Control("state", "", Place(134, 8, 420, 48), "text")
    yield Control("progress", "", Place(560, 8, WIDTH - MARGIN - 560, 48), "bar", GREEN)


def _actions() -> Iterator[Control]:
    actions = (
        ("repaint", "Repaint", VERB_COLOURS[Verb.REPAINT], ("strength", "takes")),
        ("generate", "Generate", VERB_COLOURS[Verb.GENERATE], ("takes",)),
        ("continue_before", "Before", VERB_COLOURS[Verb.CONTINUE], ("takes",)),
        ("continue_after", "After", VERB_COLOURS[Verb.CONTINUE], ("takes",)),
        ("cover", "Cover", VERB_COLOURS[Verb.COVER], ("strength", "takes")),
        ("extract", "Stems", VERB_COLOURS[Verb.EXTRACT], ()),
        ("lego", "New track", VERB_COLOURS[Verb.LEGO], ("takes",)),
        ("complete", "Accompany", VERB_COLOURS[Verb.COMPLETE], ()),
        ("more_takes", "More takes", AMBER, ()),
        ("cancel", "Cancel", RED, ()),
    )
    for column, (action, label, colour, settings) in enumerate(actions):
        place = _cell(column, 64, 66)
        values = {"action": action}
        yield Control(action, label, place, "button", colour, m.Trigger.address, values, settings)


def _settings() -> Iterator[Control]:
    yield Control("strength", "Strength", Place(MARGIN, 138, 274, 56), "fader", AMBER, initial=0.5)
    yield Control(
        "takes",
        "Takes",
        Place(288, 138, 274, 56),
        "fader",
        AMBER,
        low=1,
        high=MAX_TAKES,
        initial=1,
        steps=MAX_TAKES - 1,
    )
    yield Control("keep", "Keep", Place(568, 138, 106, 56), "button", AMBER, m.Trigger.address, {"action": "keep"})
    for column, (name, label) in enumerate((("loop", "Loop"), ("match", "Equally loud"), (CONTEXT, "In context"))):
        yield Control(name, label, Place(682 + column * 112, 138, 106, 56), "toggle", GREEN)


def _takes() -> Iterator[Control]:
    for take in range(MAX_TAKES + 1):
        label = f"Hear take {take}" if take else "Hear original"
        settings = ("loop", "match", CONTEXT)
        place = _cell(take, 202, 66)
        yield Control(f"take_{take}", label, place, "button", GREEN, m.Audition.address, {"take": take}, settings)
    yield Control("stop", "Stop", _cell(COLUMNS - 1, 202, 66), "button", RED, m.Stop.address)


def _presets(shipped: Mapping[str, Preset]) -> Iterator[Control]:
    """As many of the presets as there are places, a verb after the other."""
    order = [Verb.REPAINT, *(verb for verb in VERB_COLOURS if verb is not Verb.REPAINT)]
    sorted_ones = sorted(shipped.values(), key=lambda preset: (order.index(preset.verb), preset.name))
    height = (HEIGHT - MARGIN - 276 - (PRESET_ROWS - 1) * GAP) // PRESET_ROWS
    for number, preset in enumerate(sorted_ones[: COLUMNS * PRESET_ROWS]):
        row, column = divmod(number, COLUMNS)
        values = {"action": DAW_ACTIONS[preset.verb], "preset": preset.name}
        label = preset.name.replace("-", " ")
        place = _cell(column, 276 + row * (height + GAP), height)
        yield Control(
            f"preset_{preset.name}", label, place, "button", VERB_COLOURS[preset.verb], m.Trigger.address, values
        )


def _cell(column: int, top: int, height: int) -> Place:
    width = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS
    left, right = (round(MARGIN + column * (width + GAP) + side) for side in (0, width))
    return Place(left, top, right - left, height)


def _require_known(control: Control) -> None:
    if not control.address:
        return
    row = TABLE[control.address]
    known = {argument.name for argument in row.keys} | (set(KEYS) if row.open_field else set())
    asked = set(control.values) | {"mode" if name == CONTEXT else name for name in control.settings}
    if asked - known:
        raise ValueError(f"{control.name}: {', '.join(sorted(asked - known))} is no key of {control.address}")


def named(found: Iterable[Control]) -> dict[str, Control]:
    """Controls by name."""
    return {control.name: control for control in found}
