"""A job on another machine: its files go there, its clips come back, and each byte is checked on the way."""

import hashlib
import os
import secrets
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from pathlib import Path, PureWindowsPath
from typing import Any, BinaryIO, NoReturn

from pydantic import TypeAdapter, ValidationError

from bridge.osc.client import Client
from bridge.protocol import messages as m
from bridge.protocol.messages import LARGEST_GET, LARGEST_PIECE, Message
from bridge.remote.names import FILES, UPLOAD
from engine import files
from engine.errors import BadSource, Busy, NoDaemon, PunchinError
from engine.spec import FileName
from engine.units import JobId

AHEAD = 8
"""Pieces on their way at once."""
ANSWER_SECONDS = 5.0
TRIES = 6
"""How often in a row nothing may come of it."""
_FILE_NAME: TypeAdapter[str] = TypeAdapter(FileName)

Carrying = Generator[m.Progressed, None, Any]


def render(client: Client, verb: str, values: Mapping[str, Any], folder: Path) -> Iterator[Message]:
    """Upload what a request names, render, and download the clips into a folder.

    Yields as `Client.rendering` does, with the stages `uploading` and `downloading` besides; a clip is told once it is here,
    with its path here. The result is acknowledged when all of it is. Raises BadSource, NoDaemon and what the daemon refuses.
    """
    asked = _clip_name(verb, values) | dict(values)
    for key in FILES:
        if key in values:
            digest = yield from uploading(client, Path(values[key]))
            asked[key] = UPLOAD + digest
    with closing(client.rendering(verb, asked)) as replies:
        for reply in replies:
            match reply:
                case m.ClipReady():
                    path = yield from downloading(client, reply, folder)
                    yield reply.model_copy(update={"path": path})
                    continue
                case m.Done() | m.Failed() | m.Cancelled():
                    client.confirm(reply.job_id)
            yield reply


def uploading(client: Client, path: Path) -> Carrying:
    """Bring a file, from where an earlier attempt stopped; returns its SHA-256."""
    upload, total = _digest(path)
    received, tries, pieces = 0, 0, 1  # the answer to the first piece says where to go on
    with path.open("rb") as file:
        while received < total:
            before = received
            try:
                received = _bring(client, file, upload, total, range(received, total, LARGEST_PIECE)[:pieces])
            except Busy:
                if tries + 1 == TRIES:
                    raise
            tries = 0 if received > before else tries + 1
            if tries == TRIES:
                raise NoDaemon(f"{path} cannot be brought: the daemon does not answer")
            if tries:
                time.sleep(0.1 * 2**tries)
            pieces = AHEAD
            yield _progress("uploading", received / total)
    return upload


def _bring(client: Client, file: BinaryIO, upload: str, total: int, offsets: range) -> int:
    """Send pieces and return how many bytes the daemon has; raises what it refuses."""
    connection, waiting = client.connections, set()
    file.seek(offsets.start)
    for offset in offsets:
        data = file.read(LARGEST_PIECE)
        piece = m.Put(
            request_id=secrets.token_hex(8),
            upload=upload,
            offset=offset,
            total=total,
            checksum=hashlib.sha256(data).hexdigest(),
            data=data,
        )
        waiting.add(piece.request_id)
        client.tell(piece)
    received = offsets.start
    until = time.monotonic() + ANSWER_SECONDS
    while waiting and time.monotonic() < until and client.connections == connection:
        for reply in client.replies(0.05):
            match reply:
                case m.PutOk() if reply.request_id in waiting:
                    waiting.discard(reply.request_id)
                    received = reply.received
                case m.Rejected() if reply.request_id in waiting:
                    _raise(reply)
            if not waiting:
                break
    return received


def downloading(client: Client, clip: m.ClipReady, folder: Path) -> Carrying:
    """Fetch a clip's file into a folder, under a name that is free there; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    # Where the daemon takes this client for one of its own machine, as through a tunnel, it tells the path instead.
    name = clip.file or PureWindowsPath(str(clip.path)).name
    temporary = files.temporary_path(folder, JobId(secrets.token_hex(6)), clip.index)
    try:
        with temporary.open("xb") as file:
            got, total, tries = 0, 1, 0
            while got < total:
                data, total = _fetch(client, clip, got)
                file.write(data)
                got += len(data)
                tries = 0 if data else tries + 1
                if tries == TRIES:
                    raise NoDaemon(f"clip {clip.index} of job {clip.job_id} does not arrive whole: try again later")
                if tries:
                    time.sleep(0.1 * 2**tries)
                yield _progress("downloading", got / total)
            file.flush()
            os.fsync(file.fileno())
        final = files.free_name(folder / name)
        files.move_into_place(temporary, final)
    finally:
        temporary.unlink(missing_ok=True)
    return final


def _fetch(client: Client, clip: m.ClipReady, offset: int) -> tuple[bytes, int]:
    """What comes of one request from an offset on, checked piece by piece, and the size of the whole."""
    request = m.Get(
        request_id=secrets.token_hex(8), job=clip.job_id, index=clip.index, offset=offset, length=LARGEST_GET
    )
    connection = client.connections
    client.tell(request)
    data, total = b"", offset + 1
    until = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < until and client.connections == connection:
        for reply in client.replies(0.05):
            match reply:
                case m.Part() if reply.request_id == request.request_id and reply.offset == offset + len(data):
                    if hashlib.sha256(reply.data).hexdigest() != reply.checksum:
                        return data, total
                    data, total = data + reply.data, reply.total
                    if len(data) >= LARGEST_GET or offset + len(data) >= total:
                        return data, total
                case m.Rejected() if reply.request_id == request.request_id:
                    if reply.code == Busy.code:
                        return data, total
                    _raise(reply)
    return data, total


def _raise(refusal: m.Rejected) -> NoReturn:
    for kind in PunchinError.__subclasses__():
        if kind.code == refusal.code:
            raise kind(refusal.message)
    raise PunchinError(refusal.message)


def _digest(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
    except OSError as error:
        raise BadSource(f"{path} cannot be read: {error.strerror}") from None
    if not size:
        raise BadSource(f"{path} is empty")
    return digest, size


def _clip_name(verb: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The key that names the clips after the source, whose name does not travel; none where that is no legal name."""
    if "source" not in values:
        return {}
    try:
        return {"name": _FILE_NAME.validate_python(f"{Path(values['source']).stem}_{verb}")}
    except ValidationError:
        return {}


def _progress(stage: str, fraction: float) -> m.Progressed:
    return m.Progressed(job_id="", fraction=fraction, stage=stage, eta_seconds=-1.0)
