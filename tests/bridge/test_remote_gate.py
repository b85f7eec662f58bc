import asyncio
from functools import partial

import pytest
from network import own_address
from pythonosc.osc_message import OscMessage
from test_reception import Clock

from bridge.osc.reception import Reception
from bridge.osc.tcp import TcpTransport
from bridge.protocol.peer import Peer
from bridge.remote import gate as g

TOKEN = "t" * 43
HERE = Peer("tcp", "127.0.0.1", 1)


class Guarded:
    """A gate, what came through it, and what it answered."""

    def __init__(self):
        self.clock, self.token = Clock(), TOKEN
        self.passed, self.answers = [], []
        self.gate = g.Gate(
            lambda peer, packet: self.answers.append((peer, OscMessage(packet))), lambda: self.token, self.clock
        )
        self.receive = partial(self.gate.receive, lambda *message: self.passed.append(message))

    def hello(self, peer, token=TOKEN, client="laptop"):
        self.receive(peer, "/punchin/hello", ("h", "client", client, "token", token))

    def codes(self):
        return [message.params[1] for _, message in self.answers]


@pytest.fixture
def guarded():
    return Guarded()


def far(number=1, host="192.168.1.7"):
    return Peer("remote", host, number)


def test_this_machine_passes_untouched(guarded):
    guarded.receive(HERE, "/punchin/hello", ("h", "client", "reaper"))
    guarded.receive(HERE, "/punchin/ping", ("p",))
    assert guarded.passed == [(HERE, "/punchin/hello", ("h", "client", "reaper")), (HERE, "/punchin/ping", ("p",))]


def test_another_machine_says_hello_with_the_token_first(guarded):
    assert guarded.gate.enter(far())
    guarded.receive(far(), "/punchin/ping", ("p",))
    assert (guarded.passed, guarded.codes()) == ([], ["unauthorized"])
    assert not guarded.gate.is_admitted(far())
    guarded.hello(far())
    assert guarded.gate.is_admitted(far())
    guarded.receive(far(), "/punchin/ping", ("p",))
    assert [address for _, address, _ in guarded.passed] == ["/punchin/hello", "/punchin/ping"]


def test_the_service_never_sees_the_token_and_the_name_is_set_apart(guarded):
    guarded.gate.enter(far())
    guarded.receive(far(), "/punchin/hello", ("h", "token", TOKEN, "daw", "reaper", "client", "reaper"))
    ((_, _, arguments),) = guarded.passed
    values = dict(zip(arguments[1::2], arguments[2::2], strict=True))
    assert arguments[0] == "h"
    assert values == {"client": "remote/reaper", "role": "tool", "daw": "reaper"}


@pytest.mark.parametrize("token", ["", "t" * 42, "T" * 43, 5])
def test_a_wrong_token(guarded, token):
    guarded.gate.enter(far())
    guarded.hello(far(), token)
    assert guarded.passed == []
    assert guarded.codes() == ["invalid" if token == 5 else "unauthorized"]
    assert str(TOKEN) not in str(guarded.answers[0][1].params)


def test_where_there_is_no_token_nobody_comes_in(guarded):
    guarded.gate.enter(far())
    for nothing in (None, ""):
        guarded.token = nothing
        guarded.hello(far(), "")
    assert guarded.passed == []


def test_every_further_hello_needs_the_token_too_and_a_new_one_holds_at_once(guarded):
    guarded.gate.enter(far())
    guarded.hello(far())
    guarded.token = "n" * 43
    guarded.hello(far(), client="other")
    assert guarded.codes() == ["unauthorized"]
    guarded.hello(far(), "n" * 43, client="other")
    assert len(guarded.passed) == 2


def test_three_failures_end_the_connection_and_keep_the_host_out(guarded):
    guarded.gate.enter(far())
    guarded.gate.enter(far(2))
    for _ in range(3):
        assert guarded.gate.is_open(far())
        guarded.hello(far(), "wrong")
    assert not guarded.gate.is_open(far())
    guarded.hello(far())
    assert guarded.passed == []
    assert not guarded.gate.enter(far(3))
    assert guarded.gate.enter(far(1, "192.168.1.8")), "another host is not held back"
    guarded.clock.now = g.FIRST_PAUSE_SECONDS + 0.01
    assert guarded.gate.enter(far(3))


def test_each_further_guess_doubles_the_pause(guarded):
    pauses = []
    for number in range(12):
        assert guarded.gate.enter(far(number))
        guarded.hello(far(number), "wrong")
        guarded.gate.leave(far(number))
        begun = guarded.clock.now
        while not guarded.gate.enter(far(99)):
            guarded.clock.now += 0.5
        guarded.gate.leave(far(99))
        pauses.append(guarded.clock.now - begun)
    assert pauses == [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300]


def test_the_right_token_forgives(guarded):
    guarded.gate.enter(far())
    for _ in range(2):
        guarded.hello(far(), "wrong")
    guarded.hello(far())
    guarded.gate.enter(far(2))
    guarded.hello(far(2), "wrong")
    assert guarded.gate.enter(far(3))


def test_who_has_not_said_hello_is_bounded_in_number(guarded):
    assert [guarded.gate.enter(far(number)) for number in range(5)] == [True] * g.MAX_WAITING_A_HOST + [False]
    more = [guarded.gate.enter(far(1, f"10.0.0.{number}")) for number in range(g.MAX_WAITING)]
    assert sum(more) == g.MAX_WAITING - g.MAX_WAITING_A_HOST
    guarded.gate.leave(far(0))
    assert guarded.gate.enter(far(9))


def test_who_has_said_hello_is_bounded_too(guarded):
    for number in range(g.MAX_ADMITTED):
        assert guarded.gate.enter(far(number))
        guarded.hello(far(number), client=f"c{number}")
    assert not guarded.gate.enter(far(99))


def test_the_time_for_a_hello_runs_out(guarded):
    guarded.gate.enter(far())
    assert guarded.gate.seconds_left(far()) == g.HELLO_SECONDS
    guarded.clock.now = 4.0
    guarded.receive(far(), "/punchin/ping", ("p",))
    assert guarded.gate.seconds_left(far()) == g.HELLO_SECONDS - 4.0, "talking does not win time"
    guarded.hello(far())
    assert guarded.gate.seconds_left(far()) is None
    assert guarded.gate.seconds_left(HERE) is None


def test_a_connection_on_the_port_of_an_earlier_one_gets_nothing_that_was_meant_for_it(guarded):
    guarded.gate.enter(far())
    guarded.hello(far())
    guarded.gate.leave(far())
    guarded.gate.enter(far())
    guarded.gate.send(far(), b"/a\0\0,\0\0\0")
    assert guarded.answers == []


def test_hosts_without_number_take_no_memory(guarded):
    for number in range(3 * g.KNOWN_HOSTS):
        guarded.gate.enter(far(1, f"h{number}"))
        guarded.gate.leave(far(1, f"h{number}"))
    assert len(guarded.gate._hosts) == g.KNOWN_HOSTS
    assert guarded.gate._connections == {}


def test_connections_that_say_nothing_or_dribble_are_ended_and_those_too_many_at_once(monkeypatch):
    monkeypatch.setattr(g, "HELLO_SECONDS", 2.0)
    gate = g.Gate(lambda *_: None, lambda: TOKEN)
    transport = TcpTransport(Reception(partial(gate.receive, lambda *_: None), lambda *_: None), gate)

    async def ended(reader):
        return await asyncio.wait_for(reader.read(), 30) == b""

    async def besieged():
        await transport.open(own_address(), 0)
        place = next(
            server.sockets[0].getsockname()
            for server in transport._servers
            if server.sockets[0].getsockname()[0] == own_address()
        )
        waiting = [await asyncio.open_connection(*place) for _ in range(g.MAX_WAITING_A_HOST)]
        while len(gate._connections) < g.MAX_WAITING_A_HOST:
            await asyncio.sleep(0.01)
        one_more = await asyncio.open_connection(*place)
        at_once = await ended(one_more[0])
        still_there = len(gate._connections)
        for byte in b"\0\0\0\x20/pun":
            waiting[0][1].write(bytes([byte]))
            await asyncio.sleep(0.01)
        in_time = [await ended(reader) for reader, _ in waiting]
        for _, writer in (*waiting, one_more):
            writer.close()
        transport.close()
        return at_once, still_there, in_time

    assert asyncio.run(besieged()) == (True, g.MAX_WAITING_A_HOST, [True] * g.MAX_WAITING_A_HOST)
    assert gate._connections == {}
