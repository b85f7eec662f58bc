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
    """Notices which clips are launched, also one that plays already. A listener may change nothing: it takes notes."""

    def __init__(self, song: Song) -> None:
        self._song = song
        self._ears: Dict[int, _Ear] = {}
        self._launched: List[Tuple[Track, int]] = []
        self.listen()
        # what plays already was not launched now
        self._launched[:] = []

    def listen(self) -> None:
        """Listen to tracks that are new; to be called some times a second."""
        tracks: Dict[int, Track] = {track._live_ptr: track for track in self._song.tracks}
        # a pointer may be given again to another track
        self._ears = {pointer: ear for pointer, ear in self._ears.items() if pointer in tracks and ear.is_alive()}
        for pointer, track in tracks.items():
            if pointer not in self._ears:
                self._ears[pointer] = _Ear(track, self._launched)

    def turn(self, fire: Callable[[Clip], None]) -> None:
        """Fire for each clip with the prefix that was launched since the last turn."""
        launched, self._launched[:] = list(self._launched), []
        for track, index in launched:
            if track == None or index >= len(track.clip_slots):  # noqa: E711 a deleted track
                continue
            slot = track.clip_slots[index]
            if slot.has_clip and slot.clip.name.strip().lower().startswith(prompts.PREFIX):
                fire(slot.clip)

    def close(self) -> None:
        """Listen no more."""
        for ear in self._ears.values():
            ear.close()
        self._ears = {}


class _Ear:
    """Writes down what is launched on one track. A slot blinks before it plays, but need not where nothing is quantised."""

    def __init__(self, track: Track, launched: List[Tuple[Track, int]]) -> None:
        self._track, self._launched = track, launched
        self._fired = -1
        track.add_fired_slot_index_listener(self._is_fired)
        track.add_playing_slot_index_listener(self._plays)
        self._is_fired()
        self._plays()

    def is_alive(self) -> bool:
        return self._track != None  # noqa: E711 a deleted track

    def close(self) -> None:
        if self.is_alive():
            self._track.remove_fired_slot_index_listener(self._is_fired)
            self._track.remove_playing_slot_index_listener(self._plays)

    def _is_fired(self) -> None:
        index = self._track.fired_slot_index
        if index >= 0:
            self._fired = index
            self._launched.append((self._track, index))

    def _plays(self) -> None:
        index = self._track.playing_slot_index
        if index >= 0 and index != self._fired:
            self._launched.append((self._track, index))
        if index >= 0:
            self._fired = -1


def _bound(status: int, written: Dict[str, str]) -> Bindings:
    bindings: Bindings = {}
    for number, text in written.items():
        if not 0 <= int(number) <= 127:
            raise ValueError("%s: 0 to 127" % number)
        if not prompts.read(text).action:
            raise ValueError("%s: it names no action" % text)
        bindings[status, int(number)] = text
    return bindings
