"""Notes beside clips end to end: a real daemon, the draft engine; each MIDI clip lies and sounds like its audio clip."""

from pathlib import Path

import mido
import pytest
from booth import samples
from test_live_actions import alone, arrangement, ask, names, only, session


def written(path):
    """(start, end, pitch, velocity, channel) in seconds of each note of a MIDI file, by another reader than the script's."""
    now, sounding, notes = 0.0, {}, []
    for message in mido.MidiFile(path):
        now += message.time
        if message.type in {"note_on", "note_off"}:
            key = message.channel, message.note
            if message.type == "note_on" and message.velocity:
                sounding[key] = now, message.velocity
            else:
                start, velocity = sounding.pop(key)
                notes.append((start, now, message.note, velocity, message.channel))
    assert not sounding
    return sorted(notes)


def midi_of(audio):
    return str(Path(audio.file_path).with_suffix(".mid"))


def held(clip):
    return [(note.start_time, note.duration, note.pitch, note.velocity) for note in clip.get_all_notes_extended()]


def sounds_with(midi, audio, moved=0.0, raised=0):
    """Whether each note lies where its second of the audio clip's file is heard, `moved` beats later, and none is left out."""
    rate = samples(audio.file_path)[1]
    tempo = audio._sim.tempo()

    def beat(seconds):
        if not audio.warping:
            return seconds * tempo / 60 + moved
        return audio.sample_to_beat_time(seconds * rate) + moved

    unit = 1.0 if audio.warping else tempo / 60
    assert [midi.loop_start, midi.loop_end] == [
        pytest.approx(end * unit + moved, abs=1e-6) for end in (audio.loop_start, audio.loop_end)
    ]
    assert (midi.looping, midi.muted, midi.color) == (audio.looping, audio.muted, audio.color)
    expected = sorted(
        (beat(start), beat(end) - beat(start), pitch + (0 if channel == 9 else raised), float(velocity))
        for start, end, pitch, velocity, channel in written(midi_of(audio))
    )
    assert len(expected) > 3
    got = sorted(held(midi))
    assert len(got) == len(expected)
    for one, other in zip(got, expected, strict=True):
        # a frame of 44.1 kHz is 4e-5 of a beat
        assert one == pytest.approx(other, abs=1e-5)


@pytest.mark.parametrize(
    ("action", "prompt", "stems", "silent"),
    [
        ("lego", "ace: track=bass midi=1 engine=draft seed=1", ["bass"], []),
        ("complete", "ace: tracks=drums,bass midi=1 engine=draft seed=1", ["drums", "bass"], []),
        ("extract", "ace: tracks=drums,residual midi=1 engine=draft", ["drums"], ["residual"]),
    ],
)
@pytest.mark.parametrize("warped", [False, True])
def test_notes_lie_under_their_stem_in_the_arrangement(booth, music, action, prompt, stems, silent, warped):
    groove = booth.user.groove("Swing 16ths 66")
    clip = arrangement(booth, music, warped=warped, prompt=prompt, groove=groove, brace=(12.0, 6.0))
    booth.user.set(booth.song, tempo=97.0)
    booth.user.audio_track("Vocals")
    booth.user.select(clip)
    told = f"{prompt} still plays as well: it is longer than the selection." if action == "extract" else "Done."
    ask(booth, action, told)
    tracks = [track for stem in stems for track in (f"Gitarre {stem}", f"Gitarre {stem} MIDI")]
    tracks += [f"Gitarre {stem}" for stem in silent]
    assert names(booth)[0] == "Gitarre"
    assert names(booth)[-1] == "Vocals"
    assert sorted(names(booth)[1:-1]) == sorted(tracks)
    for stem in stems:
        place = names(booth).index(f"Gitarre {stem}")
        audio, midi = (only(booth.song.tracks[place + number]) for number in (0, 1))
        assert names(booth)[place + 1] == f"Gitarre {stem} MIDI"
        assert (midi.is_midi_clip, midi.name, midi.groove) == (True, stem, groove)
        assert (midi.start_time, midi.end_time) == (audio.start_time, pytest.approx(audio.end_time, abs=1e-6))
        assert midi.start_time == pytest.approx(12.0, abs=1e-4)
        sounds_with(midi, audio)
        made = booth.song.tracks[place + 1]
        assert (made.arm, [slot.has_clip for slot in made.clip_slots]) == (False, [False] * 4)
    assert booth.song.view.selected_track == booth.track
    booth.user.undo()
    assert names(booth) == ["Gitarre", "Vocals"]


def test_a_second_part_lies_on_the_same_track_and_one_over_it_on_another(booth, music):
    clip = arrangement(booth, music, warped=False, prompt="ace: track=bass midi=1 engine=draft seed=1")
    ask(booth, "lego")
    booth.user.loop_brace(16.0, 4.0)
    ask(booth, "lego")
    assert names(booth) == ["Gitarre", "Gitarre bass", "Gitarre bass MIDI"]
    assert [midi.start_time for midi in booth.song.tracks[2].arrangement_clips] == [12.0, 16.0]
    first = held(booth.song.tracks[2].arrangement_clips[0])
    booth.user.select(clip)
    ask(booth, "lego")
    assert names(booth) == ["Gitarre"] + ["Gitarre bass", "Gitarre bass MIDI"] * 2
    for number in (0, 1):
        sounds_with(booth.song.tracks[2].arrangement_clips[number], booth.song.tracks[1].arrangement_clips[number])
    sounds_with(only(booth.song.tracks[4]), only(booth.song.tracks[3]))
    assert held(booth.song.tracks[2].arrangement_clips[0]) == first


def test_each_round_of_a_loop_has_its_notes(booth, music):
    arrangement(
        booth, music, warped=True, content=(2.0, 14.0), loop=(4.0, 8.0), looping=True, extent=13.0, brace=(0.0, 2.0),
        prompt="ace: track=bass midi=1 engine=draft seed=1", pitch_coarse=-3,
    )  # fmt: skip
    ask(booth, "lego")
    audio, midi = (list(booth.song.tracks[number].arrangement_clips) for number in (1, 2))
    assert [one.start_time for one in midi] == [8.0, 14.0, 18.0] == [one.start_time for one in audio]
    for one, other in zip(midi, audio, strict=True):
        sounds_with(one, other, raised=-3)


@pytest.mark.parametrize(
    ("action", "prompt", "stems", "silent"),
    [
        ("lego", "ace: track=bass midi=1 engine=draft seed=1", ["bass"], []),
        ("complete", "ace: tracks=drums,bass midi=1 engine=draft seed=1", ["drums", "bass"], []),
        ("extract", "ace: tracks=drums,residual midi=1 engine=draft", ["drums"], ["residual"]),
    ],
)
@pytest.mark.parametrize("warped", [False, True])
def test_notes_lie_in_the_scene_of_their_stem(booth, music, action, prompt, stems, silent, warped):
    plain = {"warping_on": False, "content": (1.0, 6.0), "loop": (1.0, 6.0), "looping": False}
    clip = session(booth, music, prompt=prompt, **({} if warped else plain))
    booth.user.set(booth.song, tempo=97.0)
    ask(booth, action)
    assert len(names(booth)) == 1 + 2 * len(stems) + len(silent)
    for stem in stems:
        place = names(booth).index(f"Gitarre {stem}")
        (index, audio), (other, midi) = (alone(booth.song.tracks[place + number]) for number in (0, 1))
        assert (names(booth)[place + 1], index, other) == (f"Gitarre {stem} MIDI", 1, 1)
        assert (midi.name, midi.looping) == (stem, warped)
        sounds_with(midi, audio)
    assert clip.muted == (action == "extract")
    booth.user.undo()
    assert names(booth) == ["Gitarre"]


def test_what_begins_before_the_first_beat_lies_whole_bars_later(booth, music):
    session(
        booth, music, prompt="ace: track=bass midi=1 engine=draft seed=1", markers=[(0.0, -2.5), (8.0, 14.5)],
        content=(-2.0, 12.0), loop=(-2.0, 6.0),
    )  # fmt: skip
    ask(booth, "lego")
    audio, midi = (booth.song.tracks[number].clip_slots[1].clip for number in (1, 2))
    assert (audio.loop_start, midi.loop_start, midi.loop_end) == (-2.0, 2.0, 10.0)
    sounds_with(midi, audio, moved=4.0)


@pytest.mark.parametrize("view", ["Session", "Arranger"])
def test_new_music_has_a_track_for_the_notes_of_each_of_its_parts(booth, view):
    booth.user.look_at(view)
    booth.user.set(booth.song, tempo=96.0)
    booth.user.set(booth.track, name="ace: mellow house bars=2 midi=1 engine=draft seed=3")
    booth.user.loop_brace(4.0, 8.0)
    booth.user.select(booth.track.clip_slots[2])
    ask(booth, "generate")
    parts = [track.name for track in mido.MidiFile(midi_of(_first(booth.track))).tracks if _has_notes(track)]
    assert len(parts) > 2
    assert names(booth)[1:] == [f"{booth.track.name} punchin {part} MIDI" for part in parts]
    audio = _first(booth.track)
    clips = [_first(track) for track in list(booth.song.tracks)[1:]]
    notes = sorted(note for clip in clips for note in held(clip))
    assert len(notes) == len(written(midi_of(audio)))
    for (start, _, pitch, _), (seconds, _, expected, _, _) in zip(notes, sorted(written(midi_of(audio))), strict=True):
        assert (start, pitch) == (pytest.approx(seconds * 96 / 60, abs=1e-5), expected)
    for clip in clips:
        assert (clip.looping, clip.loop_start, clip.loop_end) == (view == "Session", 0.0, pytest.approx(8.0))
        assert clip.start_time == audio.start_time == (4.0 if view == "Arranger" else 0.0)


def _has_notes(track):
    return any(message.type == "note_on" for message in track)


def _first(track):
    slots = [slot.clip for slot in track.clip_slots if slot.has_clip]
    (clip,) = slots or list(track.arrangement_clips)
    return clip


def test_covers_lie_one_under_the_other_and_so_do_their_notes(booth, music):
    prompt = "ace: bossa nova takes=2 midi=1 engine=draft seed=1"
    clip = session(booth, music, prompt=prompt)
    ask(booth, "cover")
    ask(booth, "cover")
    taken = [index for index, slot in enumerate(booth.track.clip_slots) if slot.has_clip]
    assert taken == [1, 2, 3, 4, 5]
    assert len(set(names(booth))) == len(names(booth))
    for track in list(booth.song.tracks)[1:]:
        assert [index for index, slot in enumerate(track.clip_slots) if slot.has_clip] == [2, 3, 4, 5]
    assert clip.muted


def test_an_older_cover_is_switched_off_with_its_notes(booth, music):
    arrangement(booth, music, warped=True, brace=(0.0, 64.0), prompt="ace: bossa nova midi=1 engine=draft seed=1")
    ask(booth, "cover")
    older = [only(track) for track in list(booth.song.tracks)[1:]]
    assert not any(clip.muted for clip in older)
    ask(booth, "cover")
    assert all(clip.muted for clip in older)
    newer = [only(track) for track in booth.song.tracks if only(track) not in older]
    assert [clip.muted for clip in newer] == [True] + [False] * len(older)


def test_a_cover_on_a_lane_has_its_notes_switched_off(booth, music):
    clip = arrangement(
        booth, music, warped=False, brace=(0.0, 64.0), prompt="ace: bossa nova place=lane midi=1 engine=draft seed=1"
    )
    ask(booth, "cover")
    (lane,) = booth.track.take_lanes
    clips = [only(track) for track in list(booth.song.tracks)[1:]]
    assert len(clips) > 1
    for midi in clips:
        assert (midi.muted, midi.start_time, midi.end_time) == (True, 8.0, pytest.approx(only(lane).end_time))
    assert not clip.muted


def test_a_repaint_of_a_clip_that_asks_for_notes_is_a_repaint(booth, music):
    arrangement(booth, music, warped=True, prompt="ace: brushes midi=1 seed=8 engine=draft")
    ask(booth, "repaint")
    assert names(booth) == ["Gitarre", "Gitarre punchin"]


def test_a_stem_without_notes_is_told(booth, music):
    session(booth, music, prompt="ace: tracks=residual midi=1 engine=draft")
    ask(booth, "extract", "Done, without MIDI: no notes were found in it.")
    assert names(booth) == ["Gitarre", "Gitarre residual"]


@pytest.mark.parametrize("version", ["11.3.25", "12.0.5"])
def test_every_version_that_can_insert_has_notes_in_the_arrangement(booths, music, version):
    booth = booths(version=version)
    arrangement(booth, music, warped=True, prompt="ace: track=bass midi=1 engine=draft seed=1")
    ask(booth, "lego")
    sounds_with(only(booth.song.tracks[2]), only(booth.song.tracks[1]))


def test_where_there_is_room_for_the_stems_alone_they_are_there(booths, music):
    booth = booths(edition="Lite")
    for number in range(4):
        booth.user.audio_track(f"T{number}")
    clip = session(booth, music, prompt="ace: tracks=drums,residual midi=1 engine=draft")
    booth.user.midi_track("T5")
    booth.user.select(clip)
    before = len(booth.live.history.undone)
    booth.press("extract")
    sentence = booth.live.until(lambda: next((line for line in booth.said if line.startswith("Not all")), None))
    assert "this edition of Live allows no more tracks or scenes. The clips are in " in sentence
    assert names(booth)[:4] == ["Gitarre", "Gitarre drums", "Gitarre residual", "T0"]
    assert (clip.muted, len(booth.live.history.undone)) == (True, before + 1)


def test_a_file_of_notes_that_is_broken_costs_no_stem(booth, music, monkeypatch):
    clip = session(booth, music, prompt="ace: tracks=drums,bass midi=1 engine=draft seed=1")
    result = booth.script._work.result

    def cut(job_id, clips, cookie):
        path = Path(clips[0]["midi"])
        path.write_bytes(path.read_bytes()[:100])
        result(job_id, clips, cookie)

    monkeypatch.setattr(booth.script._work, "result", cut)
    booth.press("complete")
    sentence = booth.live.until(lambda: next((line for line in booth.said if line.startswith("Not all")), None))
    assert ".mid: the MIDI file is cut off. The clips are in " in sentence
    assert sorted(names(booth)[1:]) == ["Gitarre bass", "Gitarre drums"]
    assert not clip.muted


def test_notes_are_put_over_nothing_that_the_user_puts_there_meanwhile(booth, music):
    arrangement(booth, music, warped=True, prompt="ace: track=bass midi=1 engine=draft seed=1")
    booth.press("lego")
    booth.live.until(lambda: len(names(booth)) == 3 and any(slot.has_clip for slot in booth.song.tracks[2].clip_slots))
    theirs = booth.user.midi_clip(booth.song.tracks[2], 8.0, 10.0)
    booth.live.until(lambda: "Done." in booth.said)
    assert names(booth) == ["Gitarre", "Gitarre bass", "Gitarre bass MIDI", "Gitarre bass MIDI"]
    assert (only(booth.song.tracks[2]), theirs.start_time, theirs.end_time) == (theirs, 10.0, 18.0)
    sounds_with(only(booth.song.tracks[3]), only(booth.song.tracks[1]))
    assert not any(slot.has_clip for track in booth.song.tracks for slot in track.clip_slots)


def test_a_stem_that_is_deleted_meanwhile_needs_no_notes(booth, music):
    session(booth, music, prompt="ace: tracks=drums,bass midi=1 engine=draft seed=1")
    booth.press("complete")
    booth.live.until(lambda: len(booth.live.inserted) == 2)
    booth.user.delete(booth.song.tracks[1])
    booth.live.until(lambda: "Done." in booth.said)
    assert names(booth)[1].removesuffix(" MIDI") == names(booth)[1]
    assert names(booth)[2:] == [f"{names(booth)[1]} MIDI"]
