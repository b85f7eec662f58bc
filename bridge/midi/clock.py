"""Tempo and position from MIDI clock, song position and MIDI time code (MIDI 1.0 detailed specification, MMA)."""

from collections import deque
from typing import NamedTuple

from engine.units import Bpm, Seconds

TICKS_A_BEAT = 24
TICKS_A_SIXTEENTH = 6
TEMPO_BEATS = 4
"""The tempo is that of the last four beats: single ticks jitter by a period of the sound server."""
LEAST_TICKS = 13
SILENT_SECONDS = 1.0
"""Without a tick for so long there is no clock."""
_FRAME_RATES = (24.0, 25.0, 30000 / 1001, 30.0)
_CLOCK, _START, _CONTINUE, _STOP, _POSITION, _QUARTER_FRAME = 0xF8, 0xFA, 0xFB, 0xFC, 0xF2, 0xF1
_FULL_FRAME = bytes.fromhex("f07f")


class Transport(NamedTuple):
    """What another machine plays."""

    bpm: Bpm | None = None
    seconds: Seconds | None = None
    """Since the start of the song, or of the time code."""
    is_playing: bool = False


class Clock:
    """Follows one sender. Times are monotonic seconds, taken where the messages came in."""

    def __init__(self) -> None:
        self._ticks: deque[float] = deque(maxlen=TEMPO_BEATS * TICKS_A_BEAT + 1)
        self._counted = 0
        """Ticks from the start of the song to the next one."""
        self._runs = False
        self._code = _TimeCode()

    def heard(self, data: bytes, at: float) -> bool:
        """Take a message; False where it has nothing to do with time."""
        match data[:1][0] if data else 0:
            case 0xF8:
                self._tick(at)
            case 0xFA:
                self._counted, self._runs = 0, True
            case 0xFB:
                self._runs = True
            case 0xFC:
                self._runs = False
            case 0xF2 if len(data) == 3:
                self._counted = TICKS_A_SIXTEENTH * (data[1] | data[2] << 7)
            case 0xF1 if len(data) == 2:
                self._code.quarter(data[1], at)
            case 0xF0 if data[:2] == _FULL_FRAME and data[3:5] == b"\x01\x01" and len(data) == 10:
                self._code.full(data[5:9], at)
            case _:
                return False
        return True

    def transport(self, now: float) -> Transport:
        """Tempo and position at a time; time code tells the position where there is some, else song position does."""
        bpm = self._bpm(now)
        coded = self._code.seconds(now)
        if coded is not None:
            return Transport(bpm, coded, self._code.runs(now))
        if bpm is None:
            return Transport()
        last = max(0, self._counted - 1) if self._runs else self._counted
        since = min(now - self._ticks[-1], 60 / bpm / TICKS_A_BEAT) if self._runs and self._counted else 0.0
        return Transport(bpm, Seconds(last / TICKS_A_BEAT * 60 / bpm + since), self._runs)

    def _tick(self, at: float) -> None:
        if self._ticks and at - self._ticks[-1] > SILENT_SECONDS:
            self._ticks.clear()
        self._ticks.append(at)
        self._counted += self._runs

    def _bpm(self, now: float) -> Bpm | None:
        """The slope of a straight line through the ticks, by least squares."""
        count = len(self._ticks)
        if count < LEAST_TICKS or now - self._ticks[-1] > SILENT_SECONDS:
            return None
        first, middle = self._ticks[0], (count - 1) / 2
        over = sum((index - middle) * (at - first) for index, at in enumerate(self._ticks))
        seconds_a_tick = over * 12 / (count * (count * count - 1))
        return Bpm(60 / (TICKS_A_BEAT * seconds_a_tick)) if seconds_a_tick > 0 else None


class _TimeCode:
    """MIDI time code: eight quarter frames tell one time, which was that of the first of them."""

    def __init__(self) -> None:
        self._pieces: dict[int, int] = {}
        self._known: tuple[float, float] | None = None
        """A position in seconds, and when it was reached."""
        self._quarter_at = -SILENT_SECONDS

    def quarter(self, data: int, at: float) -> None:
        piece, value = data >> 4, data & 0x0F
        if piece == 0:
            self._pieces.clear()
        self._pieces[piece] = value
        self._quarter_at = at
        if piece == 7 and len(self._pieces) == 8:
            frames, seconds, minutes, hours = (
                self._pieces[2 * index] | self._pieces[2 * index + 1] << 4 for index in range(4)
            )
            rate = _FRAME_RATES[hours >> 5 & 3]
            self._known = (_position(hours, minutes, seconds, frames) + 7 / 4 / rate, at)

    def full(self, data: bytes, at: float) -> None:
        hours, minutes, seconds, frames = data
        self._known = (_position(hours, minutes, seconds, frames), at)

    def runs(self, now: float) -> bool:
        return now - self._quarter_at < SILENT_SECONDS / 4

    def seconds(self, now: float) -> Seconds | None:
        if self._known is None:
            return None
        position, at = self._known
        return Seconds(position + (now - at if self.runs(now) else max(0.0, self._quarter_at - at)))


def _position(hours: int, minutes: int, seconds: int, frames: int) -> float:
    """Seconds of a time code; bits 5 and 6 of the hours tell the frame rate. 29.97 drops two numbers a minute but each tenth."""
    rate = _FRAME_RATES[hours >> 5 & 3]
    minutes += 60 * (hours & 0x1F)
    if rate not in {24.0, 25.0, 30.0}:
        return ((60 * minutes + seconds) * 30 + frames - 2 * (minutes - minutes // 10)) / rate
    return 60 * minutes + seconds + frames / rate
