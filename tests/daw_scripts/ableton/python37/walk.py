"""Every action from Session and Arrangement by CPython 3.7, against a daemon that runs: `test_live_python37.py` starts this.

PUNCHIN_PACKAGE is the installed script, PUNCHIN_MUSIC a recording, PUNCHIN_SIMULATORS the folder of the simulated Live.
"""

import os
import sys

import pytest

sys.path.insert(0, os.environ["PUNCHIN_SIMULATORS"])

from live import Live, sound

MUSIC = os.environ["PUNCHIN_MUSIC"]
PADS = {"repaint": 36, "generate": 37, "continue": 38, "cover": 39, "extract": 40, "lego": 41, "complete": 42}
PROMPT = "ace: bossa nova seed=8 bars=1 tracks=drums,bass track=bass engine=draft"
NEW_TRACKS = {"extract": 2, "lego": 1, "complete": 2}
MAP = [(0.0, -1.0), (2.0, 3.4), (6.0, 11.9)]


@pytest.fixture
def live(request):
    running = Live(version="11.3.25" if "session" in request.node.name else "12.0.5")
    running.script = running.start(os.environ["PUNCHIN_PACKAGE"])
    yield running
    running.quit()
    assert running.faults == []


def ask(live, action):
    steps = len(live.history.undone)
    live.midi_in(0x9F, PADS[action], 100)
    live.until(lambda: any("Done." in line or "still plays" in line for line in live.messages))
    assert len(live.history.undone) == steps + 1


def same_outside(new, low, high):
    """Whether a file is the recording, sample for sample, outside of the frames `low` to `high`, and not inside."""
    (old, _), (got, _) = sound.samples(MUSIC), sound.samples(new)
    assert len(old) == len(got)
    for one, other in zip(old, got):
        assert len(one) == len(other)
        assert one[:low] == other[:low]
        assert one[high:] == other[high:]
        assert one[low:high] != other[low:high]


@pytest.mark.parametrize("action", sorted(PADS))
def test_from_the_session(live, action):
    live.user.look_at("Session")
    track = live.song.tracks[0]
    clip = live.user.drop(MUSIC, track.clip_slots[0], name=PROMPT, warping_on=True, markers=MAP, content=(4.0, 8.0))
    live.user.select(clip)
    if action == "generate":
        live.user.set(track, name=PROMPT)
        live.user.select(track.clip_slots[1])
    ask(live, action)
    new = [slot.clip for slot in track.clip_slots if slot.has_clip][1:]
    new += [other.clip_slots[0].clip for other in list(live.song.tracks)[1:]]
    assert len(new) == NEW_TRACKS.get(action, 1)
    assert len(live.song.tracks) == 1 + NEW_TRACKS.get(action, 0)
    if action == "repaint":
        same_outside(new[0].file_path, *(round(clip.beat_to_sample_time(beat)) for beat in (4.0, 8.0)))
    if action != "generate":
        first = new[0].beat_to_sample_time(5.0) - new[0].beat_to_sample_time(4.5)
        assert first == pytest.approx(clip.beat_to_sample_time(5.0) - clip.beat_to_sample_time(4.5), abs=1e-3)


@pytest.mark.parametrize(("action", "warped"), [(action, True) for action in sorted(PADS)] + [("repaint", False)])
def test_from_the_arrangement(live, action, warped):
    track = live.song.tracks[0]
    content = (0.0, 16.0) if warped else (0.5, 8.5)
    clip = live.user.insert(MUSIC, track, 8.0, name=PROMPT, warping_on=warped, markers=MAP, content=content)
    live.user.select(clip)
    live.user.loop_brace(12.0, 4.0)
    ask(live, action)
    new = [other.arrangement_clips[0] for other in list(live.song.tracks)[1:]]
    assert len(new) == NEW_TRACKS.get(action, 1)
    starts = {"repaint": 8.0, "continue": 8.0}
    assert new[0].start_time == pytest.approx(starts.get(action, 12.0), abs=1e-3)
    assert new[0].end_time == pytest.approx({"repaint": 24.0, "continue": 28.0}.get(action, 16.0), abs=1e-3)
    if action == "repaint":
        frames = [clip.beat_to_sample_time(beat) for beat in (4.0, 8.0)] if warped else [2.5 * 44100, 4.5 * 44100]
        same_outside(new[0].file_path, *(round(frame) for frame in frames))


@pytest.mark.parametrize("view", ["session", "arrangement"])
def test_notes_beside(live, view):
    track = live.song.tracks[0]
    prompt = "ace: track=bass midi=1 seed=1 engine=draft"
    settings = {"name": prompt, "warping_on": True, "markers": MAP, "content": (4.0, 8.0)}
    if view == "session":
        live.user.look_at("Session")
        live.user.select(live.user.drop(MUSIC, track.clip_slots[0], **settings))
    else:
        live.user.select(live.user.insert(MUSIC, track, 8.0, **settings))
    ask(live, "lego")
    audio, midi = [
        other.clip_slots[0].clip if view == "session" else other.arrangement_clips[0]
        for other in list(live.song.tracks)[1:]
    ]
    notes = list(midi.get_all_notes_extended())
    assert len(notes) > 3
    assert (midi.start_time, midi.loop_start) == (audio.start_time, audio.loop_start)
    assert midi.loop_end == pytest.approx(audio.loop_end, abs=1e-6)
    # the pieces of this map lie beats apart from each other, and none of its notes lies outside of the clip
    assert all(audio.loop_start - 1e-3 <= note.start_time < audio.loop_end for note in notes)
    assert all(1e-3 < note.duration < 4.0 for note in notes)
