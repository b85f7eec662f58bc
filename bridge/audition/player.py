"""The process that plays: `python -m bridge.audition.player`. Orders come in on stdin, answers go out on stdout.

It ends with its daemon, and when the device falls silent: PortAudio looks for devices only when it starts, and a device that
is gone may hang whoever closes it.
"""

import os
import queue
import signal
import sys
import threading
from dataclasses import dataclass
from typing import IO

import numpy as np
from loguru import logger

from bridge.audition import device
from bridge.audition.orders import ORDER, Answer, Ended, Halt, Order, Play, Refused, Started
from bridge.audition.passage import Passage, passage
from bridge.audition.tape import Tape
from engine.errors import BadSource, NotFound, PunchinError, Unsupported

LOOK_SECONDS = 0.25
SILENT_LOOKS = 8
"""So many looks in a row at which the device has not asked for audio: it is gone."""


@dataclass(slots=True, eq=False)
class _Played:
    """What is heard now."""

    order: Play
    tape: Tape
    speaker: device.Speaker
    like: tuple[object, ...]
    """What another take must share with it to take its place while it plays."""
    ended: threading.Event
    turns: int = 0
    silent_looks: int = 0


class Player:
    """Plays one passage at a time."""

    def __init__(self, answers: IO[bytes]) -> None:
        self._answers = answers
        self._orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._now: _Played | None = None

    def give(self, order: Order | None) -> None:
        """Take an order, from any thread; None: look whether the tape has ended."""
        self._orders.put(order)

    def run(self) -> None:
        """Serve for ever."""
        while True:
            try:
                order = self._orders.get(timeout=LOOK_SECONDS if self._now else None)
            except queue.Empty:
                order = None
            match order:
                case Play():
                    self._play(order)
                case Halt():
                    self._halt("stopped")
            self._look(waited=order is None)

    def _play(self, order: Play) -> None:
        try:
            heard = passage(order)
            self._start(order, heard)
        except BadSource as error:
            self._say(Refused(number=order.number, code=NotFound.code, message=str(error)))
        except PunchinError as error:
            self._say(Refused(number=order.number, code=error.code, message=str(error)))
        except Exception as error:  # noqa: BLE001  one order must not end the player
            logger.exception("audition of job {} failed", order.job)
            message = f"{type(error).__name__}: {error}"
            self._say(Refused(number=order.number, code=Unsupported.code, message=message))

    def _start(self, order: Play, heard: Passage) -> None:
        now = self._now
        chosen = now.speaker.device if now else device.chosen(order.output)
        scale = np.float32(10 ** (heard.gain_db / 20))
        samples, rate = device.fitted(heard.samples * scale if heard.gain_db else heard.samples, heard.rate, chosen)
        like = (order.job, order.context, order.loop, samples.shape, rate)
        if now and not now.ended.is_set() and now.like == like:
            now.tape.replace(samples)
            self._say(Ended(number=now.order.number, reason="replaced", underruns=now.speaker.underruns))
            now.order = order
        else:
            self._halt("replaced")
            tape = Tape(samples, rate, loop=order.loop)
            ended = threading.Event()

            def finished() -> None:
                ended.set()
                self.give(None)

            speaker = device.Speaker(chosen, tape, rate, order.output.buffer_ms, finished)
            now = self._now = _Played(order, tape, speaker, like, ended)
        self._say(
            Started(
                number=order.number,
                device=chosen.name,
                latency=now.speaker.latency,
                sample_rate=rate,
                seconds=len(samples) / rate,
                gain_db=heard.gain_db,
            )
        )

    def _halt(self, reason: str) -> None:
        if self._now:
            self._now.tape.stop()
            buffered = 2 * self._now.order.output.buffer_ms / 1000
            if not self._now.ended.wait(SILENT_LOOKS * LOOK_SECONDS + buffered):
                self._lose()
            self._end(reason)

    def _look(self, *, waited: bool) -> None:
        """Notice that the tape has ended, or that the device does not ask for audio any more."""
        now = self._now
        if now is None:
            return
        if now.ended.is_set():
            if not now.tape.done:
                self._lose()
            self._end("ended")
        elif waited:
            now.silent_looks = now.silent_looks + 1 if now.turns == now.tape.turns else 0
            now.turns = now.tape.turns
            if now.silent_looks >= SILENT_LOOKS:
                self._lose()

    def _end(self, reason: str) -> None:
        now, self._now = self._now, None
        if now:
            now.speaker.close()
            self._say(
                Ended.model_validate({"number": now.order.number, "reason": reason, "underruns": now.speaker.underruns})
            )

    def _lose(self) -> None:
        assert self._now is not None
        number, underruns = self._now.order.number, self._now.speaker.underruns
        self._say(Ended(number=number, reason="device_lost", underruns=underruns))
        os._exit(1)

    def _say(self, answer: Answer) -> None:
        self._answers.write(answer.line())
        self._answers.flush()


def _own_stdout() -> IO[bytes]:
    """What the daemon reads; whatever a sound library prints goes to stderr."""
    own = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return own


def main() -> None:
    """Serve until the daemon closes stdin or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    player = Player(_own_stdout())

    def listen() -> None:
        for line in sys.stdin.buffer:
            player.give(ORDER.validate_json(line))
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    player.run()


if __name__ == "__main__":
    main()
