"""Audio clips of the simulated Live: made from real files, warped, looped, laid over each other, and heard."""

import array
import struct

import pytest

from live import Live, rendering, sound
from live.lom import ArgumentError

pytestmark = pytest.mark.ableton

RATE = 8000
FRAMES = 2 * RATE


@pytest.fixture
def live():
    made = Live(auto_warp=False)
    yield made
    assert made.faults == []


@pytest.fixture
def track(live):
    return live.song.tracks[0]


@pytest.fixture
def ramp(tmp_path):
    """Two seconds in which every frame has a value of its own."""
    path = str(tmp_path / "ramp.wav")
    sound.write(
        path, [[number / 131072 for number in range(FRAMES)], [-number / 131072 for number in range(FRAMES)]], RATE
    )
    return path


def wav(path, coding, bits, body):
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, coding, 1, RATE, RATE * bits // 8, bits // 8, bits)
    chunks = (
        b"WAVE" + struct.pack("<4sI3sx", b"note", 3, b"abc") + head + struct.pack("<4sI", b"data", len(body)) + body
    )
    path.write_bytes(struct.pack("<4sI", b"RIFF", len(chunks)) + chunks)
    return str(path)


def pairs(clip):
    return [(marker.sample_time, marker.beat_time) for marker in clip.warp_markers]


def test_wav_of_each_coding_is_read(tmp_path, track):
    bodies = {
        "16": (1, 16, struct.pack("<3h", 0, 16384, -32768)),
        "24": (1, 24, b"\0\0\0" + b"\0\0\x40" + b"\0\0\x80"),
        "float": (3, 32, struct.pack("<3f", 0, 0.5, -1)),
        "double": (3, 64, struct.pack("<3d", 0, 0.5, -1)),
    }
    for number, name in enumerate(sorted(bodies)):
        path = wav(tmp_path / (name + ".wav"), *bodies[name])
        assert sound.samples(path) == ([array.array("d", [0.0, 0.5, -1.0])], RATE)
        assert track.clip_slots[number].create_audio_clip(path).sample_length == 3


def test_what_is_no_audio_file_is_refused(tmp_path, track):
    text = tmp_path / "notes.wav"
    text.write_text("no sound")
    integers = wav(tmp_path / "integers.wav", 1, 32, b"\0" * 64)
    empty = wav(tmp_path / "empty.wav", 1, 16, b"")
    for path in str(text), integers, empty, str(tmp_path / "none.wav"), "ramp.wav":
        with pytest.raises(RuntimeError):
            track.clip_slots[0].create_audio_clip(path)
        with pytest.raises(RuntimeError):
            track.create_audio_clip(path, 0.0)
    assert not track.clip_slots[0].has_clip
    assert len(track.arrangement_clips) == 0


def test_slots_and_tracks_refuse_what_live_refuses(live, track, ramp):
    slot = track.clip_slots[0]
    slot.create_audio_clip(ramp)
    midi, frozen, recording = live.user.midi_track(), live.user.audio_track(), live.user.audio_track()
    live.user.freeze(frozen)
    live.user.set(recording, recording=True)
    refused = [lambda: slot.create_audio_clip(ramp)]
    refused += [
        lambda: midi.clip_slots[0].create_audio_clip(ramp),
        lambda: frozen.clip_slots[0].create_audio_clip(ramp),
    ]
    refused += [lambda there=there: there.create_audio_clip(ramp, 0.0) for there in (midi, frozen, recording)]
    refused += [lambda: track.create_audio_clip(ramp, -0.5), lambda: track.create_audio_clip(ramp, 1576801.0)]
    for attempt in refused:
        with pytest.raises(RuntimeError):
            attempt()


@pytest.mark.parametrize(("version", "given"), [("11.3.25", False), ("12.0.5", False), ("12.1", False), ("12.2", True)])
def test_an_arrangement_clip_is_given_back_since_12_2(ramp, version, given):
    track = Live(version).song.tracks[0]
    assert (track.create_audio_clip(ramp, 3.0) is not None) == given
    assert [clip.start_time for clip in track.arrangement_clips] == [3.0]
    assert track.clip_slots[0].create_audio_clip(ramp).file_path == ramp


def test_what_comes_in_is_warped_as_the_preference_says(ramp):
    for auto_warp, tempo, end in (True, None, 4.0), (True, 90.0, 3.0), (False, None, 2.0):
        track = Live(auto_warp=auto_warp, guessed_tempo=tempo).song.tracks[0]
        clip = track.create_audio_clip(ramp, 0.0)
        assert (clip.warping, clip.end_marker) == (auto_warp, end)
        assert clip.end_time == (end if auto_warp else 4.0)


def test_a_clip_that_is_not_warped_keeps_its_seconds(live, track, ramp):
    clip = track.create_audio_clip(ramp, 8.0)
    assert clip.seconds_to_sample_time(0.5) == RATE / 2
    live.user.set(live.song, tempo=60.0)
    assert (clip.start_time, clip.end_time, clip.end_marker) == (8.0, 10.0, 2.0)
    for call in clip.beat_to_sample_time, clip.sample_to_beat_time:
        with pytest.raises(RuntimeError):
            call(1.0)
    with pytest.raises(RuntimeError):
        clip.looping = True
    clip.warping = True
    assert (clip.end_time, clip.end_marker) == (12.0, 4.0)
    with pytest.raises(RuntimeError):
        clip.seconds_to_sample_time(0.5)


def test_markers_of_unwarped_clips_read_in_beats_in_some_live(ramp):
    live = Live(auto_warp=False, unwarped_markers="beats")
    clip = live.song.tracks[0].clip_slots[0].create_audio_clip(ramp)
    assert (clip.end_marker, clip.loop_end) == (4.0, 2.0)


def test_warp_markers_are_in_seconds_and_conversions_in_frames(live, track, ramp):
    clip = live.user.insert(ramp, track, 4, warping_on=True, markers=[(0.0, 0.0), (0.5, 1.0), (1.5, 2.0)])
    assert pairs(clip)[:3] == [(0.0, 0.0), (0.5, 1.0), (1.5, 2.0)]
    assert pairs(clip)[3] == (1.5 + 1 / 32, 2.0 + 1 / 32)
    beats = [-1.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    frames = [-4000.0, 2000.0, 4000.0, 8000.0, 12000.0, 16000.0]
    assert [clip.beat_to_sample_time(beat) for beat in beats] == frames
    assert [clip.sample_to_beat_time(frame) for frame in frames] == beats
    assert (clip.end_marker, clip.end_time) == (2.5, 6.5)


def test_a_warp_map_is_cloned_marker_by_marker_and_the_tempo_of_the_end_is_not(live, ramp):
    marker = live.modules["Live.Clip"].WarpMarker
    clip = live.song.tracks[0].clip_slots[0].create_audio_clip(ramp)
    clip.warping = True
    assert pairs(clip) == [(0.0, 0.0), (1 / 64, 1 / 32)]
    clip.add_warp_marker(marker(1.0, 1.0))
    clip.add_warp_marker(marker(0.5, 0.75))
    assert pairs(clip) == [(0.0, 0.0), (0.5, 0.75), (1.0, 1.0), (1.0 + 1 / 64, 1.0 + 1 / 32)]
    for seconds, beat in (1.5, 0.9), (0.25, 0.75), (0.5, 0.6):
        with pytest.raises(RuntimeError):
            clip.add_warp_marker(marker(seconds, beat))
    clip.move_warp_marker(0.75, -0.25)
    clip.remove_warp_marker(0.0)
    assert pairs(clip)[:2] == [(0.5, 0.5), (1.0, 1.0)]
    for attempt in (
        lambda: clip.move_warp_marker(0.5, 0.5), lambda: clip.move_warp_marker(0.75, 0.1),
        lambda: clip.remove_warp_marker(1.0 + 1 / 32),
    ):  # fmt: skip
        with pytest.raises(RuntimeError):
            attempt()
    clip.remove_warp_marker(0.5)
    with pytest.raises(RuntimeError):
        clip.remove_warp_marker(1.0)


def test_loop_and_markers_are_set_in_order_and_only_while_looping(live, track, ramp):
    clip = live.user.drop(ramp, track.clip_slots[0], warping_on=True)
    clip.start_marker = 1.0
    assert clip.start_marker == 0.0
    clip.loop_start = 1.0
    assert (clip.start_marker, clip.loop_start, clip.length) == (1.0, 1.0, 3.0)
    clip.looping = True
    assert (clip.loop_start, clip.loop_end) == (0.0, 4.0)
    with pytest.raises(RuntimeError):
        clip.loop_start = 5.0
    clip.loop_end = 3.0
    clip.start_marker = 2.0
    assert (clip.loop_end, clip.start_marker, clip.end_marker) == (3.0, 2.0, 4.0)


def test_the_end_in_the_arrangement_moves_in_some_live(ramp):
    for follows, end in (True, 5.0), (False, 8.0):
        clip = Live(auto_warp=True, extent_follows_markers=follows).song.tracks[0].create_audio_clip(ramp, 4.0)
        clip.loop_end = 1.0
        assert clip.end_time == end


def over(live, track, ramp, beats, start):
    """Clips after one of the ramp's four beats has been laid at `start` over others at `beats`: start, end and content."""
    for beat in beats:
        live.user.insert(ramp, track, beat, warping_on=True)
    track.create_audio_clip(ramp, start)
    return [
        (clip.start_time, clip.end_time, clip.start_marker, clip.end_marker)
        for clip in track.arrangement_clips
        if clip.warping
    ]


def test_a_clip_trims_what_it_lies_on(live, track, ramp):
    assert over(live, track, ramp, [2.0, 7.0], 4.0) == [(2.0, 4.0, 0.0, 2.0), (8.0, 11.0, 1.0, 4.0)]


def test_a_clip_ends_one_under_its_whole_length(live, track, ramp):
    before = live.user.insert(ramp, track, 4.0, warping_on=True)
    assert over(live, track, ramp, [], 4.0) == []
    assert before == None  # noqa: E711


def test_what_lies_after_a_clip_within_a_longer_one_is_lost(live, track, ramp):
    live.user.insert(ramp, track, 0.0, warping_on=True, looping=True, extent=16)
    track.create_audio_clip(ramp, 6.0)
    assert [(clip.start_time, clip.end_time) for clip in track.arrangement_clips] == [(0.0, 6.0), (6.0, 10.0)]


def test_trimming_a_clip_that_is_not_warped_moves_its_seconds(live, track, ramp):
    live.user.insert(ramp, track, 2.0)
    track.create_audio_clip(ramp, 0.0)
    assert [(clip.start_time, clip.start_marker) for clip in track.arrangement_clips] == [(0.0, 0.0), (4.0, 1.0)]


def test_take_lanes_lie_over_the_track(live, track, ramp):
    track.create_audio_clip(ramp, 0.0)
    lane = track.create_take_lane()
    clip = lane.create_audio_clip(ramp, 1.0)
    assert (clip.is_take_lane_clip, clip.is_arrangement_clip, clip.canonical_parent) == (True, True, lane)
    assert [there.end_time for there in track.arrangement_clips] == [4.0]
    track.delete_clip(clip)
    assert len(lane.arrangement_clips) == 0


def test_a_slots_clip_is_duplicated_to_the_arrangement(live, track, ramp):
    clip = live.user.drop(ramp, track.clip_slots[0], warping_on=True, loop=(1.0, 3.0), looping=True)
    copy = track.duplicate_clip_to_arrangement(clip, 8.0)
    assert (copy.start_time, copy.end_time, copy.loop_start) == (8.0, 10.0, 1.0)
    midi = live.user.midi_track()
    with pytest.raises(RuntimeError):
        midi.duplicate_clip_to_arrangement(clip, 0.0)


def test_an_arrangement_clip_duplicated_over_another_crashes_live(ramp):
    live = Live()
    track = live.song.tracks[0]
    clip = track.create_audio_clip(ramp, 0.0)
    track.duplicate_clip_to_arrangement(clip, 1.0)
    assert live.faults == ["Live crashes: an arrangement clip was duplicated over another"]


def test_midi_clips_have_no_audio(live):
    clip = live.user.midi_clip(live.user.midi_track().clip_slots[0], 4)
    assert (clip.is_midi_clip, clip.is_audio_clip, clip.length) == (True, False, 4.0)
    for name in "file_path", "gain", "warping", "sample_rate":
        with pytest.raises(RuntimeError):
            getattr(clip, name)


def test_notes_are_put_into_midi_clips_alone(live, track, ramp):
    slot = live.user.midi_track().clip_slots[0]
    clip = slot.create_clip(4.0)
    assert (clip.looping, clip.loop_end) == (True, 4.0)
    specification = live.classes["Clip.MidiNoteSpecification"]
    told = []
    clip.add_notes_listener(lambda: told.append(len(clip.get_all_notes_extended())))
    ids = clip.add_new_notes([specification(36, 1.0, 0.25), specification(40, 0.5, 1, velocity=7.0, mute=True)])
    notes = [(note.note_id, note.pitch, note.start_time, note.duration) for note in clip.get_all_notes_extended()]
    assert (list(ids), told, notes) == ([1, 2], [2], [(2, 40, 0.5, 1.0), (1, 36, 1.0, 0.25)])
    copy = live.song.tracks[1].duplicate_clip_to_arrangement(clip, 8.0)
    clip.add_new_notes([specification(41, 0.0, 1.0)])
    assert (len(copy.get_all_notes_extended()), copy.end_time) == (2, 12.0)
    live.user.undo()
    assert len(clip.get_all_notes_extended()) == 2
    audio = track.clip_slots[0].create_audio_clip(ramp)
    for refused in (
        lambda: audio.add_new_notes([]),
        audio.get_all_notes_extended,
        lambda: clip.add_new_notes([specification(128, 0.0, 1.0)]),
        lambda: clip.add_new_notes([specification(60, 0.0, 0.0)]),
        lambda: slot.create_clip(4.0),
        lambda: track.clip_slots[1].create_clip(4.0),
    ):
        with pytest.raises(RuntimeError):
            refused()
    for kind in (lambda: specification(60.5, 0.0, 1.0), lambda: clip.add_new_notes([(60, 0.0, 1.0)])):
        with pytest.raises(ArgumentError):
            kind()


def test_gain_is_no_fraction_of_the_level(live, track, ramp):
    clip = track.clip_slots[0].create_audio_clip(ramp)
    assert (clip.gain, clip.gain_display_string) == (0.4, "0.0 dB")
    shown = []
    for raw in 1.0, 0.3, 0.0:
        clip.gain = raw
        shown.append(clip.gain_display_string)
    assert shown == ["24.0 dB", "-6.2 dB", "-inf dB"]


def test_a_clip_that_is_not_warped_is_heard_frame_by_frame(live, track, ramp):
    clip = live.user.insert(ramp, track, 0, content=(0.5, 1.5))
    channels, _ = sound.samples(ramp)
    assert rendering.played(clip, RATE) == [channel[4000:12000] for channel in channels]


def test_a_clip_at_the_tempo_of_the_set_is_heard_frame_by_frame(live, track, ramp):
    clip = live.user.insert(ramp, track, 0, warping_on=True, tempo=120)
    channels, _ = sound.samples(ramp)
    assert rendering.played(clip, RATE) == channels


def test_a_warped_clip_is_heard_through_its_map(live, track, ramp):
    clip = live.user.insert(ramp, track, 0, warping_on=True, tempo=60)
    left = rendering.played(clip, RATE)[0]
    assert len(left) == FRAMES // 2
    assert [left[frame] * 131072 for frame in (0, 1, 1000)] == [0.0, 2.0, 2000.0]


def test_a_loop_is_heard_again(live, track, ramp):
    settings = {"warping_on": True, "content": (1.0, 4.0), "loop": (2.0, 3.0), "looping": True, "extent": 4}
    clip = live.user.insert(ramp, track, 0, **settings)
    left = rendering.played(clip, RATE)[0]
    assert [round(left[4000 * beat] * 131072) for beat in range(4)] == [4000, 8000, 8000, 8000]


def test_gain_and_mute_are_heard(live, track, ramp):
    clip = live.user.insert(ramp, track, 0, gain=0.55)
    left = sound.samples(ramp)[0][0]
    assert abs(rendering.played(clip, RATE)[0][1000] / left[1000] - 10 ** (6 / 20)) < 1e-12
    clip.muted = True
    assert set(rendering.played(clip, RATE)[1]) == {0.0}
