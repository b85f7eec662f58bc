"""What the doctor says of one part."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

State = Literal["ok", "missing", "problem", "off"]


@dataclass(frozen=True, slots=True)
class Finding:
    """How one part stands."""

    name: str
    state: State
    """ok; missing: wanted and not there; problem: there and not right; off: not there and not needed."""
    detail: str
    remedy: str = ""
    """What to do, in one sentence; never empty when the state is missing or problem."""
    values: Mapping[str, object] = field(default_factory=dict)
    """The same for programs, in what JSON knows; where there is more to say than fits into a sentence."""
