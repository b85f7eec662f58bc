"""What a clip sounds like: its samples as Live plays them, without effects, so that tests can compare two clips."""

import array

from live import gain, sound, warping


def played(clip, rate, beats=None):
    """One array of float64 a channel: a clip over its stay in the arrangement, or over `beats` of a slot's clip.

    Warped clips are read by their warp map with straight lines between frames, as re-pitching does it: two clips with the same
    map and the same samples sound alike to the last bit. Unwarped clips are read at the file's own pace. Pitch is not heard:
    who compares two clips compares it as a value.
    """
    state = clip._sim_state
    channels, _ = sound.samples(state["path"])
    if beats is None:
        beats = clip._sim_end() - state["start_time"]
    frames = round(beats * 60 / clip._sim.tempo() * rate)
    level = 0.0 if state["muted"] else gain.factor(state["gain"])
    places = [frame_at(clip, number * clip._sim.tempo() / 60 / rate) for number in range(frames)]
    return [array.array("d", (level * _read(channel, place) for place in places)) for channel in channels]


def frame_at(clip, beat):
    """The frame of the file that plays `beat` beats after the clip's begin; None in silence."""
    state = clip._sim_state
    place = state["marker_low"] + clip._sim_own(beat)
    if state["looping"]:
        if place >= state["loop_high"]:
            place = state["loop_low"] + (place - state["loop_low"]) % (state["loop_high"] - state["loop_low"])
    elif place >= state["marker_high"]:
        return None
    seconds = warping.seconds_at(state["markers"], place) if state["warping"] else place
    return seconds * state["rate"]


def _read(channel, place):
    if place is None:
        return 0.0
    whole = int(place // 1)
    part = place - whole
    if abs(part - round(part)) < 1e-6:
        whole, part = round(place), 0.0
    here = channel[whole] if 0 <= whole < len(channel) else 0.0
    if not part:
        return here
    after = channel[whole + 1] if 0 <= whole + 1 < len(channel) else 0.0
    return here + (after - here) * part
