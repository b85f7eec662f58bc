"""From a prompt and what is selected to requests: keys for the daemon, and a note of where the result belongs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List, NamedTuple, Optional, Tuple

from . import looking, reading, warp
from .likeness import Likeness
from .notes import Note
from .osc import Value
from .passes import Pass
from .prompts import Prompt
from .reading import Material
from .refused import Refused

if TYPE_CHECKING:
    from Live.Clip import Clip
    from Live.Song import Song

BARS = 4
LONGEST_FILE = 600.0
"""Seconds; of a longer file only what is heard, and a minute around it, is worked on."""
AROUND = 60.0
MOST_TEMPI = 64
NEED_WORDS = ("generate", "cover")
_DEFAULTS: Dict[str, Dict[str, Value]] = {
    "extract": {"tracks": "all"},
    "complete": {"tracks": "drums,bass"},
    "lego": {"track": "drums"},
}
_OURS = ("bars", "side", "place")
"""Keys of prompts that are no keys of the daemon."""
_WITH_NOTES = ("generate", "cover", "extract", "lego", "complete")
"""Verbs whose clips can have a MIDI file of their notes."""
_OF_UNDERSTAND = ("engine", "language", "model")


class Asked(NamedTuple):
    """A request and its note."""

    verb: str
    keys: Dict[str, Value]
    note: Note


def requests(song: Song, action: str, prompt: Prompt, launched: Optional[Clip] = None) -> List[Asked]:
    """What an action asks of the daemon: one request a clip. Raises Refused."""
    if action in NEED_WORDS and not prompt.words and "preset" not in prompt.keys:
        raise Refused("Say what it is to sound like: name the clip, its track or its scene “ace: …”.")
    if action == "generate":
        return [_generate(song, prompt)]
    return [_of_material(song, action, prompt, material) for material in reading.materials(song, launched)]


def _keys(song: Song, action: str, prompt: Prompt) -> Dict[str, Value]:
    if action == "understand":
        return {key: value for key, value in prompt.keys.items() if key in _OF_UNDERSTAND}
    # what a request says wins over its preset: what nobody asked for is left to that
    keys: Dict[str, Value] = {} if "preset" in prompt.keys else dict(_DEFAULTS.get(action, {}))
    keys.update({key: value for key, value in prompt.keys.items() if key not in _OURS})
    if action not in _WITH_NOTES:
        # a name speaks to all actions
        keys.pop("midi", None)
    if prompt.words:
        keys["prompt"] = prompt.words
    key = reading.key(song)
    if key is not None:
        keys.setdefault("key", key)
    return keys


def _note(action: str, prompt: Prompt, keys: Dict[str, Value]) -> Note:
    return {
        "verb": action,
        "prompt": prompt.words[:100],
        "place": prompt.keys.get("place", "track"),
        "midi": bool(keys.get("midi")),
    }


# New music


def _generate(song: Song, prompt: Prompt) -> Asked:
    track = song.view.selected_track
    tempo = reading.tempo(song)
    keys = _keys(song, "generate", prompt)
    note = _note("generate", prompt, keys)
    session = reading.in_session()
    bars = prompt.keys.get("bars", BARS if session else None)
    start, end = reading.brace(song)
    beats = float(bars) * reading.bar(song) if bars is not None else end - start
    if not session or "preset" not in prompt.keys or "bars" in prompt.keys:
        keys["length"] = beats * 60.0 / song.tempo
    if tempo is not None:
        keys["bpm"] = tempo
        _meter(song, keys)
    if session:
        keys["loop"] = True
    else:
        keys["position"] = start * 60.0 / song.tempo
        lyrics = reading.sections(song, start, start + beats)
        if lyrics:
            keys.setdefault("lyrics", lyrics)
    slot = reading.highlighted(song) if session else None
    scenes = list(song.scenes)
    note.update(
        track=looking.note_of_track(song, track),
        scene=scenes.index(song.view.selected_scene) if session else -1,
        into_slot=slot is not None and not slot.has_clip,
        at=start,
        tempo=song.tempo,
    )
    return Asked("generate", keys, note)


# From what is there


def _of_material(song: Song, action: str, prompt: Prompt, material: Material) -> Asked:
    like = material.like
    if not material.parts:
        raise Refused("What is selected of %s is silence: its file does not reach there." % like.name)
    if len(material.parts) > 1 and action != "repaint":
        raise Refused("The selection runs over the end of the loop of %s: make it shorter." % like.name)
    keys = _keys(song, action, prompt)
    note = _note(action, prompt, keys)
    window = _window(material, action, note["place"] == "lane")
    content = material.passes
    mute = False
    if action == "continue":
        mute, content = _continuation(song, prompt, material, window, keys)
    elif action == "repaint":
        _selection(keys, material, window, as_ranges=True)
        keys["whole"], mute = True, True
    elif action == "understand":
        window = material.parts[0]
    else:
        _selection(keys, material, window, as_ranges=False)
        mute = action in ("cover", "extract") and material.covers
    _source(keys, like.path, window, like.frames, like.rate)
    if action != "understand":
        _beats(song, keys, material, window)
    note.update(
        track=material.track,
        clip=material.clip,
        scene=material.scene,
        like=like._asdict(),
        window=window,
        shown=material.shown,
        passes=[list(one) for one in content],
        mute=mute,
        partial=action in ("cover", "extract") and not material.covers,
    )
    return Asked(action, keys, note)


def _window(material: Material, action: str, lane: bool) -> Tuple[int, int]:
    """The part of the file that the daemon is told of. A take on a lane has to be as long as the clip."""
    like = material.like
    longest = int(LONGEST_FILE * like.rate)
    if action == "continue" or lane:
        first, last = material.shown
    elif like.frames <= longest:
        return 0, like.frames
    elif action == "repaint":
        first, last = material.shown
    else:
        first, last = material.parts[0]
    spare = longest - (last - first)
    if spare < 0:
        raise Refused(
            "%s is longer than %d minutes: split it around the selection first (Ctrl+E, Cmd+E)."
            % (like.name, LONGEST_FILE / 60)
        )
    if action == "continue" or lane:
        return first, last
    around = min(int(AROUND * like.rate), spare // 2)
    return max(first - around, 0), min(last + around, like.frames)


def _source(keys: Dict[str, Value], path: str, window: Tuple[int, int], frames: int, rate: float) -> None:
    keys["source"] = path
    if window != (0, frames):
        keys["source_start"], keys["source_length"] = window[0] / rate, (window[1] - window[0]) / rate


def _selection(keys: Dict[str, Value], material: Material, window: Tuple[int, int], as_ranges: bool) -> None:
    rate = material.like.rate
    spans = [((first - window[0]) / rate, (last - window[0]) / rate) for first, last in material.parts]
    if len(spans) > 1 and as_ranges:
        keys["ranges"] = ",".join("%.9f-%.9f" % span for span in spans)
    elif as_ranges or material.parts[0] != window:
        keys["start"], keys["end"] = spans[0]


def _continuation(
    song: Song, prompt: Prompt, material: Material, window: Tuple[int, int], keys: Dict[str, Value]
) -> Tuple[bool, List[Pass]]:
    """Sets start and end; whether the result takes the place of the clip, and what of it is heard where."""
    like, heard = material.like, material.passes
    before = str(prompt.keys.get("side", "after")) == "before"
    beats = float(prompt.keys.get("bars", BARS)) * reading.bar(song)
    if (
        not before
        and material.brace_end is not None
        and "bars" not in prompt.keys
        and material.brace_end > material.end
    ):
        beats = material.brace_end - material.end
    # in beats of its map, or in seconds at the Set's tempo
    extra = beats if like.warping else beats * 60.0 / song.tempo
    first, last = heard[0], heard[-1]
    edge = first.start if before else last.end
    reach = edge - extra if before else edge + extra
    if before and material.scene < 0 and first.at < beats:
        raise Refused("There is no room for %g beats before %s." % (beats, like.name))
    frames = abs(_frame(like, window, reach) - _frame(like, window, edge))
    length = (window[1] - window[0]) / like.rate
    keys["start"], keys["end"] = (-frames / like.rate, length) if before else (0.0, length + frames / like.rate)
    keys["whole"] = True
    if before:
        alone, whole = Pass(first.at - beats, reach, edge), first._replace(at=first.at - beats, start=reach)
    else:
        alone, whole = Pass(last.at + last.end - last.start, edge, reach), last._replace(end=reach)
        if not like.warping:
            alone = alone._replace(at=material.end)
    # a loop goes round as it did: only what is new is put beside it
    return (True, [whole]) if len(heard) == 1 else (False, [alone])


def _frame(like: Likeness, window: Tuple[int, int], content: float) -> int:
    """The frame of a place in the content, which may lie outside of the window: there the map goes on as it ends."""
    if not like.warping:
        return round(content * like.rate)
    markers = warp.part(like.markers, window[0] / like.rate, window[1] / like.rate)
    return window[0] + round(warp.seconds_at(markers, content) * like.rate)


def _beats(song: Song, keys: Dict[str, Value], material: Material, window: Tuple[int, int]) -> None:
    """The tempo of the file, not of the Set: the daemon hears the file as it is, and Live warps what comes back."""
    like = material.like
    first = material.passes[0]
    if not like.warping:
        tempo = reading.tempo(song)
        if tempo is None:
            return
        keys["bpm"] = tempo
        position = first.at * 60.0 / tempo + window[0] / like.rate - first.start
    else:
        markers = warp.part(like.markers, window[0] / like.rate, window[1] / like.rate)
        tempi = [
            (start, (high - low) * 60.0 / (end - start)) for (start, low), (end, high) in zip(markers, markers[1:])
        ]
        (_, low), (seconds, high) = markers[0], markers[-1]
        mean = (high - low) * 60.0 / seconds
        if not _is_tempo(mean):
            return
        keys["bpm"] = mean
        is_steady = all(abs(bpm - tempi[0][1]) < 0.01 for _, bpm in tempi)
        is_sendable = len(tempi) <= MOST_TEMPI and all(_is_tempo(bpm) for _, bpm in tempi)
        if not is_steady and is_sendable and reading.meter(song) is not None:
            meter = "%d,%d" % (song.signature_numerator, song.signature_denominator)
            keys["tempo_map"] = "[%s]" % ",".join("[%.6f,%.6f,%s]" % (start, bpm, meter) for start, bpm in tempi)
        position = (first.at + low - first.start) * 60.0 / mean
    _meter(song, keys)
    if position >= 0:
        keys["position"] = position


def _is_tempo(bpm: float) -> bool:
    return reading.SLOWEST <= bpm <= reading.FASTEST


def _meter(song: Song, keys: Dict[str, Value]) -> None:
    meter = reading.meter(song)
    if meter is not None:
        keys["meter"] = meter
