"""Files that travel: pieces come in and go out in a thread of their own, so that no disk holds up the event loop."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from loguru import logger

from bridge.protocol import messages as m
from bridge.protocol.messages import Message
from bridge.remote.uploads import Bounds, Uploads
from engine.errors import Busy, InvalidSpec, NotFound, PunchinError
from engine.jobs import Job, JobState
from engine.store import Store
from engine.units import ClientId

MAX_WAITING = 64
"""Pieces and stretches that wait for the disk."""

Answer = Callable[[Message], None]
InLoop = Callable[[Callable[[], None]], object]


class Transfers:
    """Answers put and get. `in_loop` has a function called in the event loop's thread, as every answer is."""

    def __init__(self, store: Store, folder: Path, in_loop: InLoop, bounds: Bounds | None = None) -> None:
        self.uploads = Uploads(folder, lambda: _sources(store), bounds)
        self._in_loop = in_loop
        self._thread = ThreadPoolExecutor(1, "transfers")
        self._waiting = 0
        self._thread.submit(self.uploads.tidy)

    def close(self) -> None:
        """Finish what is under way."""
        self._thread.shutdown(cancel_futures=True)

    def put(self, client: ClientId, piece: m.Put, answer: Answer) -> None:
        """Take a piece of a client's file; raises Busy."""

        def work() -> list[Message]:
            received = self.uploads.put(client, piece)
            return [m.PutOk(request_id=piece.request_id, upload=piece.upload, received=received, total=piece.total)]

        self._do(piece, work, answer)

    def get(self, job: Job, stretch: m.Get, answer: Answer) -> None:
        """Send a stretch of a clip's file; raises NotFound or Busy."""
        if stretch.index >= len(job.clips) or job.state not in {JobState.RENDERED, JobState.RECEIVED}:
            raise NotFound(f"index: job {job.id} has no clip {stretch.index}")
        path = job.clips[stretch.index].path
        self._do(stretch, lambda: _parts(path, stretch), answer)

    def _do(self, request: m.Request, work: Callable[[], list[Message]], answer: Answer) -> None:
        if self._waiting >= MAX_WAITING:
            raise Busy(f"{MAX_WAITING} pieces wait for the disk already: send them again later")
        self._waiting += 1

        def done(replies: list[Message]) -> None:
            self._waiting -= 1
            for reply in replies:
                answer(reply)

        def run() -> None:
            replies = _worked(request, work)
            self._in_loop(lambda: done(replies))

        self._thread.submit(run)


def _worked(request: m.Request, work: Callable[[], list[Message]]) -> list[Message]:
    try:
        return work()
    except PunchinError as error:
        return [m.Rejected(request_id=request.request_id, code=error.code, message=str(error))]
    except Exception:  # noqa: BLE001  one piece must not end the thread
        logger.exception("request {} was dropped: an error in punchin itself", request.address)
        return []


def _parts(path: Path, stretch: m.Get) -> list[Message]:
    try:
        with path.open("rb") as file:
            total = file.seek(0, 2)
            file.seek(stretch.offset)
            data = file.read(stretch.length)
    except OSError as error:
        raise NotFound(f"index: the clip's file is gone ({error.strerror})") from None
    if not data:
        raise InvalidSpec(f"offset: the file has {total} bytes, {stretch.offset} came")
    pieces = range(0, len(data), m.LARGEST_PIECE)
    return [
        m.Part(
            request_id=stretch.request_id,
            offset=stretch.offset + start,
            total=total,
            checksum=hashlib.sha256(piece).hexdigest(),
            data=piece,
        )
        for start in pieces
        for piece in (data[start : start + m.LARGEST_PIECE],)
    ]


def _sources(store: Store) -> list[Path]:
    """What jobs that have not ended will read."""
    jobs = store.in_state(JobState.QUEUED, JobState.RENDERING, JobState.INTERRUPTED)
    return [path for job in jobs for path in (job.spec.source, job.spec.reference) if path]
