"""What the daemon and the player's process tell each other: one JSON object a line."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from engine.spec import RenderSpec


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def line(self) -> bytes:
        """The object on a line of its own."""
        return self.model_dump_json(exclude_none=True).encode() + b"\n"


# From the daemon


class Output(_Line):
    """Where to play."""

    device: str = ""
    """The device's number, name or a part of its name; empty: the system's own choice."""
    buffer_ms: float = 0.0
    """How much is computed ahead; 0: what the device calls safe."""


class Part(_Line):
    """One clip of the take."""

    path: Path
    start: float
    """Seconds from the source's start, of the first frame."""


class Play(_Line):
    """Play a take, in place of whatever plays."""

    kind: Literal["play"] = "play"
    number: int
    """Names this order in the answers."""
    job: str
    take: int
    """0: the original."""
    spec: RenderSpec
    parts: tuple[Part, ...]
    """The clips of the take; of take 0 those of the first, for their places."""
    context: bool = False
    """In its surroundings, not alone."""
    loop: bool = False
    around: float | None = None
    """Seconds of surroundings on each side; None: two bars, or 4 s where the tempo is not known."""
    own_lufs: float | None = None
    """Loudness of this take; None: to be measured."""
    rivals: tuple[float, ...] | None = None
    """Loudness of all takes, where all are to be equally loud."""
    output: Output = Output()


class Halt(_Line):
    """Stop playing."""

    kind: Literal["halt"] = "halt"


# From the player


class Started(_Line):
    """The take is heard from now on."""

    kind: Literal["started"] = "started"
    number: int
    device: str
    latency: float
    """Seconds from the player to the device's output, as the system tells; -1: unknown."""
    sample_rate: int
    """Of the device."""
    seconds: float
    """Length, of one round of a loop."""
    gain_db: float


class Refused(_Line):
    """Nothing is played."""

    kind: Literal["refused"] = "refused"
    number: int
    code: str
    message: str


class Ended(_Line):
    """What was started is not heard any more."""

    kind: Literal["ended"] = "ended"
    number: int
    reason: Literal["ended", "stopped", "replaced", "device_lost"]
    underruns: int = 0
    """How often the device waited for audio in vain."""


Order = Play | Halt
Answer = Started | Refused | Ended
ORDER: TypeAdapter[Order] = TypeAdapter(Annotated[Order, Field(discriminator="kind")])
ANSWER: TypeAdapter[Answer] = TypeAdapter(Annotated[Answer, Field(discriminator="kind")])
