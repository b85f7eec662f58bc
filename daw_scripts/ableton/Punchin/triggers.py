"""What fires an action beside the daemon: MIDI notes, controllers, and clips named `ace: …` that are launched."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Callable, Dict, List, Optional, Sequence, Tuple

import Live

from . import prompts
from .refused import Refused

if TYPE_CHECKING:
    from Live.Clip import Clip
    from Live.Song import Song
    from Live.Track import Track

FILE = "bindings.json"
_NOTE_ON, _CONTROL = 0x90, 0xB0

Bindings = Dict[Tuple[int, int], str]
"""What a status byte and a number ask for, in the words that follow `ace:` in a name."""


def load(folders: Sequence[str]) -> Bindings:
    """The bindings of the first folder that has a file of them. Raises Refused, with what is wrong in it.

    `{"channel": 16, "notes": {"36": "repaint"}, "controls": {"20": "repaint: preset=three-takes"}}`, channels from 1.
    """
    for folder in folders:
        path = os.path.join(folder, FILE)
        if os.path.isfile(path):
            try:
                with open(path, encoding="utf-8") as file:
                    written = json.load(file)
                channel = int(written["channel"]) - 1
                if not 0 <= channel <= 15:
                    raise ValueError("channel: 1 to 16")
                bindings = _bound(_NOTE_ON | channel, written.get("notes", {}))
                bindings.update(_bound(_CONTROL | channel, written.get("controls", {})))
                return bindings
            except (OSError, ValueError, KeyError, TypeError, AttributeError, Refused) as error:
                raise Refused("%s cannot be used: %s" % (path, error)) from None
    return {}


def forward(bindings: Bindings, script: int, midi_map: int) -> None:
    """Let Live give the bound notes and controllers to this script; to be called while it builds its MIDI map."""
    for status, number in bindings:
        forwarded = Live.MidiMap.forward_midi_note if status & 0xF0 == _NOTE_ON else Live.MidiMap.forward_midi_cc
        forwarded(script, midi_map, status & 0x0F, number)


class Pads:
    """Knows which messages are a press: notes that are not let go, controllers that rise over the middle."""

    def __init__(self, bindings: Bindings) -> None:
        self._bindings = bindings
        self._high: Dict[Tuple[int, int], bool] = {}

    def pressed(self, message: Sequence[int]) -> Optional[str]:
        """What a message of three bytes asks for, or None."""
        if len(message) != 3:
            return None
        place, value = (message[0], message[1]), message[2]
        asked = self._bindings.get(place)
        if asked is None:
            return None
        if message[0] & 0xF0 == _NOTE_ON:
            return asked if value > 0 else None
        was_high, self._high[place] = self._high.get(place, False), value >= 64
        return asked if value >= 64 and not was_high else None


class Launches:
    """Watches which clips are launched. Looked at some times a second: a listener may change nothing anyway."""

    def __init__(self, song: Song) -> None:
        self._song = song
        self._seen: Dict[int, Tuple[int, int]] = {}
        self._announced: Dict[int, int] = {}
        self._is_first = True

    def turn(self, fire: Callable[[Clip], None]) -> None:
        """Fire for each clip with the prefix that was launched since the last turn."""
        seen: Dict[int, Tuple[int, int]] = {}
        launched: List[Tuple[Track, int]] = []
        for track in self._song.tracks:
            pointer, now = track._live_ptr, (track.fired_slot_index, track.playing_slot_index)
            seen[pointer] = now
            before = self._seen.get(pointer, (-1, -1))
            if now[0] >= 0 and now[0] != before[0]:
                self._announced[pointer] = now[0]
                launched.append((track, now[0]))
            elif now[1] >= 0 and now[1] != before[1] and self._announced.pop(pointer, -1) != now[1]:
                launched.append((track, now[1]))
        self._seen = seen
        is_first, self._is_first = self._is_first, False
        for track, index in [] if is_first else launched:
            slot = track.clip_slots[index]
            if slot.has_clip and slot.clip.name.strip().lower().startswith(prompts.PREFIX):
                fire(slot.clip)


def _bound(status: int, written: Dict[str, str]) -> Bindings:
    bindings: Bindings = {}
    for number, text in written.items():
        if not 0 <= int(number) <= 127:
            raise ValueError("%s: 0 to 127" % number)
        if not prompts.read(text).action:
            raise ValueError("%s: it names no action" % text)
        bindings[status, int(number)] = text
    return bindings

