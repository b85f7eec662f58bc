"""How the simulated Live's objects behave: types, ticks, notifications, undo, and the end of what was deleted."""

import pytest

from live import Live, sound
from live.lom import ArgumentError

pytestmark = pytest.mark.ableton


@pytest.fixture
def live():
    made = Live()
    yield made
    made.quit()


@pytest.fixture
def tone(tmp_path):
    path = str(tmp_path / "tone.wav")
    sound.write(path, [[number / 96000 for number in range(96000)]], 48000)
    return path


def refused(live):
    return [fault for fault in live.faults if fault.startswith("a change within a notification")]


def test_what_is_written_to_the_song_is_there_at_the_next_tick(live):
    told = []
    live.song.add_tempo_listener(lambda: told.append(live.song.tempo))
    live.song.tempo = 97.5
    live.song.start_playing()
    assert (live.song.tempo, live.song.is_playing, told) == (120.0, False, [])
    live.turn()
    assert (live.song.tempo, live.song.is_playing, told) == (97.5, True, [97.5])


def test_other_values_are_there_at_once(live):
    track = live.song.tracks[0]
    told = []
    track.add_name_listener(lambda: told.append(track.name))
    track.name = "Bass"
    assert (track.name, told) == ("Bass", ["Bass"])
    track.name = "Bass"
    assert told == ["Bass"]


def test_nothing_may_change_within_a_notification(live):
    track = live.song.tracks[0]
    caught = []

    def change():
        try:
            live.song.create_scene(-1)
        except RuntimeError as error:
            caught.append(str(error))

    track.add_name_listener(change)
    track.name = "Bass"
    assert caught == ["Changes cannot be triggered by notifications. You will need to defer your response."]
    assert len(live.song.scenes) == 4
    assert len(refused(live)) == 1


def test_nothing_may_change_during_undo(live):
    track = live.song.tracks[0]
    track.name = "Bass"
    track.add_name_listener(lambda: setattr(live.song.tracks[0], "mute", True))
    live.user.undo()
    assert not track.mute
    assert "undo" in refused(live)[0]


def test_listeners_are_connected_once_and_removed_once(live):
    track = live.song.tracks[0]
    called = []
    callback = called.append
    track.add_mute_listener(callback)
    with pytest.raises(RuntimeError):
        track.add_mute_listener(callback)
    assert track.mute_has_listener(callback)
    track.remove_mute_listener(callback)
    with pytest.raises(RuntimeError):
        track.remove_mute_listener(callback)


def test_arguments_are_taken_by_place_and_by_type(live, tone):
    track = live.song.tracks[0]
    track.create_audio_clip(tone, 4)
    for arguments, named in ((tone,), {"position": 4.0}), ((tone, "4"), {}), ((tone, 4.0, 1.0), {}), ((None, 4.0), {}):
        with pytest.raises(ArgumentError):
            track.create_audio_clip(*arguments, **named)
    clip = track.arrangement_clips[0]
    for name, value in ("name", 7), ("gain", "0.4"), ("color", 1.5), ("warping", "yes"):
        with pytest.raises(ArgumentError):
            setattr(clip, name, value)


def test_a_name_that_live_does_not_know_is_refused(live, tone):
    clip = live.song.tracks[0].clip_slots[0].create_audio_clip(tone)
    for name in "file_path", "start_time", "sample_offset", "wrap_mode":
        with pytest.raises(AttributeError):
            setattr(clip, name, 1.0)
    with pytest.raises(RuntimeError):
        type(clip)()


@pytest.mark.parametrize(("name", "value"), [("gain", 1.01), ("pitch_coarse", 49), ("color", -1), ("warp_mode", 5)])
def test_values_out_of_range_raise(live, tone, name, value):
    clip = live.song.tracks[0].clip_slots[0].create_audio_clip(tone)
    with pytest.raises(RuntimeError):
        setattr(clip, name, value)


def test_a_change_is_a_step_of_its_own_unless_a_step_is_held_open(live, tone):
    for _ in range(2):
        live.song.create_audio_track(-1)
    assert len(live.history.undone) == 2
    live.song.begin_undo_step()
    track = live.song.create_audio_track(-1)
    live.turn()
    track.name = "Stem"
    track.create_audio_clip(tone, 8.0)
    live.song.end_undo_step()
    clip = track.arrangement_clips[0]
    live.user.undo()
    assert len(live.song.tracks) == 3
    assert track == None and clip == None  # noqa: E711, PT018 as scripts ask it
    live.user.redo()
    assert (live.song.tracks[3].name, clip.start_time) == ("Stem", 8.0)
    live.user.undo()
    live.user.undo()
    assert len(live.song.tracks) == 2
    assert live.song.can_redo


def test_undo_tells_who_listens(live, tone):
    track = live.song.tracks[0]
    track.create_audio_clip(tone, 0.0)
    track.clip_slots[0].create_audio_clip(tone).warping = False
    told = []
    for thing, name in (
        (track, "arrangement_clips"),
        (track.clip_slots[0], "has_clip"),
        (track.clip_slots[0].clip, "warping"),
    ):
        getattr(thing, "add_" + name + "_listener")(lambda name=name: told.append(name))
    for _ in range(3):
        live.user.undo()
    assert told == ["warping", "has_clip", "arrangement_clips"]


def test_what_a_script_brings_in_is_counted_by_turns(live, tone):
    track = live.song.tracks[0]
    live.user.insert(tone, track, 0)
    track.create_audio_clip(tone, 8.0)
    live.turn()
    track.clip_slots[0].create_audio_clip(tone)
    track.create_take_lane().create_audio_clip(tone, 0.0)
    assert live.inserted == [0, 10, 10]


def test_an_edit_of_the_users_splits_an_open_step(live):
    track = live.song.tracks[0]
    live.song.begin_undo_step()
    track.name = "One"
    live.user.set(track, color=0xFF0000)
    track.name = "Two"
    live.song.end_undo_step()
    seen = []
    for _ in range(3):
        live.user.undo()
        seen.append((track.name, track.color == 0xFF0000))
    assert seen == [("One", True), ("One", False), ("1-Audio", False)]


def test_selecting_and_playing_are_no_steps(live):
    live.song.view.selected_scene = live.song.scenes[2]
    live.song.start_playing()
    live.song.tracks[0].set_data("punchin", "warm strings")
    live.turn()
    assert not live.song.can_undo


def test_what_is_deleted_equals_none_and_cannot_be_read(live, tone):
    track = live.song.create_audio_track(-1)
    slot = track.clip_slots[1]
    clip = slot.create_audio_clip(tone)
    live.song.view.detail_clip = clip
    live.user.delete(track)
    for thing in track, slot, clip:
        assert thing == None  # noqa: E711
        assert (thing != None) is False  # noqa: E711
    for read in (lambda: track.name, lambda: clip._live_ptr, lambda: slot.clip, clip.fire):
        with pytest.raises(ArgumentError):
            read()
    with pytest.raises(ArgumentError):
        live.song.view.selected_track = track
    assert live.song.view.detail_clip is None
    assert live.song.view.selected_track is live.song.tracks[0]


def test_the_highlighted_slot_is_where_track_and_scene_meet(live):
    track = live.user.audio_track("Voice")
    live.user.select(track.clip_slots[2])
    assert live.song.view.highlighted_clip_slot is track.clip_slots[2]
    live.song.view.selected_track = live.song.master_track
    assert live.song.view.highlighted_clip_slot is None


@pytest.mark.parametrize(("edition", "most"), [("Lite", 8), ("Intro", 16)])
def test_small_editions_have_few_tracks(edition, most):
    live = Live(edition=edition)
    for _ in range(most - 1):
        live.song.create_audio_track(-1)
    with pytest.raises(live.classes["Base.LimitationError"]):
        live.song.create_audio_track(-1)
    assert len(live.song.tracks) == most


def test_tracks_come_after_the_selected_one_and_into_its_group(live):
    first, second, third = live.song.tracks[0], live.user.audio_track("B"), live.user.audio_track("C")
    group = live.user.group("Drums", [first, second])
    live.song.view.selected_track = first
    track = live.song.create_audio_track()
    assert list(live.song.tracks) == [group, first, track, second, third]
    assert track.group_track is group
    assert live.song.create_audio_track(5).group_track is None
    with pytest.raises(live.classes["Base.LimitationError"]):
        live.song.create_audio_track(7)


def test_an_unknown_scale_becomes_major(live):
    live.song.scale_name = "Minor"
    live.turn()
    assert list(live.song.scale_intervals) == [0, 2, 3, 5, 7, 8, 10]
    live.song.scale_name = "Blue"
    live.turn()
    assert live.song.scale_name == "Major"


def test_cue_points_can_be_named_since_12_1(live):
    cue = live.user.cue(16, "ace: strings")
    cue.name = "ace: brass"
    assert [(point.name, point.time) for point in live.song.cue_points] == [("ace: brass", 16.0)]
    old = Live("12.0.5")
    with pytest.raises(AttributeError):
        old.user.cue(16, "A").name = "B"
