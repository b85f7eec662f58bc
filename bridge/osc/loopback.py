"""Sockets on this machine's loopbacks, IPv4 and IPv6 on the same port."""

import errno
import socket
from typing import Literal

from engine.errors import CannotStart

LOOPBACK = ("127.0.0.1", "::1", "localhost")
RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
_NO_SUCH_ADDRESS = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}

Kind = Literal["udp", "tcp"]
_KINDS: dict[Kind, socket.SocketKind] = {"udp": socket.SOCK_DGRAM, "tcp": socket.SOCK_STREAM}


def bound(host: str, port: int, kind: Kind) -> list[socket.socket]:
    """One socket a loopback, all on the same port; port 0 takes a free one.

    Raises CannotStart for a host that is not this machine, and for a port that is taken, naming who has it.
    """
    if host not in LOOPBACK:
        raise CannotStart(
            f"host {host}: punchin listens on this machine only; the legal hosts are {', '.join(LOOPBACK)}"
        )
    sockets: list[socket.socket] = []
    try:
        for each in ("127.0.0.1", "::1"):
            made = _socket(each, sockets[0].getsockname()[1] if sockets else port, _KINDS[kind])
            if made:
                sockets.append(made)
    except OSError as error:
        for made in sockets:
            made.close()
        taken = sockets[0].getsockname()[1] if not port and sockets else port
        raise CannotStart(
            f"{kind.upper()} port {taken} cannot be had ({error.strerror}): {_holder(kind, taken)}"
        ) from error
    if not sockets:
        raise CannotStart("this machine has no loopback to listen on")
    return sockets


def _holder(kind: Kind, port: int) -> str:
    from bridge.osc.ports import holder  # noqa: PLC0415  psutil is needed for this message only

    found = holder(_KINDS[kind], port)
    who = f"{found[1]} (pid {found[0]}) holds it" if found else "another program holds it"
    return f"{who}; choose another with --port"


def _socket(host: str, port: int, kind: socket.SocketKind) -> socket.socket | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        made = socket.socket(family, kind)
    except OSError:
        return None  # a machine without IPv6
    try:
        if family is socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        made.setblocking(False)  # noqa: FBT003  positional only
        made.bind((host, port))
    except OSError as error:
        made.close()
        if family is socket.AF_INET6 and error.errno in _NO_SUCH_ADDRESS:
            return None
        raise
    return made
