"""Clients find the daemons of the local network by multicast DNS, where the extra `remote` is installed.

What is announced is a name, a version and where to connect. The token never is.
"""

import ipaddress
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from importlib.util import find_spec
from typing import NamedTuple

from loguru import logger

from bridge.osc.loopback import EVERYWHERE, is_loopback
from engine.errors import CannotStart

SERVICE = "_punchin._tcp.local."
_RESOLVE_MILLISECONDS = 2000


class Found(NamedTuple):
    """A daemon that answers on the network."""

    name: str
    host: str
    port: int
    version: str


def is_installed() -> bool:
    """Whether daemons can be announced and found here."""
    return find_spec("zeroconf") is not None


@asynccontextmanager
async def announced(host: str, port: int) -> AsyncIterator[None]:
    """Announce a daemon for as long as it runs, unless only its own machine reaches it.

    A network without multicast is no error.
    """
    if is_loopback(host):
        yield
        return
    if not is_installed():
        logger.info('not announced on the network: `pip install "punchin[remote]"` adds what that needs')
        yield
        return
    from zeroconf import Error, NonUniqueNameException  # noqa: PLC0415
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf  # noqa: PLC0415

    addresses = _addresses(host)
    name = socket.gethostname().partition(".")[0] or "punchin"
    info = AsyncServiceInfo(
        SERVICE,
        f"{name}-{port}.{SERVICE}",
        port,
        parsed_addresses=addresses,
        properties={"version": version("punchin")},
        server=f"{name}-punchin.local.",
    )
    zeroconf = None
    try:
        zeroconf = AsyncZeroconf(interfaces=addresses)
        await zeroconf.async_register_service(info, allow_name_change=True)
    except (OSError, Error, NonUniqueNameException) as error:
        logger.warning("not announced on the network: {}", error)
    try:
        yield
    finally:
        if zeroconf:
            await zeroconf.async_unregister_all_services()
            await zeroconf.async_close()


def found(seconds: float) -> list[Found]:
    """The daemons that answer within a time; raises CannotStart where the extra is not installed or there is no network."""
    if not is_installed():
        raise CannotStart('`punchin discover` needs `pip install "punchin[remote]"`')
    from zeroconf import ServiceBrowser, ServiceListener, Zeroconf  # noqa: PLC0415

    names: set[str] = set()

    class Listener(ServiceListener):
        def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
            del zc, type_
            names.add(name)

        def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
            del zc, type_
            names.discard(name)

        def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
            """What is asked for at the end is the newest."""

    try:
        zeroconf = Zeroconf(interfaces=_addresses(EVERYWHERE[0]))
    except OSError as error:
        raise CannotStart(f"the network cannot be asked: {error}") from error
    try:
        ServiceBrowser(zeroconf, SERVICE, Listener())
        time.sleep(seconds)
        infos = [zeroconf.get_service_info(SERVICE, name, _RESOLVE_MILLISECONDS) for name in sorted(names)]
    finally:
        zeroconf.close()
    return [
        Found(
            info.name.removesuffix("." + SERVICE),
            address,
            info.port or 0,
            (info.properties.get(b"version") or b"").decode("utf-8", "replace"),
        )
        for info in infos
        if info
        for address in info.parsed_addresses()
    ]


def _addresses(host: str) -> list[str]:
    """The addresses that others reach a daemon at; link-local ones of IPv6 mean nothing without their link."""
    if host not in EVERYWHERE:
        return [host]
    import psutil  # noqa: PLC0415  a daemon that only its own machine reaches does not need it

    known = (address.address for addresses in psutil.net_if_addrs().values() for address in addresses)
    return [address for address in known if _is_reached_at(address, is_six=host == EVERYWHERE[1])]


def _is_reached_at(address: str, *, is_six: bool) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return not parsed.is_loopback and not parsed.is_link_local and (parsed.version == 4 or is_six)
