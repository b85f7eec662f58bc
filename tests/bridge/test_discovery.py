import asyncio
import subprocess
import sys

import pytest

from bridge.osc.loopback import is_loopback
from bridge.remote import discovery
from engine.errors import CannotStart

QUIET = """
import asyncio, sys
from bridge.remote import discovery
async def run():
    async with discovery.announced("127.0.0.1", 17862):
        print("zeroconf" in sys.modules)
asyncio.run(run())
"""


def test_a_daemon_of_this_machine_alone_announces_nothing():
    assert subprocess.run([sys.executable, "-c", QUIET], capture_output=True, text=True, check=True).stdout == "False\n"


def test_without_the_extra_a_daemon_runs_and_discover_says_what_to_install(monkeypatch):
    monkeypatch.setattr(discovery, "find_spec", lambda name: None)

    async def announced():
        async with discovery.announced("0.0.0.0", 17862):
            return True

    assert asyncio.run(announced())
    with pytest.raises(CannotStart, match=r"punchin\[remote\]"):
        discovery.found(0.1)


def test_no_address_is_announced_that_others_cannot_reach():
    for host in ("0.0.0.0", "::"):
        assert not any(is_loopback(address) for address in discovery._addresses(host))
        assert not any(address.startswith(("fe80:", "169.254.")) for address in discovery._addresses(host))
    assert discovery._addresses("192.168.1.5") == ["192.168.1.5"]


def test_what_is_loopback():
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.0.0.2", "::1", "localhost"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "192.168.1.5", "gpu.box", "fe80::1%eth0", ""))
