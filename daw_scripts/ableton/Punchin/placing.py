"""Puts the clips of a job where its note says, one insert a tick, as one undo step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Generator, Iterator, List, NamedTuple, Optional, Tuple

import Live

from . import likeness, looking, versions, warp
from .likeness import Likeness
from .notes import Note
from .osc import Value
from .passes import Pass

if TYPE_CHECKING:
    from Live.Clip import Clip
    from Live.ClipSlot import ClipSlot
    from Live.Song import Song
    from Live.Track import Track

Clips = List[Dict[str, Value]]

_BESIDE = ("extract", "lego", "complete")
"""Verbs whose results run beside their source, each on a track of its own."""
_BEATS_MODE = 0
_MADE = "punchin"
"""Key of a track's data: it was made for clips, and takes more of them where it is free."""


class Told(NamedTuple):
    """What the user is told once all is placed; empty where nothing is to be said."""

    sentence: str


class _Result(NamedTuple):
    """A clip of the daemon, and what of it is heard where."""

    path: str
    name: str
    track: str
    like: Optional[Likeness]
    """Of a copy of the source's file that holds what this file holds; None for new music."""
    seconds: float
    passes: List[Pass]


def place(song: Song, note: Note, clips: Clips) -> Generator[Optional[Told], None, None]:
    """Yields None after each insert, to be gone on with at the next tick, and Told at the end.

    Raises Live's errors; what is placed by then stays. The undo step is closed in any case.
    """
    song.begin_undo_step()
    selected = song.view.selected_track
    try:
        results = [_result(note, clip, song.tempo) for clip in clips]
        source = _Source.of(song, note)
        sentence = ""
        if source.track is None or (source.clip is None and note.get("like")):
            sentence = "What the %s was meant for is gone: it is on a new track at the end." % note["verb"]
        if note["scene"] >= 0:
            yield from _into_session(song, note, results, source)
        else:
            yield from _into_arrangement(song, note, results, source)
        if note.get("mute") and source.clip is not None and note["place"] != "lane":
            source.clip.muted = True
        elif note.get("partial") and source.clip is not None:
            sentence = "%s still plays as well: it is longer than the selection." % source.clip.name
    finally:
        song.end_undo_step()
        # a new track takes the selection, and the user may be at work
        if selected != None:  # noqa: E711 a deleted track
            song.view.selected_track = selected
    yield Told(sentence)


def _result(note: Note, clip: Dict[str, Value], tempo: float) -> _Result:
    rate, frames = float(clip["sample_rate"]), int(clip["frames"])
    track, seconds = str(clip["track"]), frames / rate
    words = str(note["prompt"]) or str(note["verb"])
    name = track if note["verb"] in _BESIDE else "%s (seed %d)" % (words, int(clip["seed"]))
    if not note.get("like"):
        return _Result(str(clip["path"]), name, track, None, seconds, [Pass(float(note["at"]), 0.0, seconds)])
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
    found = [one._replace(start=one.start - shift, end=one.end - shift) for one in heard if one.end - one.start > frame]
    return _Result(str(clip["path"]), name, track, new, seconds, found)


def _within(one: Pass, low: float, high: float, frame: float, beats: float) -> Pass:
    """What of a pass lies in the content `low` to `high`; an edge that is off by less than a frame stays where it was.

    `beats` of the song are one of the content's own units.
    """
    start = one.start if one.start > low - frame else low
    end = one.end if one.end < high + frame else high
    return Pass(one.at + (start - one.start) * beats, start, end)


class _Source:
    """What is left of what a request was made for."""

    def __init__(self, track: Optional[Track], clip: Optional[Clip], scene: int) -> None:
        self.track, self.clip, self.scene = track, clip, scene

    @classmethod
    def of(cls, song: Song, note: Note) -> _Source:
        track = looking.track(song, note["track"])
        scene = int(note["scene"])
        if track is None or "clip" not in note:
            return cls(track, None, scene)
        if scene < 0:
            return cls(track, looking.arrangement_clip(track, note["clip"]), scene)
        found = looking.session_clip(track, note["clip"])
        return cls(track, None, scene) if found is None else cls(track, found[1], found[0])


# Session


def _into_session(song: Song, note: Note, results: List[_Result], source: _Source) -> Iterator[None]:
    track, scene = source.track, source.scene
    below = looking.index_of(song, track) if track is not None else len(song.tracks) - 1
    is_lost = track is None or (source.clip is None and bool(note.get("like")))
    for number, result in enumerate(results):
        if note["verb"] in _BESIDE or is_lost or track is None or not looking.takes_audio(track):
            if is_lost:
                below = len(song.tracks) - 1
            track_new = _new_track(song, below + 1, _track_name(note, result))
            below += 1
            yield
            slot = _slot(song, track_new, scene, note)
            if note["verb"] not in _BESIDE:
                # the other takes go under the first
                track, is_lost, scene = track_new, False, scene + 1
        else:
            slot = _slot(song, track, scene + (0 if number == 0 and note.get("into_slot") else 1), note)
        _fill(slot, note, result)
        yield


def _slot(song: Song, track: Track, first: int, note: Note) -> ClipSlot:
    """The first free slot from a scene on; a new scene where there is none."""
    free = looking.empty_slots(track, first)
    if not free:
        song.create_scene(-1)
        free = looking.empty_slots(track, first)
    return free[0][1]


def _fill(slot: ClipSlot, note: Note, result: _Result) -> None:
    clip = slot.create_audio_clip(result.path)
    if result.like is None:
        # it is to loop and to follow the Set's tempo
        beats = float(note["beats"])
        likeness.follow(clip, warp.even(result.seconds, beats), _BEATS_MODE)
        likeness.bound(clip, 0.0, beats, (0.0, beats))
        clip.name = result.name
        return
    likeness.give(clip, result.like)
    heard = result.passes[0]
    if result.like.looping:
        likeness.bound(clip, heard.start, heard.end, (heard.start, heard.end))
    else:
        likeness.bound(clip, heard.start, heard.end)


# Arrangement


def _into_arrangement(song: Song, note: Note, results: List[_Result], source: _Source) -> Iterator[None]:
    for result in results:
        if _fits_lane(note, result, source):
            assert source.track is not None
            _on_lane(source.track, result)
            yield
            continue
        start, end = _span(song, result)
        track = _track_for(song, note, result, source, start, end)
        yield
        yield from _lay(song, track, result)


def _span(song: Song, result: _Result) -> Tuple[float, float]:
    beats = song.tempo / 60.0 if result.like is None or not result.like.warping else 1.0
    return result.passes[0].at, max(one.at + (one.end - one.start) * beats for one in result.passes)


def _track_for(song: Song, note: Note, result: _Result, source: _Source, start: float, end: float) -> Track:
    """A track with room: the selected one for new music, one made earlier for the same kind of clip, or a new one."""
    name = _track_name(note, result)
    if source.track is None or (source.clip is None and note.get("like")):
        return _new_track(song, len(song.tracks), name)
    if note["verb"] == "generate" and _has_room(source.track, start, end):
        return source.track
    index = looking.index_of(song, source.track) + 1
    tracks: List[Track] = list(song.tracks)
    while index < len(tracks) and tracks[index].get_data(_MADE, ""):
        made = tracks[index]
        if made.get_data(_MADE, "") == name and _has_room(made, start, end):
            return made
        index += 1
    return _new_track(song, index, name)


def _has_room(track: Track, start: float, end: float) -> bool:
    """Whether a clip fits between two beats, and a slot is free for it on its way there."""
    return looking.takes_audio(track) and looking.is_free(track, start, end) and bool(looking.empty_slots(track, 0))


def _lay(song: Song, track: Track, result: _Result) -> Iterator[None]:
    """A clip of the Session with the right ends, copied to each of its beats: an arrangement clip cannot be made longer
    or shorter afterwards."""
    slot = _slot(song, track, 0, {})
    clip = slot.create_audio_clip(result.path)
    try:
        if result.like is None:
            likeness.follow(clip, None, _BEATS_MODE)
            clip.name = result.name
        else:
            likeness.give(clip, result.like)
        yield
        for one in result.passes:
            likeness.bound(clip, one.start, one.end)
            track.duplicate_clip_to_arrangement(clip, one.at)
            yield
    finally:
        slot.delete_clip()


def _fits_lane(note: Note, result: _Result, source: _Source) -> bool:
    """Whether a take lane was asked for and the clip can lie on it from its first frame to its last."""
    if note["place"] != "lane" or not versions.has_take_lanes() or result.like is None or note["verb"] in _BESIDE:
        return False
    return source.track is not None and source.clip is not None and len(result.passes) == 1


def _on_lane(track: Track, result: _Result) -> None:
    assert result.like is not None
    lane = track.create_take_lane()
    lane.name = result.name
    one = result.passes[0]
    clip = lane.create_audio_clip(result.path, one.at)
    likeness.give(clip, result.like)
    likeness.bound(clip, one.start, one.end)


# Tracks


def _track_name(note: Note, result: _Result) -> str:
    name = str(note["track"]["name"])
    return "%s %s" % (name, result.track if note["verb"] in _BESIDE else "punchin")


def _new_track(song: Song, index: int, name: str) -> Track:
    track = song.create_audio_track(index if index < len(song.tracks) else -1)
    track.name = name
    track.set_data(_MADE, name)
    return track


def is_limit(error: BaseException) -> bool:
    """Whether this edition of Live has no room for another track or scene."""
    return isinstance(error, Live.Base.LimitationError)
