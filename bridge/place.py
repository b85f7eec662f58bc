"""Where the daemon is, as flags, environment or its state folder tell, and a client of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cyclopts import Parameter

from bridge import settings
from bridge.flags import Host, Port, State, Tcp, Token
from bridge.osc.client import Client
from bridge.osc.loopback import EVERYWHERE, LOOPBACK, is_loopback
from bridge.remote import token as tokens
from bridge.remote.client import TcpClient, own_name
from engine.errors import NoDaemon


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Place:
    """Flags that say which daemon is meant."""

    state: State = None
    host: Host = None
    port: Port = None
    token: Token = None
    tcp: Tcp = False

    @contextmanager
    def connect(self) -> Iterator[Client]:
        """A client: over UDP on this machine, over TCP with a token to another, or where `tcp` asks for it.

        Raises NoDaemon and Unauthorized.
        """
        chosen = settings.load(state=self.state, host=self.host, port=self.port)
        where = self._address(chosen)
        if self.tcp or not is_loopback(where[0]):
            token = self.token or tokens.read(chosen.state)
            with own_name(chosen.state) as name, TcpClient(*where, name, token) as client:
                yield client
        else:
            with Client(*where) as client:
                yield client

    def _address(self, chosen: settings.Settings) -> tuple[str, int]:
        """On another machine at the port that is set, on this one where the daemon's address file says."""
        if self.port is None and (self.host is None or is_loopback(self.host)):
            try:
                running = json.loads(chosen.address_file.read_text("utf-8"))
                return self.host or running["host"], running["port"]
            except (OSError, ValueError, KeyError):
                pass
        if not chosen.port:
            raise NoDaemon("port 0 names no daemon: give its port or its state folder")
        return LOOPBACK[0] if chosen.host in EVERYWHERE else chosen.host, chosen.port
