"""Where an answer goes: a transport, and a place that means something to it."""

from typing import NamedTuple, Self

REMOTE = "remote"
"""The transport of a peer on another machine: TCP, behind the gate."""


class Peer(NamedTuple):
    """Written `udp://127.0.0.1:9001`, as it is kept with a job."""

    transport: str
    host: str
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """The peer of its text."""
        transport, _, place = text.partition("://")
        host, _, port = place.rpartition(":")
        return cls(transport, host.strip("[]"), int(port or 0))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}://{host}:{self.port}"

    @property
    def is_remote(self) -> bool:
        """Whether this is another machine."""
        return self.transport == REMOTE

    def at_port(self, port: int | None) -> Self:
        """The same host at another UDP port; answers on other transports stay where they are."""
        return self._replace(port=port) if port and self.transport == "udp" else self
