"""Two machines: two network namespaces where the system allows them, else one machine and its address on the network.

Either way the daemon sees its client come from an address that is no loopback, as from another machine.
"""

import os
import shutil
import socket
import subprocess
from contextlib import contextmanager
from typing import NamedTuple

import psutil

SERVER, CLIENT = "10.203.0.1", "10.203.0.2"


class Machines(NamedTuple):
    """Where the daemon listens, and what a command begins with to run on the daemon's or the client's machine."""

    host: str
    at_server: tuple[str, ...]
    at_client: tuple[str, ...]


def own_address():
    """An address of this machine that is no loopback: whoever connects to it from here comes from it, too."""
    known = [address for addresses in psutil.net_if_addrs().values() for address in addresses]
    for address in known:
        if address.family == socket.AF_INET and not address.address.startswith(("127.", "169.254.")):
            return address.address
    raise AssertionError("this machine has no network")


@contextmanager
def two_machines():
    names = [f"punchin-{side}-{os.getpid()}" for side in "sc"]
    if not _namespaces(names):
        yield Machines(own_address(), (), ())
        return
    try:
        yield Machines(SERVER, *(("ip", "netns", "exec", name) for name in names))
    finally:
        _remove(names)


def _namespaces(names):
    """Make two namespaces with a cable between them; False where that is not allowed."""
    if not shutil.which("ip") or os.geteuid() != 0:
        return False
    ends = [f"pi{side}{os.getpid()}"[:15] for side in "sc"]
    steps = [f"netns add {name}" for name in names]
    steps.append(f"link add {ends[0]} netns {names[0]} type veth peer name {ends[1]} netns {names[1]}")
    for name, end, address in zip(names, ends, (SERVER, CLIENT), strict=True):
        steps.append(f"-n {name} address add {address}/24 dev {end}")
        steps += [f"-n {name} link set {device} up" for device in (end, "lo")]
    steps += [f"netns exec {name} true" for name in names]
    if all(subprocess.run(["ip", *step.split()], capture_output=True, check=False).returncode == 0 for step in steps):
        return True
    _remove(names)
    return False


def _remove(names):
    for name in names:
        subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
