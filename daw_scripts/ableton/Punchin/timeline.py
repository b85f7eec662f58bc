"""Puts results into the Arrangement, on tracks with room or on take lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generator, List

from . import likeness, looking, tracks, versions
from .midi import Placed
from .notes import Note
from .results import BESIDE, Result
from .sources import Source

if TYPE_CHECKING:
    from Live.Song import Song
    from Live.Track import Track

_ANY_MODE = 0


def lay(song: Song, note: Note, made: List[Result], source: Source) -> Generator[None, None, List[Placed]]:
    """Yields after each insert; at the end, what lies where. Nothing is put over a clip."""
    placed: List[Placed] = []
    for result in made:
        track = _track_for(song, note, result, source)
        yield
        placed += yield from _lay(song, track, result, source)
    return placed


def silence_older(song: Song, made: List[Result], source: Source, in_part: bool) -> None:
    """What stood in for the source so far is switched off: one version is heard at a time.

    `in_part`: the source goes on to be heard, and so does what is more than the result takes the place of.
    """
    if source.track is None or source.clip is None:
        return
    for result in made:
        start, end = result.span(song.tempo)
        for track in tracks.heard_for(song, source.track, result.track):
            for clip in looking.between(track, start, end):
                if not in_part or looking.is_within(clip, start, end):
                    clip.muted = True


def fits_lane(note: Note, made: List[Result], source: Source) -> bool:
    """Whether this Live has take lanes for scripts, and the clips can lie on them from the first frame to the last."""
    if not versions.has_take_lanes() or source.clip is None or note["verb"] in BESIDE:
        return False
    return all(result.like is not None and len(result.passes) == 1 for result in made)


def onto_lanes(made: List[Result], source: Source) -> Generator[None, None, List[Placed]]:
    """Yields after each insert: a lane of the source's track each; at the end, what lies where."""
    placed = []
    for result in made:
        assert source.track is not None
        assert result.like is not None
        lane = source.track.create_take_lane()
        lane.name = result.name
        one = result.passes[0]
        clip = lane.create_audio_clip(result.path, one.at)
        likeness.give(clip, result.like, source.clip)
        likeness.bound(clip, one.start, one.end)
        placed.append(Placed(result, source.track, clip))
        yield
    return placed


def _track_for(song: Song, note: Note, result: Result, source: Source) -> Track:
    """A track with room: the selected one for new music, one made earlier for the same kind of clip, or a new one."""
    start, end = result.span(song.tempo)
    if source.track is None or source.is_lost:
        return tracks.new(song, len(song.tracks), result.track)
    if note["verb"] == "generate" and _takes(source.track, start, end):
        return source.track
    for track in tracks.below_for(song, source.track, result.track):
        if _takes(track, start, end):
            return track
    return tracks.new_below(song, source.track, result.track)


def _takes(track: Track, start: float, end: float) -> bool:
    return looking.takes_audio(track) and tracks.has_room(track, start, end)


def _lay(song: Song, track: Track, result: Result, source: Source) -> Generator[None, None, List[Placed]]:
    """By way of a clip of the Session with the right ends: one on the timeline cannot be made longer or shorter."""
    placed = []
    slot = tracks.free_slot(song, track, 0)
    clip = slot.create_audio_clip(result.path)
    try:
        if result.like is None:
            likeness.follow(clip, None, _ANY_MODE)
            clip.name = result.name
        else:
            likeness.give(clip, result.like, source.clip)
        # takes lie one over the other: only one is to be heard
        clip.muted = result.take > 0
        yield
        for one in result.passes:
            likeness.bound(clip, one.start, one.end)
            start, end = result._replace(passes=[one]).span(song.tempo)
            if not looking.is_free(track, start, end):
                # the user was quicker
                track = tracks.new_below(song, track, result.track)
            placed.append(Placed(result, track, track.duplicate_clip_to_arrangement(clip, one.at)))
            yield
    finally:
        slot.delete_clip()
    return placed
