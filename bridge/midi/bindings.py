"""A controller map: one TOML file that says which control does what, and what lights up."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from bridge.midi.controls import FULL, Control, sysex_of
from engine.errors import InvalidSpec

ACTIONS = {
    "repaint": "render the selection again",
    "generate": "new music at the time selection",
    "continue_after": "what comes behind the selected item",
    "continue_before": "what comes in front of it",
    "cover": "the selection in another style",
    "extract": "the stems of the selection",
    "lego": "a new instrument for the selection",
    "complete": "an accompaniment for the selection",
    "more_takes": "further takes of the last result",
    "keep": "let the take that was heard last play on the track",
    "cancel": "stop what is being rendered",
    "preset": "the verb of a preset, named by `preset`, with its values",
    "audition": "play the newest result",
    "audition_next": "play its next take",
    "audition_previous": "play the take before",
    "audition_stop": "end the audition",
    "pause": "stop rendering and free the engines' memory",
    "resume": "render what waits",
    "panic": "cancel every job and end the audition",
    "layer": "switch to the layer named by `to`",
}
"""Every action that a control can have, and what it does. What a DAW's scripts add can be named, too."""

MAIN = "main"
EVERY = "*"
"""The layer of bindings that hold in all layers."""


def _control(value: Any) -> Any:
    return value if isinstance(value, Control) else Control.parse(str(value))


def _sysex(value: Any) -> Any:
    return value if isinstance(value, bytes) else sysex_of(str(value))


def _action(value: Any) -> Any:
    return "_".join(str(value).split())


AControl = Annotated[Control, BeforeValidator(_control)]
Gesture = Literal["press", "long", "double"]
Mode = Literal["button", "toggle", "dial", "twos", "sign", "offset"]
State = Literal["idle", "queued", "rendering", "done", "failed"]
Span = tuple[int | float, int | float]
Place = tuple[float, float] | tuple[float, float, float, float]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Binding(_Part):
    """One control, one gesture, in one layer."""

    on: Annotated[AControl, Field(description="the control")]
    gesture: Annotated[
        Gesture, Field(description="press; long: held for half a second; double: twice within 0.3 s")
    ] = "press"
    mode: Annotated[
        Mode,
        Field(
            description="button: 64 and more is pressed; toggle: every message is a press; dial: a fader or knob that sets;"
            " twos, sign, offset: an endless encoder"
        ),
    ] = "button"
    layer: Annotated[str, Field(description="where it holds; * in every layer")] = MAIN
    action: Annotated[str, BeforeValidator(_action), Field(description="what it does")] = ""
    back: Annotated[str, BeforeValidator(_action), Field(description="what an encoder does when it is turned left")] = (
        ""
    )
    set: Annotated[str, Field(description="the key that a dial or encoder sets for all later requests")] = ""
    range: Annotated[Span, Field(description="lowest and highest value of `set`; whole numbers make whole values")] = (
        0.0,
        1.0,
    )
    values: Annotated[dict[str, bool | int | float | str], Field(description="keys that go along with the action")] = {}
    by_value: Annotated[
        dict[str, Span], Field(description="keys taken from velocity or value, each with lowest and highest")
    ] = {}
    to: Annotated[str, Field(description="the layer that `layer` switches to")] = ""
    hold: Annotated[bool, Field(description="the layer holds only while the control is pressed")] = False
    lit: Annotated[bool, Field(description="shows the state of rendering, in the map's lights")] = False
    light: Annotated[int | None, Field(ge=0, le=127, description="a light that stays on while the layer holds")] = None
    label: Annotated[str, Field(description="for the picture")] = ""
    at: Annotated[Place | None, Field(description="column and row in the picture, and width and height")] = None
    shape: Annotated[Literal["pad", "button", "fader", "knob", "pedal"], Field(description="in the picture")] = "pad"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.action) == bool(self.set):
            raise ValueError(f"{self.on}: needs either `action` or `set`")
        if self.action == "layer" and not self.to:
            raise ValueError(f"{self.on}: `layer` needs `to`, the layer's name")
        if self.action == "preset" and "preset" not in self.values:
            raise ValueError(f"{self.on}: `preset` needs values with the preset's name: values = {{ preset = … }}")
        if self.set and self.mode in {"button", "toggle"}:
            raise ValueError(f"{self.on}: `set` needs a mode of dial, twos, sign or offset")
        if self.mode == "dial" and not self.set:
            raise ValueError(f"{self.on}: a dial needs `set`, the key that it sets")
        if self.hold and (self.action != "layer" or self.gesture != "press"):
            raise ValueError(f"{self.on}: only a plain press of `layer` can be held")
        if self.lit or self.light is not None:
            self.on.message(0)
        return self

    def is_like(self, other: Self) -> bool:
        """Whether one message can mean both: the same gesture of the same control, on the same channel or on any."""
        is_same = (self.gesture, self.layer) == (other.gesture, other.layer)
        return is_same and (self.on.is_sent_by(other.on) or other.on.is_sent_by(self.on))

    @property
    def is_endless(self) -> bool:
        """Whether the control is an encoder without ends."""
        return self.mode in {"twos", "sign", "offset"}

    def share(self, value: int) -> float:
        """A value of the control as a part of its full range, 0 to 1."""
        return value / FULL[self.on.kind]


class Show(_Part):
    """A value that is sent to the controller whenever it changes."""

    value: Annotated[str, Field(description="progress, state, or a key that a dial sets")]
    on: Annotated[AControl, Field(description="where it is sent: note, cc, pitch or program")]
    range: Annotated[Span, Field(description="what is shown as 0 and as the full value")] = (0.0, 1.0)

    @model_validator(mode="after")
    def _showable(self) -> Self:
        self.on.message(0)
        return self


class ControllerMap(_Part):
    """All of a map. `inputs` and `outputs` are patterns of port names, with * and ?."""

    name: Annotated[str, Field(description="what the controller is called")] = ""
    base: Annotated[str, Field(description="the map that this one adds to; its own bindings come first")] = ""
    inputs: Annotated[tuple[str, ...], Field(description="patterns of the ports it sends on")] = ()
    outputs: Annotated[tuple[str, ...], Field(description="patterns of the ports with its lights and motors")] = ()
    virtual: Annotated[bool, Field(description="also offer a virtual port to which other programs can connect")] = False
    clock: Annotated[bool, Field(description="follow MIDI clock, song position and time code of these ports")] = False
    link: Annotated[bool, Field(description="follow Ableton Link (needs the extra `link`)")] = False
    setup: Annotated[
        tuple[Annotated[bytes, BeforeValidator(_sysex)], ...], Field(description="sent when it is plugged in")
    ] = ()
    leave: Annotated[
        tuple[Annotated[bytes, BeforeValidator(_sysex)], ...],
        Field(description="sent when the map goes out of use, or punchin ends: sets back what `setup` has set"),
    ] = ()
    lights: Annotated[dict[State, int], Field(description="value of a lit control in each state")] = {
        "idle": 0,
        "queued": 1,
        "rendering": 127,
        "done": 127,
        "failed": 0,
    }
    bind: tuple[Binding, ...] = ()
    show: tuple[Show, ...] = ()

    def on_top_of(self, other: "ControllerMap") -> "ControllerMap":
        """Both maps in one; where both say something, it is what this one says."""
        kept = tuple(each for each in other.bind if not any(each.is_like(own) for own in self.bind))
        said = {key: getattr(self, key) for key in self.model_fields_set}
        return other.model_copy(update={**said, "bind": self.bind + kept, "show": self.show + other.show})

    @property
    def layers(self) -> list[str]:
        """Names of the layers, the first one first."""
        return list(dict.fromkeys([MAIN, *(each.layer for each in self.bind if each.layer != EVERY)]))


def read(path: Path) -> ControllerMap:
    """The map of a file; raises InvalidSpec with what is wrong in it, and OSError."""
    try:
        return ControllerMap.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, detail['loc'])) or 'map'}: {detail['msg'].removeprefix('Value error, ')}"
            for detail in error.errors(include_url=False, include_input=False)
        )
        raise InvalidSpec(f"{path}: {wrong}") from None
    except ValueError as error:
        raise InvalidSpec(f"{path}: {error}") from None
