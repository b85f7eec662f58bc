"""Messages to OSC arguments and back. A request that is not legal raises BadRequest with what `rejected` says."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pythonosc.osc_message_builder import OscMessageBuilder

from bridge.presets import Preset
from bridge.protocol.messages import Message, Received, Render, Request
from bridge.protocol.table import RENDER_ADDRESSES, TABLE, Row
from engine.errors import InvalidSpec, NotFound, PunchinError
from engine.explain import explain
from engine.spec import RenderSpec


class BadRequest(Exception):
    """A request that cannot be taken; `request_id` is empty where the message has none."""

    def __init__(self, request_id: str, error: PunchinError) -> None:
        super().__init__(str(error))
        self.request_id = request_id
        self.code = error.code


def encode(message: Message, address: str = "") -> bytes:
    """The OSC bytes of a message; `address` is needed for Render alone, whose verb is part of it."""
    row = TABLE[address or message.address]
    builder = OscMessageBuilder(row.address)
    for argument in row.positional:
        _add(builder, getattr(message, argument.name), argument.tag)
    tags = {argument.name: argument.tag for argument in row.keys}
    for key, value in _keyed(message, row).items():
        builder.add_arg(key, "s")
        _add(builder, value, tags.get(key))
    return builder.build().dgram


def encode_request(address: str, request_id: str, values: Mapping[str, Any]) -> bytes:
    """The OSC bytes of a request given as keys and values that the daemon will judge."""
    row = TABLE[address]
    tags = {argument.name: argument.tag for argument in row.keys}
    builder = OscMessageBuilder(address)
    builder.add_arg(request_id, "s")
    for key, value in values.items():
        builder.add_arg(key, "s")
        _add(builder, value, tags.get(key))
    return builder.build().dgram


def _keyed(message: Message, row: Row) -> dict[str, Any]:
    values = {
        argument.name: getattr(message, argument.name)
        for argument in row.keys
        if getattr(message, argument.name, None) is not None
    }
    return values | (getattr(message, row.open_field) if row.open_field else {})


def _add(builder: OscMessageBuilder, value: Any, tag: str | None) -> None:
    match tag, value:
        case "b", bytes():
            builder.add_arg(value, "b")
        case _, bool():
            builder.add_arg(value, "T" if value else "F")
        case "d", int() | float():
            builder.add_arg(float(value), "d")
        case "h", int():
            builder.add_arg(value, "h")
        case _, int():
            builder.add_arg(value, "i" if -(2**31) <= value < 2**31 else "h")
        case _, float():
            builder.add_arg(value, "d")
        case _:
            builder.add_arg(str(value), "s")


def decode(address: str, arguments: Sequence[Any], presets: Mapping[str, Preset]) -> Request | Received | None:
    """The typed request of a message; None where the address is none that clients may send. Raises BadRequest."""
    row = TABLE.get(address)
    if row is None or not issubclass(row.model, Request | Received):
        return None
    request_id = arguments[0] if arguments and isinstance(arguments[0], str) else ""
    try:
        values = _values(row, arguments)
        if address in RENDER_ADDRESSES:
            return _render(address, values, presets)
        return row.model.model_validate(values)
    except ValidationError as error:
        raise BadRequest(request_id, InvalidSpec(explain(error, row.model, _legal_keys(row)))) from None
    except PunchinError as error:
        raise BadRequest(request_id, error) from None


def decode_reply(address: str, arguments: Sequence[Any]) -> Message | None:
    """The typed reply of a message from the daemon; None where it is none. Keys of a newer protocol are passed over."""
    row = TABLE.get(address)
    if row is None or issubclass(row.model, Request | Received):
        return None
    known = {argument.name for argument in (*row.positional, *row.keys)} | ({row.open_field} - {None})
    return row.model.model_validate({key: value for key, value in _values(row, arguments).items() if key in known})


def reply_port(address: str, arguments: Sequence[Any]) -> int | None:
    """The port that replies to a message are to go to, even where the message is not legal otherwise."""
    row = TABLE.get(address)
    pairs = arguments[len(row.positional) :] if row else ()
    port = next((value for key, value in zip(pairs[::2], pairs[1::2], strict=False) if key == "reply_port"), None)
    is_port = isinstance(port, int | float) and not isinstance(port, bool) and 1 <= port <= 65535
    return int(port) if is_port and port is not None else None


def _values(row: Row, arguments: Sequence[Any]) -> dict[str, Any]:
    """Positional arguments and alternating keys as one mapping; what the message does not name goes into its open field."""
    count = len(row.positional)
    if len(arguments) < count:
        missing = ", ".join(argument.name for argument in row.positional[len(arguments) :])
        raise InvalidSpec(f"{row.address} begins with {missing}, which did not come")
    values = {argument.name: value for argument, value in zip(row.positional, arguments, strict=False)}
    rest = arguments[count:]
    _require_blobs_in_place(row, arguments)
    if len(rest) % 2:
        raise InvalidSpec(f"keys and values alternate; the last key, {rest[-1]!r}, came without a value")
    named = {argument.name for argument in row.keys}
    for key, value in zip(rest[::2], rest[1::2], strict=True):
        if not isinstance(key, str):
            raise InvalidSpec(f"keys are text; {key!r} came where a key belongs")
        if key in values:
            raise InvalidSpec(f"{key}: came twice")
        if key in named or row.open_field in (None, "spec"):
            values[key] = value
        else:
            values.setdefault(str(row.open_field), {})[key] = value
    return values


def _require_blobs_in_place(row: Row, arguments: Sequence[Any]) -> None:
    """Binary data stands where a message has it, and nowhere else: pydantic would take it for text."""
    tags = [argument.tag for argument in row.positional]
    for number, value in enumerate(arguments):
        wants_blob = number < len(tags) and tags[number] == "b"
        if isinstance(value, bytes) != wants_blob:
            raise InvalidSpec(f"argument {number + 1} {'is' if wants_blob else 'cannot be'} binary data (a blob)")


def _render(address: str, values: dict[str, Any], presets: Mapping[str, Preset]) -> Render:
    outer = {key: values.pop(key) for key in ("request_id", "reply_port") if key in values}
    spec = RenderSpec.parse({"verb": RENDER_ADDRESSES[address], **_preset(values, presets), **values})
    return Render.model_validate({**outer, "spec": spec})


_SAYS_THE_SAME = {
    "length": ("bars",),
    "bars": ("length",),
    "start": ("ranges",),
    "end": ("ranges",),
    "ranges": ("start", "end"),
}
"""Keys of a preset that cannot stand beside what the request itself says."""


def _preset(values: Mapping[str, Any], presets: Mapping[str, Preset]) -> Mapping[str, Any]:
    name = values.get("preset")
    if not name:
        return {}
    if name not in presets:
        raise NotFound(f"preset: there is no {name!r}; there are {', '.join(sorted(presets)) or 'none'}")
    displaced = {other for key in values for other in _SAYS_THE_SAME.get(key, ())}
    return {key: value for key, value in presets[name].values.items() if key not in displaced}


def _legal_keys(row: Row) -> tuple[str, ...]:
    return tuple(argument.name for argument in row.keys)
