"""The driver on ports in memory: what it keeps open, what it says, and when it ends."""

import asyncio
import io
import json
import queue
import sys
import threading

import pytest
from rig import until

from bridge.midi.driver import NO_MIDI, VIRTUAL, Driver
from bridge.midi.ports import Driven
from bridge.midi.system import System, has_virtual_ports


class Memory:
    """Ports that are plugged in by naming them. Those of `System` that the driver calls, and no others."""

    def __init__(self):
        self.there = {"inputs": [], "outputs": []}
        self.open, self.sent, self.closed = {}, [], []
        self.gone = False
        self.busy = set()

    def inputs(self):
        return list(self.there["inputs"])

    def outputs(self):
        return list(self.there["outputs"])

    def is_gone(self):
        return self.gone

    def listen(self, name, heard):
        if name in self.busy:
            raise OSError(f"{name} is used by another program")
        self.open[name] = heard
        return f"in {name}"

    def sender(self, name):
        return f"out {name}"

    def send(self, port, data):
        self.sent.append((port, data))

    def close(self, port):
        self.closed.append(port)


def test_the_ports_in_memory_are_like_those_of_a_system():
    assert {name for name in vars(Memory) if not name.startswith("_")} <= set(dir(System))


class Running:
    def __init__(self):
        self.ports, self.out, self.commands = Memory(), io.StringIO(), queue.SimpleQueue()
        self.status = []
        self.thread = threading.Thread(
            target=lambda: self.status.append(Driver(self.ports, self.out).run(self.commands))
        )
        self.thread.start()

    def want(self, *, inputs=(), outputs=(), virtual=False):
        self.commands.put({"inputs": list(inputs), "outputs": list(outputs), "virtual": virtual})

    def said(self, key):
        lines = [json.loads(line) for line in self.out.getvalue().splitlines()]
        return [line for line in lines if key in line]

    def opens(self, *names):
        until(lambda: (self.said("open_inputs") or [{"open_inputs": None}])[-1]["open_inputs"] == list(names))


@pytest.fixture
def running():
    driver = Running()
    yield driver
    driver.commands.put(None)
    driver.thread.join(20)
    assert not driver.thread.is_alive()


def test_nothing_is_opened_before_it_is_asked_for(running):
    running.ports.there = {"inputs": ["Pad 1", "Keys"], "outputs": ["Pad 1"]}
    running.want()
    running.opens()
    assert running.said("inputs")[-1]["inputs"] == ["Pad 1", "Keys"]
    assert running.ports.open == {}
    running.want(inputs=["pad*"], outputs=["*"])
    running.opens("Pad 1")
    assert running.said("inputs")[-1]["open_outputs"] == ["Pad 1"]
    running.commands.put({"send": "Pad 1", "data": "903c40"})
    running.commands.put({"send": "of nobody", "data": "903c40"})
    running.want(inputs=["keys"])
    running.opens("Keys")
    assert running.ports.sent == [("out Pad 1", b"\x90\x3c\x40")]
    assert sorted(running.ports.closed) == ["in Pad 1", "out Pad 1"]


def test_what_is_heard_is_told_with_its_time(running):
    running.ports.there["inputs"] = ["Pad"]
    running.want(inputs=["*"])
    running.opens("Pad")
    for data in ("903c40", "f07d01f7"):
        running.ports.open["Pad"](bytes.fromhex(data))
    until(lambda: len(running.said("heard")) == 2)
    first, second = running.said("heard")
    assert (first["heard"], first["data"], second["data"]) == ("Pad", "903c40", "f07d01f7")
    assert 0 < first["at"] <= second["at"]


def test_devices_come_and_go_and_may_be_in_use_elsewhere(running):
    running.ports.busy = {"Pad"}
    running.want(inputs=["*"])
    running.opens()
    running.ports.there["inputs"] = ["Pad"]
    until(lambda: running.said("inputs")[-1]["inputs"] == ["Pad"])
    assert running.said("inputs")[-1]["open_inputs"] == []
    running.ports.busy = set()
    running.opens("Pad")
    running.ports.there["inputs"] = []
    running.opens()
    assert running.ports.closed == ["in Pad"]


@pytest.mark.skipif(not has_virtual_ports(), reason="this system has no virtual ports")
def test_virtual_ports_are_there_while_they_are_wanted(running):
    running.want(virtual=True)
    running.opens(VIRTUAL)
    assert None in running.ports.open
    running.want()
    running.opens()


def test_it_goes_in_good_order_and_leaves_a_dead_server_alone():
    for gone, status, closed in ((False, 0, ["in Pad"]), (True, NO_MIDI, [])):
        driver = Running()
        driver.ports.there["inputs"] = ["Pad"]
        driver.want(inputs=["*"])
        driver.opens("Pad")
        driver.ports.gone = gone
        if not gone:
            driver.commands.put(None)
        driver.thread.join(20)
        assert driver.status == [status]
        assert driver.ports.closed == closed
        assert bool(driver.said("trouble")) == gone


HANGS = """
import json, time
print(json.dumps({"inputs": ["Pad"], "outputs": [], "open_inputs": ["Pad"], "open_outputs": []}), flush=True)
for _ in range(4):
    time.sleep(0.2)
    print("{}", flush=True)
time.sleep(600)
"""


SPEAKS = f"""{HANGS.rpartition("for")[0]}
print(json.dumps({{"heard": "Pad", "at": 1.0, "data": "903c40"}}), flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize(("program", "patience"), [(HANGS, 2.0), (SPEAKS, 60.0)])
def test_a_driver_that_hangs_or_says_what_is_too_much_for_us_is_started_anew(monkeypatch, program, patience):
    monkeypatch.setattr("bridge.midi.ports.command", lambda client: [sys.executable, "-c", program])
    told = []

    async def three_times():
        driven = Driven(lambda heard: 1 / 0, lambda ports: told.append(list(ports.open_inputs)), patience=patience)
        running = asyncio.create_task(driven.run())
        while len(told) < 3:
            await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(three_times())
    assert told[:3] == [["Pad"], [], ["Pad"]]
