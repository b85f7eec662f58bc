import asyncio
import socket
import struct
import time

import pytest
from pythonosc.osc_message import OscMessage
from rig import PlainClient, keys_of

from bridge.osc.framing import LengthPrefix, Slip
from bridge.osc.loopback import bound
from bridge.osc.reception import Reception
from bridge.osc.tcp import TcpTransport
from bridge.protocol.codec import encode_request

LIMIT = 1 << 20


class StreamClient:
    def __init__(self, port, framing, host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), 10)
        self.framing = framing
        self.waiting = []

    def send(self, address, request_id, **values):
        self.socket.sendall(self.framing.frame(encode_request(address, request_id, values)))

    def listen(self, *addresses):
        self.socket.settimeout(60)
        got = []
        while not got or got[-1].address not in addresses:
            while not self.waiting:
                data = self.socket.recv(65536)
                assert data, "the daemon hung up"
                self.waiting += self.framing.feed(data)
            got.append(OscMessage(self.waiting.pop(0)))
        return got


@pytest.fixture(params=[LengthPrefix, Slip])
def stream(request, daemon):
    client = StreamClient(daemon.port, request.param(LIMIT))
    yield client
    client.socket.close()


def test_a_clip_with_long_lyrics(stream):
    stream.send("/punchin/generate", "r-1", prompt="house", length=1.0, lyrics="ü" * 4096)
    got = stream.listen("/punchin/done")
    assert got[0].address == "/punchin/accepted"
    assert keys_of(got[-2])["frames"] == 48000


def test_byte_by_byte(stream):
    for byte in stream.framing.frame(encode_request("/punchin/ping", "p", {})):
        stream.socket.sendall(bytes([byte]))
    assert stream.listen("/punchin/pong")[-1].params == ["p"]


@pytest.mark.parametrize(
    "junk", [b"\x00\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n\xc0", b"\xc0\xdb\x00", struct.pack(">i", 8) + b"\0" * 8]
)
def test_a_broken_peer_ends_alone(daemon, stream, junk):
    broken = socket.create_connection(("127.0.0.1", daemon.port), 10)
    broken.sendall(junk)
    broken.settimeout(20)
    assert broken.recv(100) == b""
    broken.close()
    stream.send("/punchin/ping", "p")
    assert stream.listen("/punchin/pong")[-1].params == ["p"]


def test_a_peer_that_never_reads_is_let_go():
    def answer(peer, *_):
        for _ in range(200):
            transport.send(peer, bytes(60_000))

    transport = TcpTransport(Reception(answer, lambda *_: None))

    async def flooded():
        (listening,) = [made for made in bound("127.0.0.1", 0, "tcp") if made.family == socket.AF_INET]
        server = await asyncio.start_server(transport._serve, sock=listening)
        _, writer = await asyncio.open_connection(*listening.getsockname())
        writer.transport.pause_reading()
        writer.write(LengthPrefix(LIMIT).frame(encode_request("/punchin/ping", "p", {})))
        deadline = time.monotonic() + 20
        while not transport._connections and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        while transport._connections and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        writer.close()
        server.close()
        return transport._connections

    assert asyncio.run(flooded()) == {}


def test_results_reach_the_same_client_on_another_transport_after_hello(daemon):
    first = StreamClient(daemon.port, Slip(LIMIT))
    first.send("/punchin/hello", "h", client="reaper", role="daw")
    first.send("/punchin/generate", "r-1", prompt="house", length=20.0)
    job_id = next(
        message.params[1] for message in first.listen("/punchin/accepted") if message.address == "/punchin/accepted"
    )
    first.socket.close()
    again = PlainClient(daemon.port)
    again.send("/punchin/hello", "h", "client", "reaper")
    assert again.listen("/punchin/done")[-1].params[0] == job_id
    again.close()
