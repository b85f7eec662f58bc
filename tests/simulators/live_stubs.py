"""Holds the simulated Live against the published stubs: what it offers, Live must have, of the same kind and signature."""

import ast
import importlib.metadata
import inspect
from pathlib import Path
from typing import NamedTuple

from live.base import IntU64Vector, IntVector, StringVector
from live.clip import WarpMarker, WarpMarkerVector
from live.lom import LomObject, Nullable, Optional, Value, Vector
from live.midinotes import MidiNoteVector


class Property(NamedTuple):
    """Kind by its annotation."""

    kind: str
    settable: bool


class Function(NamedTuple):
    """Annotations of the arguments, how many are needed, annotation of the result."""

    arguments: tuple[str, ...]
    fewest: int
    returns: str


CAN_BE_NONE = {
    "ClipSlot.ClipSlot.clip",
    "Track.Track.group_track",
    "Song.Song.canonical_parent",
    "Application.Application.canonical_parent",
}
"""Where the documentation says that there may be nothing, and the stub's type does not."""

PLAIN = {
    "float": float, "int": int, "bool": bool, "str": str, "Any": object, "object": object, "None": None, "View": LomObject,
    "IntVector": IntVector, "StringVector": StringVector, "WarpMarkerVector": WarpMarkerVector, "WarpMarker": WarpMarker,
    "IntU64Vector": IntU64Vector, "MidiNoteVector": MidiNoteVector,
}  # fmt: skip
"""Kinds of the simulation by the name that a stub gives; other names stand for themselves, and enumerations for int."""


def stubs():
    """Syntax tree of each stub module, by name."""
    files = importlib.metadata.files("ableton-live-stubs")
    paths = [Path(file.locate()) for file in files if file.suffix == ".pyi" and file.stem != "__init__"]
    return {path.stem: ast.parse(path.read_text("utf-8")) for path in paths}


class Surface:
    """What the stubs say: members of each class by its place, e.g. `Song.Song.View`, and the functions of the modules."""

    def __init__(self):
        self.classes, self.bases, self.functions, self.modules = {}, {}, {}, set()
        for module, tree in stubs().items():
            self.modules.add(module)
            self._read(module, tree)

    def _read(self, place, body):
        members = self.classes.setdefault(place, {})
        for node in body.body:
            if isinstance(node, ast.ClassDef):
                inner = f"{place}.{node.name}"
                self.bases[inner] = [ast.unparse(base) for base in node.bases]
                self._read(inner, node)
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                members[node.target.id] = ast.literal_eval(node.value)
            elif isinstance(node, ast.FunctionDef):
                marks = [ast.unparse(mark) for mark in node.decorator_list]
                if "property" in marks:
                    members[node.name] = Property(ast.unparse(node.returns), settable=False)
                elif f"{node.name}.setter" in marks:
                    members[node.name] = members[node.name]._replace(settable=True)
                else:
                    members[node.name] = _function(node)

    def member(self, place, name):
        """A member of a class or of what it is based on; None where there is none."""
        found = self.classes[place].get(name)
        if found is None and "LomObject" in self.bases.get(place, ()):
            found = self.classes["LomObject.LomObject"].get(name)
        return found

    def is_enumeration(self, name):
        return any(place.split(".")[-1] == name and bases == ["int"] for place, bases in self.bases.items())

    def kind(self, text):
        """The simulation's kind for an annotation."""
        parts = [part.strip() for part in text.split("|")]
        if "int" in parts and any(self.is_enumeration(part) for part in parts):
            return int
        if len(parts) == 2 and "None" in parts:
            return ("nullable", self.kind(next(part for part in parts if part != "None")))
        if text.startswith(("Vector[", "ObjectVector")):
            return Vector
        if text.startswith(("Callable", "Iterable")):
            return object
        return int if self.is_enumeration(text) else PLAIN.get(text, text)


def _function(node):
    arguments = [argument for argument in node.args.posonlyargs + node.args.args if argument.arg != "self"]
    kinds = tuple(ast.unparse(argument.annotation) for argument in arguments)
    return Function(kinds, len(kinds) - len(node.args.defaults), ast.unparse(node.returns))


def lies(live, surface):
    """Every place where a simulated Live offers what the stubs do not have, or have otherwise."""
    found = [name for name in live.modules if name != "Live" and name.split(".")[1] not in surface.modules]
    for name, module in live.modules.items():
        for member, value in vars(module).items():
            if name == "Live" or member.startswith("_"):
                continue
            place = f"{name.removeprefix('Live.')}.{member}"
            if isinstance(value, type):
                found += _class_lies(surface, place, value)
            else:
                found += _function_lies(
                    surface, place, surface.classes[place.split(".", maxsplit=1)[0]].get(member), value
                )
    return found


def _class_lies(surface, place, cls):
    if place not in surface.classes:
        return [f"{place}: no such class"]
    if issubclass(cls, int):
        there = surface.classes[place]
        return [f"{place}.{name}" for name, value in vars(cls).items() if name[0] != "_" and there.get(name) != value]
    found = []
    for name in dir(cls):
        value = inspect.getattr_static(cls, name)
        if name in dir(BaseException) and issubclass(cls, BaseException):
            continue
        if name.startswith("_") and (name != "__init__" or issubclass(cls, LomObject) or "__init__" not in vars(cls)):
            continue
        full = f"{place}.{name}"
        listed = surface.member(place, name)
        if isinstance(value, type):
            found += _class_lies(surface, full, value)
        elif isinstance(value, Value):
            found += _property_lies(surface, place, full, listed, value)
        elif isinstance(value, property):
            found += [] if isinstance(listed, Property) and not value.fset else [f"{full}: no such property"]
        elif place != "Base.Vector" and not _is_container(cls, name):
            found += _function_lies(surface, full, listed, value)
    return found


def _is_container(cls, name):
    """`__init__` of vectors, which scripts do not call."""
    return issubclass(cls, Vector) and name == "__init__"


def _property_lies(surface, place, full, listed, value):
    if not isinstance(listed, Property):
        return [f"{full}: no such property"]
    found = []
    if value.settable and not listed.settable:
        found.append(f"{full}: cannot be set")
    if value.listenable and surface.member(place, f"add_{value.name}_listener") is None:
        found.append(f"{full}: cannot be listened to")
    if value.name != "canonical_parent" and not _same(surface.kind(listed.kind), value.kind, full):
        found.append(f"{full}: {listed.kind}, not {value.kind}")
    return found


def _same(listed, kind, full=""):
    if isinstance(kind, Nullable):
        return listed == ("nullable", kind.kind) or (full in CAN_BE_NONE and listed == kind.kind)
    return listed == kind


def _function_lies(surface, full, listed, value):
    if not isinstance(listed, Function):
        return [f"{full}: no such function"]
    arguments, fewest, returns = _simulated(value)
    if (len(arguments), fewest) != (len(listed.arguments), listed.fewest):
        return [f"{full}: takes {listed.arguments}, {listed.fewest} at least"]
    kinds = [surface.kind(text) for text in listed.arguments]
    found = [
        f"{full}: argument {number} is {text}"
        for number, (kind, mine, text) in enumerate(zip(kinds, arguments, listed.arguments, strict=True), 1)
        if mine is not inspect.Parameter.empty and not _same(kind, mine)
    ]
    if returns is not inspect.Parameter.empty and surface.kind(listed.returns) != returns:
        found.append(f"{full}: gives {listed.returns}, not {returns}")
    return found


def _simulated(value):
    """Kinds of the arguments, how many are needed, and the kind of the result; empty where a plain function tells none."""
    declared = getattr(value, "_sim_arguments", None)
    if declared is not None:
        kinds = [argument.kind if isinstance(argument, Optional) else argument for argument in declared]
        return kinds, sum(not isinstance(argument, Optional) for argument in declared), value._sim_returns
    empty = inspect.Parameter.empty
    arguments = [argument for argument in inspect.signature(value).parameters.values() if argument.name != "self"]
    return [empty] * len(arguments), sum(argument.default is empty for argument in arguments), empty
