"""Clips of the daemon as they will lie in Live: which file, how it is warped, and what of it is heard where."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Tuple

from . import likeness, warp
from .likeness import Likeness
from .notes import Note
from .osc import Value
from .passes import Pass

Clips = List[Dict[str, Value]]

_SUFFIX = " punchin"

BESIDE = ("extract", "lego", "complete")
"""Verbs whose results run beside their source, each on a track of its own."""


class Result(NamedTuple):
    """One clip of a job."""

    path: str
    name: str
    track: str
    """Name for the track that it may need."""
    take: int
    """Of its track: 0 is the best, or the first."""
    like: Optional[Likeness]
    """Of a copy of the source's file that holds what this file holds; None for new music."""
    seconds: float
    passes: List[Pass]
    midi: str
    """Path of a MIDI file of its notes, time 0 its first frame; empty where there is none."""

    def span(self, tempo: float) -> Tuple[float, float]:
        """Beats of the arrangement between which it is heard, at a tempo."""
        beats = tempo / 60.0 if self.like is None or not self.like.warping else 1.0
        return self.passes[0].at, max(one.at + (one.end - one.start) * beats for one in self.passes)


def read(note: Note, clips: Clips, tempo: float, moved: float) -> List[Result]:
    """The results of a job; `moved`: beats by which its source lies later than when it was asked for."""
    tracks = [str(clip["track"]) for clip in clips]
    return [
        _result(note, clip, tempo, moved, tracks[:number].count(tracks[number])) for number, clip in enumerate(clips)
    ]


def _result(note: Note, clip: Dict[str, Value], tempo: float, moved: float, take: int) -> Result:
    rate, frames = float(clip["sample_rate"]), int(clip["frames"])
    seconds = frames / rate
    is_beside = note["verb"] in BESIDE
    words = str(note["prompt"]) or str(note["verb"])
    name = str(clip["track"]) if is_beside else "%s (seed %d)" % (words, int(clip["seed"]))
    source = str(note["track"]["name"])
    # a result may be worked on as well, and goes beside what it came from
    source = source[: -len(_SUFFIX)] if source.endswith(_SUFFIX) else source
    track = "%s %s" % (source, str(clip["track"])) if is_beside else source + _SUFFIX
    path, midi = str(clip["path"]), str(clip.get("midi", ""))
    if not note.get("like"):
        return Result(path, name, track, take, None, seconds, [Pass(float(note["at"]), 0.0, seconds)], midi)
    like = likeness.from_json(note["like"])
    window = note["window"]
    start = float(clip["start"])
    first = window[0] / like.rate + start
    if like.warping:
        of_window = warp.part(like.markers, window[0] / like.rate, window[1] / like.rate)
        markers = warp.part(of_window, start, start + seconds)
        low, high = markers[0][1], markers[-1][1]
        frame = (high - low) / frames
        shift = 0.0
    else:
        markers, low, high, frame, shift = [], first, first + seconds, 1.0 / rate, first
    new = like._replace(name=name, markers=markers, looping=like.looping and note["scene"] >= 0)
    beats = 1.0 if like.warping else tempo / 60.0
    heard = [_within(Pass(*one), low, high, frame, beats) for one in note["passes"]]
    found = [Pass(one.at + moved, one.start - shift, one.end - shift) for one in heard if one.end - one.start > frame]
    return Result(path, name, track, take, new, seconds, found, midi)


def _within(one: Pass, low: float, high: float, frame: float, beats: float) -> Pass:
    """What of a pass lies in the content `low` to `high`; an edge that is off by less than a frame stays where it was.

    `beats` of the song are one of the content's own units.
    """
    start = one.start if one.start > low - frame else low
    end = one.end if one.end < high + frame else high
    return Pass(one.at + (start - one.start) * beats, start, end)
