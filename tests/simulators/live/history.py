"""Undo as Live has it: every change is a step of its own, unless a script holds a step open."""

import contextlib

from live.lom import UNDOING

TOLD = {
    "clip": "has_clip", "clips": "arrangement_clips", "cues": "cue_points", "extent": "end_time", "lanes": "take_lanes",
    "loop_low": "loop_start", "loop_high": "loop_end", "marker_low": "start_marker", "marker_high": "end_marker",
    "markers": "warp_markers", "slots": "clip_slots",
}  # fmt: skip
"""What Live's listeners call a part of the state that goes by another name here."""


class History:
    """Steps of one Set; a step is the state of all its objects before it."""

    def __init__(self, live):
        self.live = live
        self.undone, self.redone = [], []
        """States to go back to, and forward to."""
        self.depth = 0
        self.open = False
        self.begun = None
        """The state before the first change within the open step."""

    @contextlib.contextmanager
    def change(self):
        """Around whatever changes the Set."""
        if self.depth == 0 and self.begun is None:
            self.begun = self.taken()
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1
            if self.depth == 0 and not self.open:
                self._close()

    def begin(self):
        self.open = True

    def end(self):
        self.open = False
        self._close()

    def split(self):
        """Another's edit ends what was open so far, and what follows is a step of its own."""
        self._close()

    def _close(self):
        if self.begun is not None:
            if self.taken() != self.begun:
                self.undone.append(self.begun)
                self.redone = []
            self.begun = None

    def taken(self):
        return {thing: _copied(thing._sim_state) for thing in self.live.objects}

    def undo(self):
        self.split()
        self._go(self.undone, self.redone)

    def redo(self):
        self.split()
        self._go(self.redone, self.undone)

    def _go(self, source, target):
        if not source:
            return
        target.append(self.taken())
        state = source.pop()
        changed = set()
        for thing in self.live.objects:
            before = thing._sim_state
            thing._sim_state = _copied(state[thing]) if thing in state else dict(before, dead=True)
            if not thing._sim_state["dead"]:
                names = [name for name, value in thing._sim_state.items() if before.get(name) != value]
                changed.update((thing, TOLD.get(name, name)) for name in names)
        with self.live.refusing(UNDOING):
            for thing, name in changed:
                thing._sim_notify(name)


def _copied(state):
    return {name: list(value) if isinstance(value, list) else value for name, value in state.items()}
