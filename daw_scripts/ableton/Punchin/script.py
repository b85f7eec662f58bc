"""What Live calls: a control surface without hardware. It makes room for the work on Live's main thread, and survives it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence

import Live

from . import log, place, triggers, versions
from .refused import Refused
from .work import Work

if TYPE_CHECKING:
    from Live.Song import Song

    class CInstance:
        """What Live gives to a script."""

        def song(self) -> Song: ...
        def handle(self) -> int: ...
        def instance_identifier(self) -> int: ...
        def show_message(self, message: str) -> None: ...
        def log_message(self, message: str) -> None: ...
        def request_rebuild_midi_map(self) -> None: ...


TICK = 30
"""Milliseconds between two turns."""
_LATE_SECONDS = 0.5
_SAME_FAULT_SECONDS = 1.0
_MOST_FAULTS = 100
_FOLDER = os.path.dirname(os.path.abspath(__file__))


class Script:
    """The script as Live sees it. Nothing that goes wrong in it leaves it: an exception would stop the timer for good."""

    def __init__(self, c_instance: CInstance) -> None:
        self._live = c_instance
        state = place.load(_FOLDER).state
        self._log = log.opened(os.path.join(state, "logs"))
        self._log.info("Live %s, script in %s", versions.name(), _FOLDER)
        self._work: Optional[Work] = None
        self._faults: Dict[str, float] = {}
        self._asked: List[str] = []
        self._turned = time.monotonic()
        self._bindings: triggers.Bindings = {}
        try:
            self._bindings = triggers.load([os.path.join(state, "live"), _FOLDER])
        except Refused as refused:
            self._say(str(refused))
        self._pads = triggers.Pads(self._bindings)
        self._timer = Live.Base.Timer(callback=self._tick, interval=TICK, repeat=True, start=True)

    # Called by Live

    def disconnect(self) -> None:
        """The script is switched off, or the Set is closed."""
        self._guarded(self._timer.stop)
        self._guarded(self._close)
        log.close(self._log)

    def update_display(self) -> None:
        """Ten times a second: the watchdog of the timer."""
        self._guarded(self._watch)
        if time.monotonic() - self._turned > _LATE_SECONDS:
            self._tick()

    def build_midi_map(self, midi_map_handle: int) -> None:
        """Live asks which notes and controllers are wanted."""
        self._guarded(lambda: triggers.forward(self._bindings, self._live.handle(), midi_map_handle))

    def receive_midi(self, midi_bytes: Sequence[int]) -> None:
        """A note or controller that was asked for."""
        self._guarded(lambda: self._pressed(midi_bytes))

    def receive_midi_chunk(self, midi_chunk: Sequence[Sequence[int]]) -> None:
        """The same, several at once."""
        for midi_bytes in midi_chunk:
            self.receive_midi(midi_bytes)

    def refresh_state(self) -> None:
        """There is nothing to light."""

    def connect_script_instances(self, instanciated_scripts: Sequence[Any]) -> None:
        """Other scripts do not matter."""

    def can_lock_to_devices(self) -> bool:
        """No."""
        return False

    def suggest_input_port(self) -> str:
        """Any will do."""
        return ""

    def suggest_output_port(self) -> str:
        """None is needed."""
        return ""

    def suggest_map_mode(self, cc_no: int, channel: int) -> int:
        """Live's own choice."""
        return -1

    def port_settings_changed(self) -> None:
        """The user has chosen other ports."""
        self._guarded(self._live.request_rebuild_midi_map)

    def request_rebuild_midi_map(self) -> None:
        """The notes that are wanted may be others."""
        self._guarded(self._live.request_rebuild_midi_map)

    def instance_identifier(self) -> int:
        """Which of Live's rows of scripts this is."""
        return self._live.instance_identifier()

    def supports_pad_translation(self) -> bool:
        """No: notes are actions here."""
        return False

    def lock_to_device(self, device: Any) -> None:
        """Devices do not matter."""

    def unlock_from_device(self, device: Any) -> None:
        """Devices do not matter."""

    def toggle_lock(self) -> None:
        """Devices do not matter."""

    def restore_bank(self, bank_index: int) -> None:
        """Devices do not matter."""

    # Turns

    def _watch(self) -> None:
        if not self._timer.running:
            self._timer.restart()

    def _tick(self) -> None:
        self._turned = time.monotonic()
        self._guarded(self._turn)

    def _turn(self) -> None:
        song = self._live.song()
        if self._work is not None and not self._work.is_of(song):
            self._close()
        if self._work is None:
            self._work = Work(song, _FOLDER, self._say, self._log)
        asked, self._asked = self._asked, []
        for text in asked:
            self._work.act(text)
        self._work.turn()

    def _close(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            work.close()

    def _pressed(self, midi_bytes: Sequence[int]) -> None:
        asked = self._pads.pressed(midi_bytes)
        if asked is not None:
            self._asked.append(asked)

    # What the user is told

    def _say(self, sentence: str) -> None:
        self._log.info("%s", sentence)
        self._live.show_message("punchin: " + sentence)

    def _guarded(self, function: Callable[[], object]) -> None:
        try:
            function()
        except Exception as error:
            problem = "%s: %s" % (type(error).__name__, error)
            now = time.monotonic()
            if len(self._faults) > _MOST_FAULTS:
                self._faults.clear()
            # the same fault thirty times a second is one fault, and one that comes back later is told again
            before, self._faults[problem] = self._faults.get(problem), now
            if before is None or now - before > _SAME_FAULT_SECONDS:
                self._log.exception("an error in the script")
                self._live.log_message("punchin: error: " + problem)
                self._live.show_message("punchin: an error in the script, see its log: " + problem)
