"""What is left of what a request was made for: meanwhile it may have been moved, or deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, NamedTuple, Optional

from . import likeness, looking
from .notes import Note

if TYPE_CHECKING:
    from Live.Clip import Clip
    from Live.Song import Song
    from Live.Track import Track


class Source(NamedTuple):
    """The track and clip of a request, None where they are gone."""

    track: Optional[Track]
    clip: Optional[Clip]
    """None for new music, too."""
    scene: int
    """Number of the slot, -1 in the Arrangement."""
    moved: float
    """(Arrangement) beats by which the clip lies later than when it was asked for."""
    is_lost: bool
    """Whether a result has no place to go to."""


def find(song: Song, note: Note) -> Source:
    """The source of a request, wherever it is now."""
    track, scene = looking.track(song, note["track"]), int(note["scene"])
    if "clip" not in note:
        # new music may have been asked for with the main track selected, which has no number
        return Source(track, None, scene, 0.0, track is None and note["track"]["index"] >= 0)
    others: List[Track] = list(song.tracks)
    for at in ([] if track is None else [track]) + others:
        if scene >= 0:
            found = looking.session_clip(at, note["clip"])
            if found is not None:
                return Source(at, found[1], found[0], 0.0, False)
        else:
            clip = looking.arrangement_clip(at, note["clip"])
            if clip is not None:
                return Source(at, clip, scene, _moved(song, note, clip), False)
    return Source(track, None, scene, 0.0, True)


def _moved(song: Song, note: Note, clip: Clip) -> float:
    """What is cut off in front moves nothing: the rest stays at its beat."""
    before, now = likeness.from_json(note["like"]), likeness.read(clip)
    beats = 1.0 if before.warping else song.tempo / 60.0
    return clip.start_time - float(note["clip"]["at"]) - (now.start - before.start) * beats
