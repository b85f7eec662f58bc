"""The messages as a table of addresses, arguments and type tags, which drives encoding, decoding and the docs."""

from collections.abc import Iterable
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel

from bridge.protocol.messages import Message, Render, Tag
from engine.spec import RenderSpec, Verb


class Argument(NamedTuple):
    """One argument of a message, or one key with its value."""

    name: str
    tag: str
    needed: bool
    meaning: str


class Row(NamedTuple):
    """One address."""

    address: str
    model: type[Message]
    positional: tuple[Argument, ...]
    keys: tuple[Argument, ...]
    open_field: str | None
    """The field that takes keys which the message itself does not name."""

    @property
    def meaning(self) -> str:
        """What the message says."""
        return (self.model.__doc__ or "").strip()


RENDER_ADDRESSES = {f"/punchin/{verb}": verb for verb in Verb}
_OPEN_FIELDS = ("spec", "changes", "parameters")
_TAGS = {str: "s", float: "d", int: "i", bool: "T", bytes: "b"}


def _tag(annotation: Any) -> str:
    """OSC type tag of an annotation: s, i, h, d or T."""
    if get_origin(annotation) in (Union, UnionType):
        return _tag(next(option for option in get_args(annotation) if option is not NoneType))
    if get_origin(annotation) is Annotated:
        inner, *marks = get_args(annotation)
        return _marked(marks) or _tag(inner)
    return _TAGS.get(annotation, "s")


def _marked(marks: Iterable[Any]) -> str | None:
    """The tag that a field asks for, or that its bounds need: what does not fit 32 bits is an h."""
    for mark in marks:
        if isinstance(mark, Tag):
            return mark.osc
        if isinstance(getattr(mark, "le", None), int) and mark.le >= 2**31:
            return "h"
    return None


def _arguments(model: type[BaseModel]) -> dict[str, Argument]:
    found = {}
    for name, field in model.model_fields.items():
        meaning = field.description or _description_within(field.annotation)
        tag = _marked(field.metadata) or _tag(field.annotation)
        found[name] = Argument(name, tag, field.is_required(), meaning)
    return found


def _description_within(annotation: Any) -> str:
    for option in get_args(annotation):
        for mark in getattr(option, "__metadata__", ()):
            if getattr(mark, "description", None):
                return str(mark.description)
    return ""


def _row(address: str, model: type[Message]) -> Row:
    arguments = _arguments(model)
    open_field = next((name for name in _OPEN_FIELDS if name in arguments), None)
    keys = [argument for name, argument in arguments.items() if name not in (*model.positional, open_field)]
    if open_field == "spec":
        keys = [argument for name, argument in _arguments(RenderSpec).items() if name != "verb"] + keys
    return Row(address, model, tuple(arguments[name] for name in model.positional), tuple(keys), open_field)


def _descendants(model: type[Message]) -> list[type[Message]]:
    return [found for child in model.__subclasses__() for found in (child, *_descendants(child))]


TABLE: dict[str, Row] = {address: _row(address, Render) for address in RENDER_ADDRESSES} | {
    model.address: _row(model.address, model) for model in _descendants(Message) if "address" in vars(model)
}
