"""New clips from files, copies of clips, and the room that a clip takes from those under it."""

from live import sound, warping

LATEST = 1576800.0
"""Beats; nothing can be inserted later."""


def audio_clip(live, parent, path, start=None):
    """A clip of a whole file, warped or not as the preference says; `start` in beats where it lies in the arrangement.

    Raises
    ------
    RuntimeError
        Live would not take the file.

    """
    try:
        file = sound.look(path)
    except sound.NoAudio as error:
        raise RuntimeError(f"Failed to create audio clip: {error}") from error
    warped = live.preferences["auto_warp"]
    markers = warping.straight(live.preferences["guessed_tempo"] or live.tempo())
    seconds = file.frames / file.rate
    end = warping.beat_at(markers, seconds) if warped else seconds
    name = path.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0]
    state = dict(
        _fresh(parent, start, end), audio=True, path=path, frames=file.frames, rate=file.rate, name=name, markers=markers,
        warping=warped, warp_mode=live.preferences["warp_mode"], looping=False, gain=0.4, pitch_coarse=0, pitch_fine=0.0,
        ram_mode=False,
    )  # fmt: skip
    return live.new_clip(parent, state)


def midi_clip(live, parent, length, start=None):
    """An empty MIDI clip of `length` beats."""
    state = dict(
        _fresh(parent, start, length), audio=False, name="", warping=False, looping=start is None, markers=[],
        notes=[],
    )  # fmt: skip
    return live.new_clip(parent, state)


def copied(live, clip, parent, start=None):
    """Another clip like `clip` elsewhere."""
    state = dict(clip._sim_state, start_time=0.0 if start is None else start, extent=None)
    for name in "markers", "notes":
        if name in state:
            state[name] = list(state[name])
    del state["dead"]
    if start is not None:
        length = clip._sim_state["extent"]
        state["extent"] = clip.loop_end - clip.loop_start if length is None else length
    return live.new_clip(parent, state)


def _fresh(parent, start, length):
    """What every new clip has: its place, its whole content, and the looks of its track."""
    track = parent if type(parent).__name__ == "Track" else parent._sim_state["parent"]
    return {
        "marker_low": 0.0, "marker_high": length, "loop_low": 0.0, "loop_high": length, "muted": False,
        "start_time": 0.0 if start is None else start, "extent": None if start is None else length,
        "color": track._sim_state["color"], "color_index": track._sim_state["color_index"] or 0, "signature_numerator": 4,
        "signature_denominator": 4, "launch_mode": 0, "legato": False, "groove": None,
    }  # fmt: skip


def make_room(clips, clip):
    """The clips that stay when `clip` lies on them: trimmed, and without what lies after it in a longer one."""
    low, high = clip._sim_state["start_time"], clip._sim_end()
    stay = []
    for other in clips:
        state = other._sim_state
        start, end = state["start_time"], other._sim_end()
        if other is clip or end <= low + 1e-9 or start >= high - 1e-9:
            stay.append(other)
        elif start < low:
            _end_at(other, low)
            stay.append(other)
        elif end > high:
            _start_at(other, high)
            stay.append(other)
        else:
            other._sim_die()
    return stay


def _end_at(clip, beat):
    state = clip._sim_state
    state["extent"] = clip._sim_own(beat - state["start_time"])
    if not state["looping"]:
        state["marker_high"] = state["marker_low"] + state["extent"]
    clip._sim_notify("end_time")


def _start_at(clip, beat):
    state = clip._sim_state
    cut = clip._sim_own(beat - state["start_time"])
    state["extent"] -= cut
    state["start_time"] = beat
    state["marker_low"] += cut
    if state["looping"] and state["marker_low"] >= state["loop_high"]:
        length = state["loop_high"] - state["loop_low"]
        state["marker_low"] = state["loop_low"] + (state["marker_low"] - state["loop_low"]) % length
    clip._sim_notify("start_time")
