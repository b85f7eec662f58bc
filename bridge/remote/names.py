"""What the two sides call a file where no path may travel: `upload:<SHA-256>` on the way in, `remote:<job>/<index>` out."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bridge.protocol import messages as m
from bridge.protocol.messages import Digest, Message
from bridge.protocol.peer import Peer
from bridge.protocol.table import TABLE
from engine.errors import InvalidSpec, NotFound, Unauthorized
from engine.jobs import Job
from engine.units import ClientId

PREFIX = "remote/"
"""What begins the name of every client of another machine: none can take the name of a client here."""
UPLOAD = "upload:"
FILES = ("source", "reference")
"""Keys of a request that name a file to read."""
FOLDERS = ("directory",)
"""Keys of a request that name where to write."""
NAMES = ("model", "lora")
"""Keys of a request that name what the daemon has, by name or, on its own machine, by path."""
_DIGEST: TypeAdapter[str] = TypeAdapter(Digest)


def with_paths(
    peer: Peer, address: str, arguments: Sequence[Any], uploaded: Callable[[str], Path] | None
) -> tuple[Any, ...]:
    """A message's arguments with the path of each upload in place of its name.

    `uploaded`: the path of an upload of this client. Raises Unauthorized where another machine names a path, and what
    `uploaded` raises.
    """
    row = TABLE.get(address)
    if row is None:
        return tuple(arguments)
    begin = len(row.positional)
    resolved = list(arguments)
    for place in range(begin, len(arguments) - 1, 2):
        key, value = arguments[place], arguments[place + 1]
        if key in FILES and isinstance(value, str) and value.startswith(UPLOAD) and uploaded:
            resolved[place + 1] = str(uploaded(_digest(key, value.removeprefix(UPLOAD))))
        elif peer.is_remote and key in FILES:
            raise Unauthorized(
                f"{key}: names a file of the daemon's machine; bring yours with /punchin/put and name it upload:<SHA-256>"
            )
        elif peer.is_remote and key in FOLDERS:
            raise Unauthorized(
                f"{key}: names a folder of the daemon's machine; leave it out and fetch with /punchin/get"
            )
        elif peer.is_remote and key in NAMES and set(str(value)) & set("/\\~"):
            raise Unauthorized(f"{key}: names a path of the daemon's machine; give the name that punchin lists there")
    return tuple(resolved)


def _digest(key: str, value: str) -> str:
    try:
        return _DIGEST.validate_python(value)
    except ValidationError:
        raise InvalidSpec(f"{key}: must be upload: and a SHA-256 in 64 hexadecimal digits") from None


def as_told(peer: Peer, message: Message, state: Path) -> Message:
    """A message as a peer may know it: another machine is told no path."""
    if not peer.is_remote:
        return message
    match message:
        case m.ClipReady():
            name = f"remote:{message.job_id}/{message.index}"  # no Path: it is text, and stays so on Windows
            return message.model_copy(update={"path": name, "file": message.path.name, "midi": None, "lrc": None})
        case m.Welcome():
            return message.model_copy(update={"state": ""})
        case m.Rejected() | m.Failed():
            return message.model_copy(update={"message": message.message.replace(str(state), "<state>")})
        case _:
            return message


def may_see(peer: Peer, client: ClientId) -> bool:
    """Whether a peer may know of a client's jobs: those who carry the token know each other's, not this machine's own."""
    return not peer.is_remote or client.startswith(PREFIX)


def require_seen(peer: Peer, job: Job) -> Job:
    """The job, for a peer that may know of it; raises NotFound as for a job that is not there."""
    if not may_see(peer, job.origin.client):
        raise NotFound(f"no job {job.id} is known here")
    return job
