"""What the user has selected: a clip of the Session or clips of the Arrangement, and which frames of their files that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Tuple

import Live

from . import likeness, looking
from .likeness import Likeness
from .passes import Pass, passes, selected
from .refused import Refused

if TYPE_CHECKING:
    from Live.Clip import Clip
    from Live.ClipSlot import ClipSlot
    from Live.Song import Song
    from Live.Track import Track

_SAME_BEAT = 1e-4
_NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
SLOWEST, FASTEST = 30.0, 300.0
"""Beats a minute that a request may name."""
_MOST_BEATS = 32

_BOUNCE = (
    "%s is %s: bounce it to audio first (Bounce to New Track from Live 12.2 on, else Freeze and Flatten), "
    "then select the audio clip."
)


class Material(NamedTuple):
    """A clip and what is selected of it. Frames are the file's; places in the content as in `Likeness`."""

    like: Likeness
    track: Dict[str, Any]
    clip: Dict[str, Any]
    scene: int
    """Number of its slot, -1 in the Arrangement."""
    passes: List[Pass]
    shown: Tuple[int, int]
    """All that is heard of the file."""
    parts: List[Tuple[int, int]]
    """What is selected, in order; more than one where the selection runs round a loop."""
    end: float
    """(Arrangement) the beat at which the clip ends."""
    brace_end: Optional[float]
    """(Arrangement) the beat at which the loop brace ends, None where it is off."""

    @property
    def covers(self) -> bool:
        """Whether all that is heard is selected."""
        return len(self.parts) == 1 and self.parts[0] == self.shown


def in_session() -> bool:
    """Whether the Session view has the focus, else the Arrangement."""
    return Live.Application.get_application().view.focused_document_view == "Session"


def brace(song: Song) -> Tuple[float, float]:
    """Start and end of the loop brace, in beats."""
    return song.loop_start, song.loop_start + song.loop_length


def materials(song: Song, launched: Optional[Clip] = None) -> List[Material]:
    """The audio that is meant; raises Refused where there is none. `launched`: a Session clip that names itself."""
    if launched is not None or in_session():
        return [_of_session(song, launched or _session_clip(song))]
    return _of_arrangement(song)


def highlighted(song: Song) -> Optional[ClipSlot]:
    """The slot that has the focus in the Session; the stubs do not say that there may be none."""
    slot: Optional[ClipSlot] = song.view.highlighted_clip_slot
    return slot


def detail(song: Song) -> Optional[Clip]:
    """The clip that Live shows in its detail view; a deleted one compares equal to None."""
    clip = song.view.detail_clip
    return clip if clip != None else None  # noqa: E711


def tempo(song: Song) -> Optional[float]:
    """The Set's tempo where a request may name it."""
    return song.tempo if SLOWEST <= song.tempo <= FASTEST else None


def key(song: Song) -> Optional[str]:
    """The Set's scale where it is on, and major or minor; before 12.0.5 nobody can tell whether it is meant."""
    if not getattr(song, "scale_mode", False) or song.scale_name not in ("Major", "Minor"):
        return None
    return "%s %s" % (_NOTES[song.root_note], song.scale_name.lower())


def meter(song: Song) -> Optional[str]:
    """As in 4/4; None for more beats than a request may name."""
    if song.signature_numerator > _MOST_BEATS:
        return None
    return "%d/%d" % (song.signature_numerator, song.signature_denominator)


def bar(song: Song) -> float:
    """Beats of a bar."""
    return song.signature_numerator * 4.0 / song.signature_denominator


def names(song: Song, action: str, launched: Optional[Clip] = None) -> List[str]:
    """Names that may say what is wanted, the nearest first: clip, scene, track, locators in the loop brace."""
    found: List[str] = []
    clip = launched if launched is not None else _named_clip(song, action)
    if clip is not None:
        found.append(clip.name)
    if in_session():
        found.append(song.view.selected_scene.name)
    found.append(song.view.selected_track.name)
    if not in_session():
        start, end = brace(song)
        found += [cue.name for cue in song.cue_points if start - _SAME_BEAT <= cue.time < end]
    return found


def _named_clip(song: Song, action: str) -> Optional[Clip]:
    """The clip whose name counts. The detail view may still show one that has nothing to do with where the user is now."""
    slot = highlighted(song) if in_session() else None
    if slot is not None and slot.has_clip:
        return slot.clip
    clip = detail(song)
    if clip is None or clip.is_arrangement_clip == in_session() or (slot is not None and action == "generate"):
        return None
    return clip


def sections(song: Song, start: float, end: float) -> str:
    """Locators between two beats whose names stand in brackets, as lyrics: `[Verse]`, `[Chorus]` and so on."""
    cues = sorted((cue.time, cue.name.strip()) for cue in song.cue_points if start - _SAME_BEAT <= cue.time < end)
    return "\n".join(name for _, name in cues if name.startswith("[") and name.endswith("]"))


def require_audio(track: Track) -> None:
    """Raise Refused, with what to do, for a track that has no files that could be read."""
    if track.is_frozen:
        raise Refused(_BOUNCE % (track.name, "frozen"))
    if track.has_midi_input:
        raise Refused(_BOUNCE % (track.name, "a MIDI track"))
    if track.is_foldable:
        raise Refused("%s is a group: select a clip on one of its tracks." % track.name)


def _session_clip(song: Song) -> Clip:
    slot = highlighted(song)
    if slot is not None and slot.has_clip:
        return slot.clip
    clip = detail(song)
    if clip is not None and not clip.is_arrangement_clip:
        return clip
    require_audio(song.view.selected_track)
    raise Refused("Select an audio clip in the Session first.")


def _of_session(song: Song, clip: Clip) -> Material:
    for track in song.tracks:
        for scene, slot in enumerate(track.clip_slots):
            if slot.has_clip and slot.clip == clip:
                require_audio(track)
                _require_audio_clip(clip)
                like = likeness.read(clip)
                start, end = (like.loop_start, like.loop_end) if like.looping else (like.start, like.end)
                heard = [Pass(0.0, start, end)]
                note = dict(looking.note_of_clip(clip), scene=scene)
                shown = _frames(clip, like, start, end)
                return Material(like, looking.note_of_track(song, track), note, scene, heard, shown, [shown], 0.0, None)
    raise Refused("Select an audio clip in the Session first.")


def _of_arrangement(song: Song) -> List[Material]:
    track = song.view.selected_track
    require_audio(track)
    on_track: List[Clip] = list(track.arrangement_clips)
    shown = detail(song)
    span = brace(song) if song.loop else None
    if shown is not None and getattr(shown, "is_take_lane_clip", False):
        raise Refused("%s lies on a take lane: copy it to the track itself first." % shown.name)
    if shown is not None and shown in on_track:
        clips = [shown]
    elif span is not None:
        clips = looking.between(track, *span)
    else:
        raise Refused("Select an audio clip first, or switch the loop on and put its brace over one.")
    found = [_of_clip(song, track, clip, span) for clip in clips if clip.is_audio_clip]
    if not found and clips:
        _require_audio_clip(clips[0])
    if not found:
        raise Refused("There is no audio of %s under the loop brace." % track.name)
    return found


def _of_clip(song: Song, track: Track, clip: Clip, span: Optional[Tuple[float, float]]) -> Material:
    _require_audio_clip(clip)
    like = likeness.read(clip)
    length = clip.end_time - clip.start_time
    # content of clips that are not warped is seconds: counted in beats here, for as long as the tempo is what it is
    beat = 1.0 if like.warping else 60.0 / song.tempo
    loop = (like.loop_start, like.loop_end) if like.looping else None
    heard = passes(clip.start_time, length, like.start / beat, loop)
    start, end = span if span is not None else (clip.start_time, clip.end_time)
    # a brace that leaves the clip alone says nothing of it: all of it is meant
    chosen = selected(heard, start, end) or selected(heard, clip.start_time, clip.end_time)
    frames = [_frames(clip, like, first * beat, last * beat) for first, last in chosen]
    lowest, highest = min(one.start for one in heard), max(one.end for one in heard)
    return Material(
        like=like,
        track=looking.note_of_track(song, track),
        clip=looking.note_of_clip(clip),
        scene=-1,
        passes=[Pass(one.at, one.start * beat, one.end * beat) for one in heard],
        shown=_frames(clip, like, lowest * beat, highest * beat),
        parts=[part for part in frames if part[1] > part[0]],
        end=clip.end_time,
        brace_end=span[1] if span is not None else None,
    )


def _require_audio_clip(clip: Clip) -> None:
    if not clip.is_audio_clip:
        raise Refused(_BOUNCE % (clip.name or "The clip", "a MIDI clip"))
    if clip.is_recording or not clip.file_path:
        raise Refused("%s has no file yet: wait until it is recorded." % (clip.name or "The clip"))


def _frames(clip: Clip, like: Likeness, start: float, end: float) -> Tuple[int, int]:
    """Where in the file a stretch of content lies; Live itself is asked where it is warped."""
    first, last = (
        round(clip.beat_to_sample_time(place) if like.warping else place * like.rate) for place in (start, end)
    )
    return min(max(first, 0), like.frames), min(max(last, 0), like.frames)
