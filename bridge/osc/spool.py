"""OSC in files, for scripts that can open, write and rename and nothing else.

`<state>/spool/<client>/` is opened by a file `hello.osc`. The client writes `in-000001.osc`, `in-000002.osc`, … and reads
`out-000001.osc`, … in order; each side deletes what it has read. Every file is written under another name and renamed.
"""

import asyncio
import re
from contextlib import suppress
from pathlib import Path
from typing import Self

from loguru import logger

from bridge.osc.reception import Reception
from bridge.protocol.peer import Peer

POLL_SECONDS = 0.04
MAX_PACKET = 256 * 1024
MAX_UNREAD = 2000
"""Files that wait for a client that does not read; beyond it nothing more is written until it says hello."""
_CLIENT = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_INCOMING = re.compile(r"in-(\d{6,})\.osc")
_COUNTER = "next-out"


class SpoolTransport:
    """The spool folders of one state folder."""

    name = "spool"

    def __init__(self, reception: Reception, folder: Path) -> None:
        self._reception = reception
        self._folder = folder
        self._polling: asyncio.Task[None] | None = None

    async def open(self) -> Self:
        """Make the folder and begin to look into it."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._polling = asyncio.create_task(self._poll())
        return self

    def close(self) -> None:
        """Stop looking."""
        if self._polling:
            self._polling.cancel()

    def send(self, peer: Peer, packet: bytes) -> None:
        """Write one message for a client to read."""
        folder = self._folder / peer.host
        try:
            number = int((folder / _COUNTER).read_text("ascii"))
            oldest_allowed = folder / f"out-{number - MAX_UNREAD:06d}.osc"
            if oldest_allowed.exists():
                return
            _write(folder / f"out-{number:06d}.osc", packet)
            _write(folder / _COUNTER, str(number + 1).encode())
        except (OSError, ValueError) as error:
            logger.warning("spool folder {} cannot be written: {}", folder, error)

    async def _poll(self) -> None:
        while True:
            for folder in self._clients():
                try:
                    self._look(folder)
                except OSError as error:
                    logger.debug("spool folder {}: {}", folder, error)
            await asyncio.sleep(POLL_SECONDS)

    def _clients(self) -> list[Path]:
        with suppress(OSError):
            return [path for path in self._folder.iterdir() if _CLIENT.fullmatch(path.name) and path.is_dir()]
        return []

    def _look(self, folder: Path) -> None:
        peer = Peer(self.name, folder.name)
        hello = folder / "hello.osc"
        if hello.exists():
            self._open_client(folder, hello)
            self._take(peer, hello)
        elif not (folder / _COUNTER).exists():
            return
        found = [(int(match[1]), path) for path in folder.iterdir() if (match := _INCOMING.fullmatch(path.name))]
        for _, path in sorted(found):
            self._take(peer, path)

    def _open_client(self, folder: Path, hello: Path) -> None:
        """Both sides begin to count anew; what is older than the hello belongs to a script that is gone."""
        said_at = hello.stat().st_mtime
        for path in folder.glob("*-*.osc"):
            if path.name.startswith("out-") or path.stat().st_mtime < said_at:
                path.unlink()
        _write(folder / _COUNTER, b"1")

    def _take(self, peer: Peer, path: Path) -> None:
        size = path.stat().st_size
        packet = path.read_bytes() if size <= MAX_PACKET else b""
        path.unlink()
        self._reception.take(peer, packet, MAX_PACKET)


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
