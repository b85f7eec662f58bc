"""Saved Sets. The file is no .als: it holds what this simulation needs to open the Set again."""

import ast

SONG = (
    "tempo",
    "signature_numerator",
    "signature_denominator",
    "loop",
    "loop_start",
    "loop_length",
    "root_note",
    "scale_name",
)
TRACK = ("kind", "name", "color", "color_index", "mute", "solo", "frozen")


def check(value):
    """Plain values can be kept in a Set.

    Raises
    ------
    TypeError
        The value is an object that would not be there again.

    """
    try:
        ast.literal_eval(repr(value))
    except (SyntaxError, ValueError):
        raise TypeError(f"{type(value).__name__} cannot be kept in a Set") from None


def write(live, path):
    song = live.song
    state = song._sim_state
    kept = {
        "song": {name: state[name] for name in SONG},
        "data": song._sim_passing["data"],
        "scenes": [scene._sim_state["name"] for scene in state["scenes"]],
        "cues": [(cue._sim_state["time"], cue._sim_state["name"]) for cue in state["cues"]],
        "tracks": [_track(track, state["tracks"]) for track in state["tracks"]],
    }
    with open(str(path), "w", encoding="utf-8") as file:
        file.write(repr(kept))


def _track(track, tracks):
    state = track._sim_state
    return {
        "values": {name: state[name] for name in TRACK},
        "group": tracks.index(state["group"]) if state["group"] is not None else None,
        "data": track._sim_passing["data"],
        "slots": [slot._sim_state["clip"] and _clip(slot._sim_state["clip"]) for slot in state["slots"]],
        "clips": [_clip(clip) for clip in state["clips"]],
        "lanes": [
            (lane._sim_state["name"], [_clip(clip) for clip in lane._sim_state["clips"]]) for lane in state["lanes"]
        ],
    }


def _clip(clip):
    kept = {name: value for name, value in clip._sim_state.items() if name not in {"parent", "dead"}}
    return dict(kept, groove=None)  # the pool is not saved here


def read(live, path):
    """Into the new, empty Set of `live`."""
    with open(str(path), encoding="utf-8") as file:
        kept = ast.literal_eval(file.read())
    song = live.song
    state = song._sim_state
    state.update(kept["song"])
    state["scenes"] = [live.new_scene(song) for _ in kept["scenes"]]
    for scene, name in zip(state["scenes"], kept["scenes"]):
        scene._sim_state["name"] = name
    state["cues"] = [
        live.classes["Song.CuePoint"]._sim_new(live, parent=song, time=time, name=name) for time, name in kept["cues"]
    ]
    song._sim_passing.update(data=kept["data"], file_path=str(path), name=_stem(path))
    state["tracks"] = []
    for saved in kept["tracks"]:
        group = None if saved["group"] is None else state["tracks"][saved["group"]]
        track = live.new_track(song, saved["values"]["kind"], group)
        track._sim_state.update(saved["values"])
        track._sim_passing["data"] = saved["data"]
        _fill(live, track, saved)
        state["tracks"].append(track)


def _fill(live, track, saved):
    new_clip = live.new_clip
    state = track._sim_state
    for slot, clip in zip(state["slots"], saved["slots"]):
        slot._sim_state["clip"] = clip and new_clip(slot, clip)
    state["clips"] = [new_clip(track, clip) for clip in saved["clips"]]
    for name, clips in saved["lanes"]:
        lane = live.new_lane(track, name)
        state["lanes"].append(lane)
        lane._sim_state["clips"] = [new_clip(lane, clip) for clip in clips]


def _stem(path):
    return str(path).replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0]
