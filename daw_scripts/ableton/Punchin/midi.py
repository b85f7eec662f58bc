"""The notes of clips, as MIDI clips on tracks directly below that sound together with them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Generator, Iterator, List, NamedTuple, Optional, Tuple

import Live

from . import likeness, looking, reading, smf, tracks, warp
from .results import Result

if TYPE_CHECKING:
    from Live.Clip import Clip, MidiNoteSpecification
    from Live.ClipSlot import ClipSlot
    from Live.Song import Song
    from Live.Track import Track

NOTES_A_TICK = 500
_SHORTEST = 1 / 64
"""Beats."""


class Placed(NamedTuple):
    """A clip of a result that lies in Live."""

    result: Result
    track: Track
    clip: Clip


class _Content(NamedTuple):
    """What a MIDI clip holds, in beats, and from where to where it plays; `loop` is None where it does not."""

    notes: List[MidiNoteSpecification]
    start: float
    end: float
    loop: Optional[Tuple[float, float]]


def beside(song: Song, placed: List[Placed]) -> Iterator[None]:
    """Yields after each insert. Raises Live's errors, and OSError or ValueError for a file that cannot be read."""
    for one in placed:
        if not one.result.midi:
            continue
        parts = smf.read(one.result.midi)
        yield
        for part in parts:
            if one.clip == None or one.track == None:  # noqa: E711 the user has deleted it
                break
            # one mix has the parts of several instruments: a clip of Live knows no channels
            of_many = " " + part.name if len(parts) > 1 else ""
            content = _content(song, one.clip, part.notes)
            yield from _add(song, one, of_many, content)


def _add(song: Song, one: Placed, of_many: str, content: _Content) -> Iterator[None]:
    name = "%s%s MIDI" % (one.result.track, of_many)
    if one.clip.is_arrangement_clip:
        at, end = one.clip.start_time, one.clip.end_time
        track = tracks.for_notes(song, one.track, name, lambda made: tracks.has_room(made, at, end))
        yield
        slot = tracks.free_slot(song, track, 0)
        try:
            clip = yield from _filled(slot, one, of_many, content)
            if not looking.is_free(track, at, end):
                # the user was quicker
                track = tracks.new(song, looking.index_of(song, track) + 1, name, midi=True)
            # the way of the audio clips: it gives the right ends, and any version that can insert has it
            track.duplicate_clip_to_arrangement(clip, at)
            yield
        finally:
            if slot.has_clip:
                slot.delete_clip()
    else:
        scene = _scene(one)
        track = tracks.for_notes(song, one.track, name, lambda made: not made.clip_slots[scene].has_clip)
        yield
        yield from _filled(tracks.free_slot(song, track, scene), one, of_many, content)


def _scene(one: Placed) -> int:
    slots = enumerate(one.track.clip_slots)
    return next((number for number, slot in slots if slot.has_clip and slot.clip == one.clip), 0)


def _filled(slot: ClipSlot, one: Placed, of_many: str, content: _Content) -> Generator[None, None, Clip]:
    """A MIDI clip in a slot that looks, and begins and ends, like the audio clip."""
    clip = slot.create_clip(content.end - content.start)
    clip.name = one.result.name + of_many
    likeness.bound(clip, content.start, content.end, content.loop)
    if one.clip != None:  # noqa: E711 a deleted clip
        clip.color = one.clip.color
        # what lies on a lane is not heard until it is chosen
        clip.muted = one.clip.muted or getattr(one.clip, "is_take_lane_clip", False)
        if one.clip.has_groove:
            clip.groove = one.clip.groove
    for first in range(0, len(content.notes), NOTES_A_TICK):
        clip.add_new_notes(content.notes[first : first + NOTES_A_TICK])
        yield
    return clip


def _content(song: Song, audio: Clip, notes: List[smf.Note]) -> _Content:
    """Notes at the beats at which their seconds of the audio clip's file are heard."""
    like = likeness.read(audio)
    if like.warping:
        beat = 1.0
        starts = warp.beats_at(like.markers, [note.start for note in notes])
        ends = warp.beats_at(like.markers, [note.end for note in notes])
    else:
        beat = song.tempo / 60.0
        starts, ends = [note.start * beat for note in notes], [note.end * beat for note in notes]
    loop = (like.loop_start, like.loop_end) if like.looping else None
    lowest = min([like.start * beat] + starts + ([loop[0]] if loop else []))
    bar = reading.bar(song)
    # whole bars: the file of a clip may begin before the beat that Live calls the first
    later = bar * max(0, math.ceil(-lowest / bar))
    specifications = [
        Live.Clip.MidiNoteSpecification(
            pitch=pitch,
            start_time=start + later,
            duration=max(end - start, _SHORTEST),
            velocity=float(note.velocity),
        )
        for note, start, end in zip(notes, starts, ends)
        for pitch in [note.pitch if note.is_drum else note.pitch + like.pitch_coarse]
        if 0 <= pitch <= 127
    ]
    return _Content(
        specifications,
        like.start * beat + later,
        like.end * beat + later,
        (loop[0] + later, loop[1] + later) if loop else None,
    )
