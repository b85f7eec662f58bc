import random
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from pythonosc.osc_message_builder import OscMessageBuilder

from bridge.osc.guard import MAX_DATAGRAM
from bridge.osc.reception import BURST, KNOWN_SOURCES, MESSAGES_A_SECOND, Reception
from bridge.presets import presets
from bridge.protocol.codec import encode_request
from bridge.protocol.peer import Peer
from bridge.protocol.service import Service
from engine import Studio

PING = encode_request("/punchin/ping", "p", {})


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Heard:
    """What came through, and what was refused."""

    def __init__(self):
        self.clock = Clock()
        self.received, self.refused = [], []
        self.reception = Reception(
            lambda peer, address, _: self.received.append((peer, address)),
            lambda peer, _: self.refused.append(peer),
            self.clock,
        )

    def take(self, peer, packet=PING):
        return self.reception.take(peer, packet, MAX_DATAGRAM)


def test_a_flood_is_held_back_and_told_so_ten_times_a_second():
    heard = Heard()
    flooding, quiet = Peer("udp", "127.0.0.1", 1), Peer("udp", "127.0.0.1", 2)
    for number in range(20_000):
        heard.clock.now = number / 10_000
        heard.take(flooding)
        if number % 1000 == 0:
            heard.take(quiet)
    received = [peer for peer, _ in heard.received]
    assert received.count(quiet) == 20
    assert received.count(flooding) == pytest.approx(BURST + 2 * MESSAGES_A_SECOND, abs=2)
    assert set(heard.refused) == {flooding}
    assert len(heard.refused) <= 20


def test_a_flood_is_not_even_read():
    heard = Heard()
    flooding, quiet = Peer("udp", "127.0.0.1", 1), Peer("udp", "127.0.0.1", 2)
    for _ in range(int(BURST) + 1):
        heard.take(flooding)
    assert heard.take(flooding, b"junk")
    assert not heard.take(quiet, b"junk")
    assert heard.reception.drops.counts.total() == 1
    heard.clock.now = 1.0
    heard.take(flooding)
    assert len(heard.received) == BURST + 1


def test_sources_without_number_take_no_memory():
    heard = Heard()
    for number in range(10 * KNOWN_SOURCES):
        heard.take(Peer("udp", "127.0.0.1", number))
    assert len(heard.reception._sources) == KNOWN_SOURCES
    assert len(heard.received) == 10 * KNOWN_SOURCES


def test_what_is_no_osc_is_counted_and_costs_no_allowance():
    heard = Heard()
    for _ in range(1000):
        assert not heard.take(Peer("udp", "h", 1), b"junk")
    assert heard.take(Peer("udp", "h", 1))
    assert heard.reception.drops.counts.total() == 1000
    assert heard.refused == []


def message(address, *arguments):
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(argument)
    return builder.build().dgram


SEEDS = [
    PING,
    message(
        "/punchin/repaint",
        "r",
        "source",
        "/nowhere/a.wav",
        "start",
        4.0,
        "end",
        8.5,
        "prompt",
        "more drums",
        "takes",
        3,
    ),
    message("/punchin/generate", "r", "prompt", "x", "length", 4.0, "bpm", 900.0),
    message("/punchin/status", "r", "job", "nobody"),
    message("/punchin/retry", "r", "job", "nobody", "seed", 5),
    message("/punchin/hello", "r", "client", "c", "role", "daw"),
    message("/punchin/trigger", "r", "action", "repaint", "strength", 0.5),
    message("/punchin/presets", "r"),
    message("/*/*", "r"),
    b"#bundle\0" + bytes(8) + b"\0\0\0\x18" + PING[:24],
    b"#bundle\0" + bytes(8) + b"\xff\xff\xff\xfc",
    b"#bundle\0" + b"\xff" * 8 + (len(PING)).to_bytes(4, "big") + PING,
    b"/punchin/ping\0\0\0,cS\0A\0\0\0sym\0",
    message("/" + "*a" * 14 + "b", "r"),
]


def mutated(random_number, packet):
    packet = bytearray(packet)
    for _ in range(random_number.randrange(1, 6)):
        place = random_number.randrange(len(packet)) if packet else 0
        match random_number.randrange(6):
            case 0 if packet:
                packet[place] = random_number.randrange(256)
            case 1:
                packet[place:place] = random_number.randbytes(random_number.randrange(1, 9))
            case 2:
                del packet[place : place + random_number.randrange(1, 9)]
            case 3:
                packet += packet[:place]
            case 4 if packet:
                packet[place] ^= 1 << random_number.randrange(8)
            case 5:
                packet = bytearray(b"#bundle\0" + bytes(8) + len(packet).to_bytes(4, "big") + packet)
    return bytes(packet[: MAX_DATAGRAM + 4])


def attacked(tmp_path, count):
    """Feed mutated datagrams to the whole receiving side; returns what it answered and how much memory it kept."""
    sent = []
    studio = Studio(tmp_path)
    clock = Clock()
    service = Service(studio, presets(), lambda peer, packet: sent.append(packet), clock)
    reception = Reception(service.receive, service.refuse_flood, clock)
    random_number = random.Random(20260)
    memory = psutil.Process().memory_info
    baseline = 0
    try:
        for number in range(count):
            clock.now += 0.01
            peer = Peer("udp", "127.0.0.1", 1024 + random_number.randrange(64))
            reception.take(peer, mutated(random_number, random_number.choice(SEEDS)), MAX_DATAGRAM)
            sent.clear()
            if number == count // 10:
                baseline = memory().rss
        kept = memory().rss - baseline
        reception.take(Peer("udp", "127.0.0.1", 1), PING, MAX_DATAGRAM)
    finally:
        studio.close()
    return sent, kept


def test_mutated_datagrams_raise_nothing(tmp_path):
    sent, _ = attacked(tmp_path, 20_000)
    assert len(sent) == 1
    assert b"/punchin/pong" in sent[0]


@pytest.mark.fuzz
@pytest.mark.timeout(1200)
def test_a_million_mutated_datagrams_raise_nothing_and_keep_no_memory(tmp_path):
    """In a process of its own, whose memory is nobody else's."""
    attack = (
        "import sys; from pathlib import Path; from test_reception import attacked; "
        "sent, kept = attacked(Path(sys.argv[1]), 1_000_000); print(kept, b'/punchin/pong' in sent[0])"
    )
    command = [sys.executable, "-c", attack, str(tmp_path)]
    told = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr[-2000:]
    kept, answered = told.stdout.split()
    assert answered == "True"
    assert int(kept) < 20e6
