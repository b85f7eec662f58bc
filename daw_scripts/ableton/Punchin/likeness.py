"""What an audio clip is like: read from one clip, and given to another whose file holds a part of the first one's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Tuple

import Live

from . import warp

if TYPE_CHECKING:
    from Live.Clip import Clip

_SAME = 1e-7


class Likeness(NamedTuple):
    """Places in the content are beats where the clip is warped, else seconds of its file."""

    path: str
    rate: float
    frames: int
    name: str
    color: int
    gain: float
    pitch_coarse: int
    pitch_fine: float
    warping: bool
    warp_mode: int
    markers: List[Tuple[float, float]]
    """Empty where it is not warped."""
    looping: bool
    start: float
    end: float
    """Where it begins and ends when it does not loop; of one that loops its markers."""
    loop_start: float
    loop_end: float


def read(clip: Clip) -> Likeness:
    """What an audio clip is like now."""
    looping = clip.warping and clip.looping
    return Likeness(
        path=clip.file_path,
        rate=clip.sample_rate,
        frames=clip.sample_length,
        name=clip.name,
        color=clip.color,
        gain=clip.gain,
        pitch_coarse=clip.pitch_coarse,
        pitch_fine=clip.pitch_fine,
        warping=clip.warping,
        warp_mode=int(clip.warp_mode),
        markers=[(marker.sample_time, marker.beat_time) for marker in clip.warp_markers] if clip.warping else [],
        looping=looping,
        # without a loop these two are the markers, and are seconds on every version where the clip is not warped
        start=clip.start_marker if looping else clip.loop_start,
        end=clip.end_marker if looping else clip.loop_end,
        loop_start=clip.loop_start,
        loop_end=clip.loop_end,
    )


def from_json(values: Dict[str, Any]) -> Likeness:
    """As `_asdict` gave it, after a way through JSON."""
    values = dict(values, markers=[(seconds, beat) for seconds, beat in values["markers"]])
    return Likeness(**values)


def give(clip: Clip, like: Likeness, source: Optional[Clip]) -> None:
    """Make a new clip like another: sound, warp map, name and colour, but not where it begins and ends.

    `source`, if it is still there, gives its groove, which cannot be written down.
    """
    clip.name = like.name
    clip.color = like.color
    clip.gain = like.gain
    clip.pitch_coarse = like.pitch_coarse
    clip.pitch_fine = like.pitch_fine
    follow(clip, like.markers if like.warping else None, like.warp_mode)
    if source != None and source.has_groove:  # noqa: E711 a deleted clip
        clip.groove = source.groove


def follow(clip: Clip, markers: Optional[List[Tuple[float, float]]], mode: int) -> None:
    """Warp a clip by a map that spans its file, or not at all. Live's preferences decide how a new clip comes up."""
    if clip.looping and markers is None:
        clip.looping = False
    clip.warping = markers is not None
    if markers is None:
        return
    if mode in list(clip.available_warp_modes):
        modes: Any = mode  # the stubs want the enumeration's class, Live its plain number
        clip.warp_mode = modes
    _mark(clip, markers)


def bound(clip: Clip, start: float, end: float, loop: Optional[Tuple[float, float]] = None) -> None:
    """Let a clip play from `start` to `end`, or from `start` on and round a loop."""
    if loop is None:
        if clip.looping:
            clip.looping = False
        _set_loop(clip, start, end)
        return
    if not clip.looping:
        clip.looping = True
    _set_loop(clip, *loop)
    if start >= clip.end_marker:
        clip.end_marker = end
        clip.start_marker = start
    else:
        clip.start_marker = start
        clip.end_marker = end


def _set_loop(clip: Clip, start: float, end: float) -> None:
    """Neither end may pass the other on its way."""
    if start >= clip.loop_end:
        clip.loop_end = end
        clip.loop_start = start
    else:
        clip.loop_start = start
        clip.loop_end = end


def _mark(clip: Clip, markers: List[Tuple[float, float]]) -> None:
    """Put markers in the place of those that are there: one stays, moved to where it hinders no other, until the end."""
    there = [(marker.sample_time, marker.beat_time) for marker in clip.warp_markers][:-1]
    for _, beat in reversed(there[1:]):
        clip.remove_warp_marker(beat)
    seconds, beat = there[0]
    wanted = warp.beat_at(markers, seconds)
    if abs(wanted - beat) > _SAME:
        clip.move_warp_marker(beat, wanted - beat)
    is_wanted = False
    for marker in markers:
        if abs(marker[0] - seconds) < _SAME:
            is_wanted = True
        else:
            clip.add_warp_marker(Live.Clip.WarpMarker(*marker))
    if not is_wanted:
        clip.remove_warp_marker(wanted)
