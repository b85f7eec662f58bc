"""What the script does for one Set: actions become requests, results go to their places, and the user is told."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any, Callable, Dict, Generator, List, NamedTuple, Optional, Tuple

from . import asking, place, placing, prompts, reading, samples, versions
from .link import Link
from .notes import Notes
from .osc import Value
from .place import Place
from .placing import Told
from .prompts import Prompt
from .refused import Refused
from .results import Clips
from .session import Events, Session
from .triggers import Launches

if TYPE_CHECKING:
    from Live.Clip import Clip
    from Live.ClipSlot import ClipSlot
    from Live.Song import Song

_SET, _PROMPT, _PLACED = "punchin.set", "punchin.prompt", "punchin.placed"
"""What is kept in the Set itself."""
_SIDES = {"continue_after": "after", "continue_before": "before"}  # what pads and control surfaces ask for
_PLACED_AT_MOST = 200
_LOOK_SECONDS = 0.25
_START_SECONDS, _LATE_SECONDS = 60.0, 20.0
_PROGRESS_SECONDS = 0.5
_OF_LIVES_PYTHON = ("PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__")
_NO_CONSOLE = 0x08000000
"""Windows: CREATE_NO_WINDOW."""


class _Result(NamedTuple):
    job_id: str
    clips: Clips
    cookie: str


class Work(Events):
    """One Set's conversation with the daemon. `say` shows one sentence on the status bar; `folder` is the script's."""

    def __init__(self, song: Song, folder: str, say: Callable[[str], None], log: logging.Logger) -> None:
        self._song, self._folder, self._say, self._log = song, folder, say, log
        self._daemon: Place = place.load(folder)
        self.set_id, self._path = _set_id(song), samples.set_path(song)
        self._has_asked = False
        self._notes = Notes(os.path.join(self._daemon.state, "live", self.set_id))
        link = Link(lambda: place.port(self._daemon.state))
        self.session = Session(link, "live-" + self.set_id, versions.name(), self)
        self._link = link
        self._launches = Launches(song)
        self._asked: List[Tuple[Prompt, Optional[Clip]]] = []
        self._results: List[_Result] = []
        self._placing: Optional[Generator[Optional[Told], None, None]] = None
        self._looked = self._told = 0.0
        self._started: Optional[float] = None
        self._is_late = False
        self._focus: Tuple[Any, ...] = ()
        self._slot: Optional[ClipSlot] = None
        """The last that had the focus and holds no button."""

    def turn(self) -> None:
        """One tick: hear, act, insert one clip at most."""
        now = time.monotonic()
        self.session.turn(now)
        if now - self._looked > _LOOK_SECONDS:
            self._looked = now
            self._launches.listen()
            self._notice_focus()
        if self._asked:
            self._act(*self._asked.pop(0))
        # what these ask for comes with the next turn: a selection that is made now can be read only then
        self._launches.turn(self._launched)
        self._place()

    def act(self, text: str) -> None:
        """Do what a text asks for, as it may stand in a name behind the prefix, at the next tick."""
        self._asked.append((prompts.read(text), None))

    def is_of(self, song: Song) -> bool:
        """Whether a Set is still the one, and under the name, that this work began with."""
        kept = song.get_data(_SET, "")
        # undo may have taken the name out of the Set; saving gives one to a Set that has none yet
        is_known = kept == self.set_id or (not kept and (self._has_asked or samples.set_path(song) == self._path))
        return song == self._song and is_known

    def close(self) -> None:
        """End the conversation; what is on its way waits with the daemon for this Set to be opened again."""
        self._link.close()
        try:
            if self._placing is not None:
                self._placing.close()
        finally:
            self._launches.close()

    # Actions

    def _launched(self, clip: Clip) -> None:
        try:
            prompt = prompts.in_name(clip.name)
        except Refused as refused:
            self._say(str(refused))
            return
        if prompt is None:
            return
        if not clip.is_audio_clip:
            self._go_back(clip)
        self._asked.append((prompt, clip if clip.is_audio_clip else None))

    def _go_back(self, button: Clip) -> None:
        """Live may select what is launched: a button works on what was selected before it."""
        slot = reading.highlighted(self._song)
        before = self._slot
        if slot is not None and slot.has_clip and slot.clip == button and before != None:  # noqa: E711 a deleted slot
            self._song.view.highlighted_clip_slot = before

    def _notice_focus(self) -> None:
        """The Live that the user works in is the one that pads and the web page mean."""
        view = self._song.view
        clip = reading.detail(self._song)
        focus = (view.selected_track._live_ptr, view.selected_scene._live_ptr, None if clip is None else clip._live_ptr)
        if self._focus and focus != self._focus and self.session.is_open:
            self.session.request("/punchin/focus", {})
        self._focus = focus
        slot = reading.highlighted(self._song)
        if slot is not None and not (slot.has_clip and slot.clip.is_midi_clip):
            self._slot = slot

    def _act(self, prompt: Prompt, clip: Optional[Clip]) -> None:
        try:
            if clip is not None and clip == None:  # noqa: E711 a deleted clip
                return
            if prompt.action == "cancel":
                count = self.session.cancel_all()
                self._say("Cancelled." if count else "Nothing is being rendered.")
                return
            asked = self._requests(prompt, clip)
            if asked[0].verb != "understand":
                versions.require_inserting()
            for one in asked:
                self._request(one)
            self._say("Asked for %s." % asked[0].verb if self.session.is_open else "Waiting for the daemon.")
        except Refused as refused:
            self._say(str(refused))

    def _requests(self, prompt: Prompt, clip: Optional[Clip]) -> List[asking.Asked]:
        named = prompts.first(reading.names(self._song, prompt.action, clip)) or Prompt("", "", {})
        action = prompt.action or named.action or "repaint"
        words = prompt.words or named.words
        keys = dict(named.keys, **prompt.keys)
        if not words and action in asking.NEED_WORDS and "preset" not in keys:
            words = str(self._song.get_data(_PROMPT, ""))
        found = asking.requests(self._song, action, Prompt(action, words, keys), clip)
        if words and self._song.get_data(_PROMPT, "") != words:
            self._song.set_data(_PROMPT, words)
        return found

    def _request(self, asked: asking.Asked) -> None:
        keys = dict(asked.keys)
        if asked.verb != "understand":
            keys["directory"] = samples.folder(self._song, self._folder)
        self._has_asked = True
        if self._song.get_data(_SET, "") != self.set_id:
            self._song.set_data(_SET, self.set_id)
        try:
            keys["cookie"] = cookie = self._notes.write(asked.note)
        except OSError as error:
            raise Refused("%s cannot be written to: %s." % (self._daemon.state, error.strerror or error)) from None
        try:
            self.session.request("/punchin/" + asked.verb, keys, renders=True)
        except Refused:
            self._notes.drop(cookie)
            raise

    # Places

    def _place(self) -> None:
        if self._placing is None:
            if not self._results:
                return
            result = self._results[0]
            note = self._notes.read(result.cookie)
            if note is None or result.job_id in self._placed():
                if note is None:
                    self._say("Nobody knows where %s belongs." % str(result.clips[0]["path"]))
                self._finish(result)
                return
            self._placing = placing.place(self._song, note, result.clips)
        result = self._results[0]
        try:
            told = next(self._placing)
        except Exception as error:
            self._log.exception("a clip could not be placed")
            is_limit = placing.is_limit(error)
            reason = "this edition of Live allows no more tracks or scenes" if is_limit else str(error) or repr(error)
            folder = os.path.dirname(str(result.clips[0]["path"]))
            self._say("Not all could be placed: %s. The clips are in %s" % (reason, folder))
            self._finish(result)
            return
        if told is not None:
            self._say(told.sentence)
            placed = (self._placed() + [result.job_id])[-_PLACED_AT_MOST:]
            self._song.set_data(_PLACED, " ".join(placed))
            self._finish(result)

    def _finish(self, result: _Result) -> None:
        self._placing = None
        self._results.pop(0)
        self._notes.drop(result.cookie)
        self.session.confirm(result.job_id)

    def _placed(self) -> List[str]:
        """Jobs whose clips are in the Set: Live may have ended before the daemon heard of it."""
        return str(self._song.get_data(_PLACED, "")).split()

    # What the daemon says

    def silent(self) -> None:
        if not self.session.count():
            return
        now = time.monotonic()
        if not self._daemon.command:
            self._say("No daemon answers: run punchin serve.")
        elif self._started is None or now - self._started > _START_SECONDS:
            self._started, self._is_late = now, False
            self._start_daemon()
        elif now - self._started > _LATE_SECONDS and not self._is_late:
            self._is_late = True
            self._say("The daemon was started and does not answer: punchin doctor may tell why.")

    def _start_daemon(self) -> None:
        quiet = subprocess.DEVNULL
        # what Live tells its own Python would mislead the daemon's
        environment = {name: value for name, value in os.environ.items() if name not in _OF_LIVES_PYTHON}
        command = self._daemon.command
        try:
            if sys.platform == "win32":
                subprocess.Popen(
                    command, stdin=quiet, stdout=quiet, stderr=quiet, env=environment, creationflags=_NO_CONSOLE
                )
            else:
                subprocess.Popen(
                    command, stdin=quiet, stdout=quiet, stderr=quiet, env=environment, start_new_session=True
                )
            self._say("The daemon is being started.")
        except OSError as error:
            self._say("The daemon could not be started: %s. Run punchin serve." % error)

    def welcome(self) -> None:
        self._log.info("connected as live-%s", self.set_id)

    def rejected(self, message: str, cookie: str) -> None:
        self._notes.drop(cookie)
        self._say(message)

    def progress(self, job_id: str, fraction: float, stage: str) -> None:
        now = time.monotonic()
        if now - self._told > _PROGRESS_SECONDS:
            self._told = now
            self._say("%s %d %%" % (stage, round(100 * fraction)))

    def result(self, job_id: str, clips: Clips, cookie: str) -> None:
        self._results.append(_Result(job_id, clips, cookie))

    def described(self, job_id: str, description: Dict[str, Value], cookie: str) -> None:
        self._notes.drop(cookie)
        heard = [
            "%.1f bpm" % float(description["measured_bpm"]) if "measured_bpm" in description else "",
            str(description.get("measured_key", "")),
            str(description.get("measured_meter", "")),
            str(description.get("caption", "")),
        ]
        self._log.info("heard: %r", description)
        self._say("Heard: " + ", ".join(part for part in heard if part))

    def ended(self, job_id: str, message: str, cookie: str) -> None:
        self._notes.drop(cookie)
        if message:
            self._say(message)

    def run(self, action: str, keys: Dict[str, Value]) -> None:
        if action in _SIDES:
            action, keys = "continue", dict(keys, side=_SIDES[action])
        if action not in prompts.EVERY:
            self._say("%s: one of %s." % (action, ", ".join(prompts.EVERY)))
            return
        given = {name: value for name, value in keys.items() if name in prompts.KEYS}
        try:
            for name, value in given.items():
                if isinstance(value, str):
                    given[name] = prompts.value_of(name, value)
        except Refused as refused:
            self._say(str(refused))
            return
        self._asked.append((Prompt(action, str(keys.get("prompt", "")), given), None))


def _set_id(song: Song) -> str:
    """A name for the Set, by which results wait for it while it is closed.

    It is kept in the Set from the first request on: one that was only looked at need not be saved.
    """
    path = samples.set_path(song)
    made = uuid.uuid5(uuid.NAMESPACE_URL, path) if path else uuid.uuid4()
    return str(song.get_data(_SET, "")) or made.hex[:12]
