"""Sockets on this machine's loopbacks, IPv4 and IPv6 on the same port, and for TCP on an address that others reach."""

import errno
import ipaddress
import socket
from typing import Literal

from engine.errors import CannotStart

LOOPBACK = ("127.0.0.1", "::1")
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  asked for by the user, and only with a token
RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
_NO_SUCH_ADDRESS = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}

Kind = Literal["udp", "tcp"]
_KINDS: dict[Kind, socket.SocketKind] = {"udp": socket.SOCK_DGRAM, "tcp": socket.SOCK_STREAM}


def is_loopback(host: str) -> bool:
    """Whether an address, or the name `localhost`, is this machine as only it sees itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bound(host: str, port: int, kind: Kind) -> list[socket.socket]:
    """One socket a loopback and, for TCP, one on `host`, all on the same port; port 0 takes a free one.

    Raises CannotStart for a host that is not this machine, and for a port that is taken, naming who has it.
    """
    sockets: list[socket.socket] = []
    try:
        for each in _places(host) if kind == "tcp" else LOOPBACK:
            made = _socket(each, sockets[0].getsockname()[1] if sockets else port, _KINDS[kind])
            if made:
                sockets.append(made)
    except OSError as error:
        if error.errno in _NO_SUCH_ADDRESS:
            for made in sockets:
                made.close()
            raise CannotStart(f"host {host} is no address of this machine") from error
        for made in sockets:
            made.close()
        taken = sockets[0].getsockname()[1] if not port and sockets else port
        raise CannotStart(
            f"{kind.upper()} port {taken} cannot be had ({error.strerror}): {_holder(kind, taken)}"
        ) from error
    if not sockets:
        raise CannotStart("this machine has no loopback to listen on")
    return sockets


def _places(host: str) -> tuple[str, ...]:
    """The addresses to listen on, so that this machine's own clients are always served; raises CannotStart."""
    if is_loopback(host):
        return LOOPBACK
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        raise CannotStart(
            f"host {host}: give an address of this machine, {EVERYWHERE[0]} for all of them, or 127.0.0.1 for none but itself"
        ) from None
    if host in EVERYWHERE:
        return (EVERYWHERE[0], LOOPBACK[1] if version == 4 else EVERYWHERE[1])
    return (*LOOPBACK, host)


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
        if host not in LOOPBACK:
            raise
        return None  # a machine without IPv6
    try:
        if family is socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        made.setblocking(False)  # noqa: FBT003  positional only
        made.bind((host, port))
    except OSError as error:
        made.close()
        if host == LOOPBACK[1] and error.errno in _NO_SUCH_ADDRESS:
            return None
        raise
    return made
