"""Violations of a model's constraints, in sentences for a user: the key, what is legal, and what came."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

from pydantic import BaseModel, ValidationError

_LEGAL_TEXT = {
    "name": 'a file name of 1-100 characters without / \\ : * ? " < > |',
    "meter": "a meter such as 4/4 or 6/8",
    "key": "a key such as C minor or F# major",
    "language": "an ISO code such as en, or unknown",
    "engine": "the name of an engine",
}


def explain(error: ValidationError, model: type[BaseModel], keys: Iterable[str]) -> str:
    """Say in one sentence which keys of a model are wrong, what is legal and what came; `keys` are those it knows."""
    details = error.errors(include_url=False, include_context=True)
    return "; ".join(dict.fromkeys(_sentence(detail, model, keys) for detail in details))


def _sentence(detail: Mapping[str, Any], model: type[BaseModel], keys: Iterable[str]) -> str:
    key = str(detail["loc"][0]) if detail["loc"] else ""
    kind, came, context = detail["type"], detail["input"], detail.get("ctx", {})
    if not key:
        return str(context["error"]) if "error" in context else str(detail["msg"])
    if kind == "extra_forbidden":
        return f"{key}: no such key; the keys are {', '.join(keys)}"
    if kind == "missing":
        return f"{key}: is needed and did not come"
    return (
        f"{key}: must be {_legal(None if len(detail['loc']) > 1 else model, key, kind, context)}, {_shown(came)} came"
    )


def _legal(model: type[BaseModel] | None, key: str, kind: str, context: Mapping[str, Any]) -> str:
    """What is legal; without a model the value lies inside of a list, whose bounds are not the key's own."""
    if kind == "greater_than_equal":
        return _range(context["ge"], _bound(model, key, "le"))
    if kind == "less_than_equal":
        return _range(_bound(model, key, "ge"), context["le"])
    if kind in {"literal_error", "enum"}:
        return f"one of {context['expected']}".replace("'", "")
    if kind == "string_too_short":
        return f"at least {context['min_length']} character"
    if kind == "string_too_long":
        return f"at most {context['max_length']} characters"
    if kind == "string_pattern_mismatch":
        return _LEGAL_TEXT.get(key, f"text like {context['pattern']}")
    if kind == "string_type":
        return "text"
    if kind == "too_long":
        return f"a list of at most {context['max_length']}"
    if "error" in context:
        return str(context["error"])
    return {
        "ranges": "seconds as in 4.0-6.0,10.5-12.0",
        "tempo_map": "a JSON list of [seconds, bpm, numerator, denominator]",
    }.get(key, "a list")


def _range(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return f"at most {_shown(high)}" if low is None else f"at least {_shown(low)}"
    return f"{_shown(low)} to {_shown(high)}"


def _bound(model: type[BaseModel] | None, key: str, side: Literal["ge", "le"]) -> float | None:
    """The other end of a number's range, read from the field's own annotation."""
    field = model.model_fields.get(key) if model else None
    marks = (
        [*field.metadata, *(mark for option in get_args(field.annotation) for mark in _marks(option))] if field else []
    )
    return next((getattr(mark, side) for mark in marks if hasattr(mark, side)), None)


def _marks(annotation: Any) -> Iterable[Any]:
    for mark in getattr(annotation, "__metadata__", ()):
        yield from getattr(mark, "metadata", (mark,))


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def listed(keys: Iterable[str]) -> str:
    """Names with commas, and an `and` before the last."""
    names = list(keys)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
