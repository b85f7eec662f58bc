"""What REAPER offers, from the official list: names, argument and result types, versions, parameter names."""

import re
from dataclasses import dataclass
from pathlib import Path

from reaper.model import Array, Item, Pointer, Project, Source, Take, Track

HERE = Path(__file__).parent


class Fault(Exception):
    """A script did what REAPER would not take, or what a user would curse."""


def version_of(text):
    """(7, 18) of `7.18`, (7, 70) of `7.7`."""
    major, _, minor = text.partition(".")
    return int(major), int((minor or "0")[:2].ljust(2, "0"))


@dataclass(frozen=True)
class Function:
    name: str
    since: tuple[int, int]
    arguments: tuple[str, ...]
    results: tuple[str, ...]

    @property
    def fewest(self):
        return sum(not kind.endswith("?") for kind in self.arguments)


def _rows(name):
    lines = (HERE / name).read_text("utf-8").splitlines()
    return [[part.strip() for part in line.split("|")] for line in lines if not line.startswith("#")]


def _kinds(text):
    return tuple(filter(None, (part.strip() for part in text.split(","))))


FUNCTIONS = {
    name: Function(name, version_of(since), _kinds(arguments), _kinds(results))
    for name, since, arguments, results in _rows("functions.txt")
}
IMGUI = {
    name: Function(name, version_of(since), _kinds(arguments), _kinds(results))
    for name, since, arguments, results in _rows("reaimgui.txt")
}
"""Of the extension ReaImGui, which may be installed."""
BUILT_IN = {"atexit", "defer", "get_action_context", "gmem_attach", "gmem_read", "gmem_write", "new_array", "runloop"}
BUILT_IN |= {"set_action_options"}
PARAMETERS = {(kind, name): access == "w" for kind, name, access in _rows("parameters.txt")}
"""Whether a parameter can be set."""

# The list calls it read-only and scripts in use set it: it moves an item to a lane.
PARAMETERS["item", "I_FIXEDLANE"] = True
# The same: what comes back is read-only, and both may be set.
PARAMETERS["track", "I_NUMFIXEDLANES"] = True
PARAMETERS["track", "C_LANEPLAYS:N"] = True


def parameter(kind, name, *, setting):
    """The listed form of a parameter name, e.g. `P_EXT:xyz` of `P_EXT:punchin`; a misspelled one is a fault."""
    listed = re.sub(r"^(P_EXT):[^:]+$", r"\1:xyz", re.sub(r"^(C_LANEPLAYS):\d+$", r"\1:N", name))
    listed = re.sub(r"^(P_LANENAME):\d+$", r"\1:n", listed)
    if (kind, listed) not in PARAMETERS:
        raise Fault(f"{name!r} is no parameter of {kind}")
    if setting and not PARAMETERS[kind, listed]:
        raise Fault(f"{name!r} of {kind} cannot be set")
    return listed


POINTERS = {
    "MediaTrack": Track, "MediaItem": Item, "MediaItem_Take": Take, "PCM_source": Source, "AudioAccessor": Pointer,
    "HWND": Pointer, "ImGui_Context": Pointer, "ImGui_Function": Pointer, "KbdSectionInfo": Pointer, "TrackEnvelope": Pointer,
}  # fmt: skip


def fits(kind, value):
    """Whether a value that came from Lua is of a listed type."""
    if kind == "ReaProject":
        return value is None or value == 0 or isinstance(value, Project)
    if kind in POINTERS:
        return isinstance(value, POINTERS[kind])
    if kind == "integer":
        return isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "string":
        return isinstance(value, bytes)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "reaper.array":
        return isinstance(value, Array)
    if kind == "identifier":
        return value is None or isinstance(value, Pointer)
    raise Fault(f"the rig does not know the type {kind}")


def taken(function, arguments):
    """Arguments as the model takes them: text for strings, int for integers, float for numbers."""
    if not function.fewest <= len(arguments) <= len(function.arguments):
        raise Fault(f"{function.name} takes {len(function.arguments)} arguments, {len(arguments)} came")
    values = []
    for number, (kind, value) in enumerate(zip(function.arguments, arguments, strict=False), 1):
        plain = kind.rstrip("?")
        if kind.endswith("?") and value is None:
            values.append(None)
            continue
        if not fits(plain, value):
            raise Fault(f"{function.name}, argument {number}: {plain} expected, {value!r} came")
        casts = {"integer": int, "number": float, "string": lambda raw: raw.decode("utf-8", "surrogateescape")}
        values.append(casts.get(plain, lambda same: same)(value))
    return values


def given(function, result):
    """Results as Lua gets them; a count or a type that the list does not have is the rig's own mistake."""
    values = result if isinstance(result, tuple) else () if result is None and not function.results else (result,)
    if len(values) != len(function.results):
        raise Fault(f"rig: {function.name} gives {len(function.results)} results, {len(values)} came")
    made = []
    for kind, value in zip(function.results, values, strict=True):
        plain = kind.rstrip("?")
        if isinstance(value, str):
            value = value.encode("utf-8", "surrogateescape")  # noqa: PLW2901
        if plain == "number" and value is not None:
            value = float(value)  # noqa: PLW2901
        missing_pointer = value is None and (plain in POINTERS or kind.endswith("?") or plain == "string")
        if not missing_pointer and not fits(plain, value):
            raise Fault(f"rig: {function.name} gives {plain}, {value!r} came")
        made.append(value)
    return tuple(made)
