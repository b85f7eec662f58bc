"""Coverage-guided fuzzing of all that is done with bytes off the wire; pytest does not run it.

    pip install atheris
    python tests/bridge/fuzz_atheris.py -max_total_time=120 -max_len=8196 CORPUS_FOLDER

An exception anywhere, or an answer that a client could not read, ends the run and leaves the bytes in a file.
"""

import sys
import tempfile
from pathlib import Path

import atheris
from loguru import logger

with atheris.instrument_imports(include=["bridge", "engine.spec", "engine.explain", "engine.admission", "pythonosc"]):
    from bridge.osc.framing import BadStream, detected
    from bridge.osc.guard import MAX_DATAGRAM, messages
    from bridge.osc.reception import Reception
    from bridge.osc.tcp import MAX_PACKET
    from bridge.presets import presets
    from bridge.protocol import messages as m
    from bridge.protocol.codec import decode_reply, encode, encode_request
    from bridge.protocol.peer import Peer
    from bridge.protocol.service import Service
    from engine import Studio

SEEDS = [
    encode_request("/punchin/ping", "p", {}),
    encode_request("/punchin/repaint", "r", {"source": "/nowhere/a.wav", "start": 4.0, "end": 8.5, "takes": 3}),
    encode_request("/punchin/generate", "r", {"prompt": "x", "length": 4.0, "bpm": 90.0, "loop": True}),
    encode_request("/punchin/status", "r", {"job": "nobody"}),
    encode_request("/punchin/retry", "r", {"job": "nobody", "seed": 5}),
    encode_request("/punchin/hello", "r", {"client": "c", "role": "daw", "reply_port": 9000}),
    encode_request("/punchin/trigger", "r", {"action": "repaint", "strength": 0.5}),
    encode_request("/punchin/presets", "r", {}),
    encode(m.Received(job_id="nobody")),
]


class Wire:
    """The receiving side as the daemon has it, with a clock that never lets a source run out."""

    def __init__(self, state: Path):
        self._now = 0.0
        self._service = Service(Studio(state), presets(), self._answered, self._clock)
        self._reception = Reception(self._service.receive, self._service.refuse_flood, self._clock)

    def take(self, data: bytes) -> None:
        """The same bytes as a datagram and as a stream."""
        self._now += 1.0
        self._reception.take(Peer("udp", "127.0.0.1", 9001), data, MAX_DATAGRAM)
        if data:
            try:
                for packet in detected(data[0], MAX_PACKET).feed(data):
                    self._reception.take(Peer("tcp", "127.0.0.1", 9002), packet, MAX_PACKET)
            except BadStream:
                return

    def _clock(self) -> float:
        return self._now

    def _answered(self, peer: Peer, packet: bytes) -> None:
        (answer,) = messages(packet, MAX_PACKET)
        assert decode_reply(answer.address, answer.arguments) is not None, answer


def raised_again(*_: object) -> None:
    """What the service would log as punchin's own error ends the run instead."""
    raise  # noqa: PLE0704


def main():
    logger.remove()
    logger.exception = raised_again
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(sys.argv[-1])
        if corpus.is_dir():
            for number, seed in enumerate(SEEDS):
                (corpus / f"seed-{number}").write_bytes(seed)
        wire = Wire(Path(folder))
        atheris.Setup(sys.argv, wire.take)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
