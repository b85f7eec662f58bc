"""Every action end to end: a real daemon, the draft engine, real music; the right slot, track and beat, one undo step."""

import numpy as np
import pytest
from booth import changed, newest_spec, samples
from live import rendering

UNEVEN = [(0.0, -1.0), (2.0, 3.4), (6.0, 11.9)]
"""As a take that was warped by hand: 127 to 138 beats a minute. The end goes on as the last segment."""


def arrangement(booth, music, *, warped, prompt="ace: brushes seed=8 engine=draft", brace=(12.0, 4.0), **settings):
    """The recording as a clip of the first track from beat 8 on, and a loop brace over a part of it."""
    booth.user.set(booth.track, name="Gitarre")
    if warped:
        settings = {"warping_on": True, "markers": UNEVEN, "content": (0.0, 16.0)} | settings
    else:
        settings = {"warping_on": False, "content": (0.5, 8.5)} | settings
    clip = booth.user.insert(music, booth.track, 8.0, name=prompt, **settings)
    booth.user.loop_brace(*brace)
    booth.user.select(clip)
    return clip


def session(booth, music, *, prompt="ace: brushes seed=8 engine=draft", **settings):
    """The recording in the second slot of the first track, with a loop of eight beats in its middle."""
    booth.user.look_at("Session")
    booth.user.set(booth.track, name="Gitarre")
    settings = {
        "warping_on": True,
        "markers": UNEVEN,
        "content": (0.0, 16.0),
        "loop": (4.0, 12.0),
        "looping": True,
    } | settings
    clip = booth.user.drop(music, booth.track.clip_slots[1], name=prompt, **settings)
    booth.user.select(clip)
    return clip


def ask(booth, action, said="Done."):
    """Press a pad; what comes back is one undo step."""
    before = len(booth.live.history.undone)
    booth.ask(action, said)
    assert len(booth.live.history.undone) == before + 1


def names(booth):
    return [track.name for track in booth.song.tracks]


def only(track):
    (clip,) = track.arrangement_clips
    return clip


def alone(track):
    """Number and clip of the only slot that is taken."""
    (found,) = [(index, slot.clip) for index, slot in enumerate(track.clip_slots) if slot.has_clip]
    return found


def same_map(new, old, beats):
    for beat in beats:
        assert new.beat_to_sample_time(beat) == pytest.approx(old.beat_to_sample_time(beat), abs=1e-5)


# Arrangement


@pytest.mark.parametrize("warped", [False, True])
def test_a_repaint_lies_like_its_source(booth, music, warped):
    groove = booth.user.groove("Swing 16ths 66")
    clip = arrangement(booth, music, warped=warped, gain=0.3, color=0x123456, pitch_fine=12.0, groove=groove)
    ask(booth, "repaint")
    assert names(booth) == ["Gitarre", "Gitarre punchin"]
    new = only(booth.song.tracks[1])
    assert (new.start_time, new.end_time) == (8.0, pytest.approx(clip.end_time, abs=1e-6))
    assert (new.name, new.gain, new.color, new.warping) == ("brushes (seed 8)", 0.3, 0x123456, warped)
    assert (new.pitch_fine, new.groove, clip.muted) == (12.0, groove, True)
    old, rate = samples(music)
    got, got_rate = samples(new.file_path)
    assert (len(got), got_rate) == (len(old), rate)
    if warped:
        frames = [round(clip.beat_to_sample_time(4.0 + beat)) for beat in (0.0, 4.0)]
        same_map(new, clip, (0.0, 1.3, 4.0, 7.77, 15.9))
    else:
        frames = [round((0.5 + seconds) * rate) for seconds in (2.0, 4.0)]
    first, last = changed(old, got)
    assert frames[0] <= first < frames[0] + rate // 10
    assert frames[1] - rate // 10 < last <= frames[1]
    booth.user.set(clip, muted=False)
    ours, theirs = (np.asarray(rendering.played(one, 8000)) for one in (new, clip))
    # at 120 beats a minute the brace is heard from 2 to 4 seconds of the clip; a frame beside it is read together with one inside
    differs = np.flatnonzero(np.abs(ours - theirs).max(axis=0) > 1e-6)
    assert len(ours[0]) == len(theirs[0]) == round((new.end_time - 8.0) / 2 * 8000)
    assert 16000 - 1 <= differs[0] < differs[-1] <= 32000
    booth.user.set(clip, muted=True)
    assert [slot.has_clip for slot in booth.song.tracks[1].clip_slots] == [False] * 4
    for _ in range(3):
        booth.user.undo()
    assert (names(booth), clip.muted) == (["Gitarre"], False)


def test_a_second_repaint_lies_on_a_track_of_its_own_and_one_elsewhere_beside_the_first(booth, music):
    first = arrangement(booth, music, warped=True)
    ask(booth, "repaint")
    booth.user.select(only(booth.song.tracks[1]))
    ask(booth, "repaint")
    assert names(booth) == ["Gitarre", "Gitarre punchin", "Gitarre punchin"]
    assert [only(track).muted for track in booth.song.tracks] == [True, True, False]
    booth.user.select(first)
    later = booth.user.insert(music, booth.track, 100.0, warping_on=False, content=(0.5, 4.5), name=first.name)
    booth.user.select(later)
    booth.user.loop_brace(102.0, 2.0)
    ask(booth, "repaint")
    assert sorted(len(track.arrangement_clips) for track in booth.song.tracks[1:]) == [1, 2]


def test_a_loop_is_heard_changed_in_every_round(booth, music):
    clip = arrangement(
        booth, music, warped=True, content=(2.0, 14.0), loop=(4.0, 8.0), looping=True, extent=13.0, brace=(15.0, 2.0)
    )
    ask(booth, "repaint")
    new = list(booth.song.tracks[1].arrangement_clips)
    # from 2 to the loop's end, two rounds, and what is left of the third; 15 to 17 of the song is 5 to 7 of the loop
    assert [(one.start_time, one.loop_start, one.loop_end) for one in new] == [
        (8.0, 2.0, 8.0), (14.0, 4.0, 8.0), (18.0, 4.0, pytest.approx(7.0)),
    ]  # fmt: skip
    first, last = changed(samples(music)[0], samples(new[0].file_path)[0])
    assert round(clip.beat_to_sample_time(5.0)) <= first
    assert last <= round(clip.beat_to_sample_time(7.0))


@pytest.mark.parametrize("warped", [False, True])
def test_continue_goes_on_without_a_seam_to_the_end_of_the_brace(booth, music, warped):
    content = (2.0, 10.0) if warped else (1.0, 5.0)
    clip = arrangement(booth, music, warped=warped, content=content, brace=(12.0, 10.0))
    ask(booth, "continue")
    new = only(booth.song.tracks[1])
    assert (new.start_time, new.end_time) == (8.0, pytest.approx(22.0, abs=1e-4))
    old, rate = samples(music)
    got, _ = samples(new.file_path)
    low, high = [round(clip.beat_to_sample_time(beat)) for beat in content] if warped else [rate, 5 * rate]
    assert np.array_equal(got[: high - low], old[low:high])
    if warped:
        for beat in (2.0, 5.5, 10.0):
            assert new.beat_to_sample_time(beat) + low == pytest.approx(clip.beat_to_sample_time(beat), abs=1)
    else:
        assert len(got) == high - low + 3 * rate
    assert clip.muted


def test_continue_before_ends_where_the_clip_did(booth, music):
    clip = arrangement(
        booth, music, warped=True, content=(2.0, 10.0), prompt="ace: strings side=before bars=1 engine=draft"
    )
    ask(booth, "continue")
    new = only(booth.song.tracks[1])
    assert (new.start_time, new.end_time) == (4.0, pytest.approx(16.0, abs=1e-4))
    low, high = (round(clip.beat_to_sample_time(beat)) for beat in (2.0, 10.0))
    assert np.array_equal(samples(new.file_path)[0][low - high :], samples(music)[0][low:high])


def test_generate_fills_the_brace_on_the_selected_track_and_never_over_a_clip(booth, music):
    booth.user.set(booth.track, name="ace: mellow house seed=3 engine=draft")
    booth.user.set(booth.song, tempo=96.0, scale_mode=True, scale_name="Minor", root_note=9)
    booth.user.loop_brace(4.0, 8.0, on=False)
    ask(booth, "generate")
    ask(booth, "generate")
    assert len(booth.song.tracks) == 2
    for track in booth.song.tracks:
        clip = only(track)
        assert (clip.start_time, clip.end_time) == (4.0, pytest.approx(12.0))
        assert (clip.warping, clip.name) == (False, "mellow house (seed 3)")
        assert len(samples(clip.file_path)[0]) == 5 * 48000


@pytest.mark.parametrize("warped", [False, True])
def test_stems_lie_below_their_source_and_add_up_to_it(booth, music, warped):
    prompt = "ace: tracks=all,residual engine=draft"
    clip = arrangement(booth, music, warped=warped, prompt=prompt, brace=(0.0, 64.0))
    booth.user.audio_track("Bass")
    booth.user.select(clip)
    ask(booth, "extract")
    assert booth.song.view.selected_track == booth.track
    stems = ["drums", "bass", "other", "residual"]
    assert names(booth) == ["Gitarre", *(f"Gitarre {stem}" for stem in stems), "Bass"]
    assert clip.muted
    total = 0
    for track, stem in zip(list(booth.song.tracks)[1:5], stems, strict=True):
        new = only(track)
        assert (new.name, new.start_time, new.end_time) == (stem, 8.0, pytest.approx(clip.end_time, abs=1e-4))
        total = total + samples(new.file_path)[0].astype(np.float64)
    old, rate = samples(music)
    low, high = (
        [round(clip.beat_to_sample_time(beat)) for beat in (0.0, 16.0)] if warped else [rate // 2, 17 * rate // 2]
    )
    assert np.abs(total - old[low:high]).max() < 10 ** (-90 / 20)


@pytest.mark.parametrize(
    ("action", "prompt", "tracks"),
    [
        ("cover", "ace: bossa nova engine=draft seed=1", ["punchin"]),
        ("lego", "ace: track=bass engine=draft seed=1", ["bass"]),
        ("complete", "ace: tracks=drums,bass engine=draft seed=1", ["drums", "bass"]),
    ],
)
@pytest.mark.parametrize("warped", [False, True])
def test_a_part_of_a_clip_lies_on_its_beats(booth, music, action, prompt, tracks, warped):
    clip = arrangement(booth, music, warped=warped, prompt=prompt)
    told = f"{prompt} still plays as well: it is longer than the selection." if action == "cover" else "Done."
    ask(booth, action, told)
    assert sorted(names(booth)[1:]) == sorted(f"Gitarre {track}" for track in tracks)
    low, high = [round(clip.beat_to_sample_time(beat)) for beat in (4.0, 8.0)] if warped else [110250, 198450]
    for track in list(booth.song.tracks)[1:]:
        new = only(track)
        assert (new.start_time, new.end_time) == (pytest.approx(12.0, abs=1e-4), pytest.approx(16.0, abs=1e-4))
        assert (len(samples(new.file_path)[0]), new.warping) == (high - low, warped)
        for beat in (4.1, 6.0, 7.9) if warped else ():
            assert new.beat_to_sample_time(beat) + low == pytest.approx(clip.beat_to_sample_time(beat), abs=1e-3)
    assert not clip.muted
    assert len(set(booth.live.inserted)) == len(booth.live.inserted) == len(tracks)


def test_clips_under_the_brace_are_a_job_each(booth, music):
    arrangement(booth, music, warped=False, content=(0.5, 2.5))
    booth.user.insert(music, booth.track, 20.0, warping_on=False, content=(4.0, 7.0))
    booth.user.loop_brace(8.0, 40.0)
    booth.user.set(booth.track, name="ace: brushes engine=draft")
    booth.live.song.view._sim_set("detail_clip", None)
    before = len(booth.live.history.undone)
    booth.press("cover")
    booth.live.until(lambda: len(booth.live.history.undone) == before + 2)
    clips = sorted(
        (clip.start_time, clip.end_time) for track in list(booth.song.tracks)[1:] for clip in track.arrangement_clips
    )
    assert clips == [(8.0, pytest.approx(12.0)), (20.0, pytest.approx(26.0))]


def test_a_take_lane_takes_what_is_as_long_as_the_clip(booth, music):
    clip = arrangement(booth, music, warped=False, prompt="ace: brushes place=lane engine=draft seed=8")
    ask(booth, "repaint")
    assert names(booth) == ["Gitarre"]
    (lane,) = booth.track.take_lanes
    new = only(lane)
    assert (new.start_time, new.end_time, new.warping) == (8.0, pytest.approx(clip.end_time), False)
    assert (len(samples(new.file_path)[0]), clip.muted) == (8 * 44100, False)
    booth.user.select(new)
    booth.press("repaint")
    booth.live.until(
        lambda: booth.said[-1] == "brushes (seed 8) lies on a take lane: copy it to the track itself first."
    )


def test_the_set_tells_tempo_meter_scale_and_sections_of_new_music(booth, live_daemon):
    booth.user.set(booth.track, name="ace: mellow house engine=draft")
    booth.user.set(
        booth.song, tempo=96.0, signature_numerator=3, scale_mode=True, scale_name="Minor", root_note=9
    )  # fmt: skip
    for beat, name in ((3.0, "[Intro]"), (6.0, "[Verse]"), (9.0, "solo"), (12.0, "[Chorus]"), (15.0, "[Outro]")):
        booth.user.cue(beat, name)
    booth.user.loop_brace(6.0, 9.0)
    ask(booth, "generate")
    spec = newest_spec(live_daemon)
    assert (spec["bpm"], spec["meter"], spec["key"], spec["lyrics"]) == (96.0, "3/4", "A minor", "[Verse]\n[Chorus]")
    assert (spec["length"], spec["position"]) == (pytest.approx(5.625), pytest.approx(3.75))


def test_a_warp_map_tells_the_tempo_of_the_file(booth, music, live_daemon):
    arrangement(booth, music, warped=True)
    ask(booth, "repaint")
    spec = newest_spec(live_daemon)
    assert [change[:2] for change in spec["tempo_map"]] == [
        [0.0, pytest.approx(132.0)], [2.0, pytest.approx(127.5)], [6.0, pytest.approx(127.5)],
    ]  # fmt: skip
    # the clip begins at beat 8 with beat 0 of the map, and the file one beat of the map earlier
    assert spec["position"] == pytest.approx(7.0 * 60 / spec["bpm"])


def test_understand_tells_what_is_heard_and_changes_nothing(booth, music):
    arrangement(booth, music, warped=True, brace=(0.0, 64.0))
    before = len(booth.live.history.undone)
    booth.press("understand")
    heard = booth.live.until(lambda: next((line for line in booth.said if line.startswith("Heard: ")), None))
    tempo, key, meter = heard.replace("Heard: ", "").split(", ")[:3]
    assert 100 < float(tempo.split()[0]) < 180
    assert key.split()[1] in {"major", "minor"}
    assert meter == "4/4"
    assert len(booth.live.history.undone) == before
    assert booth.script._work.session.count() == 0


# Session


def test_a_repaint_lies_in_the_next_free_slot(booth, music):
    clip = session(booth, music)
    booth.user.drop(music, booth.track.clip_slots[2])
    ask(booth, "repaint")
    new = booth.track.clip_slots[3].clip
    assert (new.looping, new.loop_start, new.loop_end) == (True, 4.0, 12.0)
    same_map(new, clip, (0.0, 4.0, 5.1, 12.0, 15.0))
    first, last = changed(samples(music)[0], samples(new.file_path)[0])
    assert round(clip.beat_to_sample_time(4.0)) <= first
    assert last <= round(clip.beat_to_sample_time(12.0))
    assert clip.muted
    ask(booth, "repaint")
    assert len(booth.song.scenes) == 5
    assert booth.track.clip_slots[4].has_clip


def test_takes_of_an_unwarped_clip_lie_one_under_the_other(booth, music):
    clip = session(
        booth, music, prompt="ace: brushes takes=2 seed=8 engine=draft", warping_on=False, markers=None, content=(1.0, 3.0),
        loop=None, looping=False,
    )  # fmt: skip
    ask(booth, "repaint")
    for index, seed in ((2, 8), (3, 9)):
        new = booth.track.clip_slots[index].clip
        assert (new.name, new.warping, new.loop_start, new.loop_end) == (f"brushes (seed {seed})", False, 1.0, 3.0)
        first, last = changed(samples(music)[0], samples(new.file_path)[0])
        assert first >= 44100
        assert last <= 3 * 44100
    assert clip.muted


@pytest.mark.parametrize("looping", [False, True])
@pytest.mark.parametrize("first", [-64.0, 64.0])
def test_a_map_far_from_the_first_beat_is_copied_too(booth, music, first, looping):
    clip = session(
        booth, music, markers=[(0.0, first), (8.0, first + 17.0)], content=(first + 2.0, first + 16.0),
        loop=(first + 4.0, first + 12.0), looping=looping,
    )  # fmt: skip
    ask(booth, "repaint")
    new = booth.track.clip_slots[2].clip
    assert (new.looping, new.loop_start, new.loop_end) == (looping, clip.loop_start, clip.loop_end)
    same_map(new, clip, (first, first + 5.1, first + 17.0))


def test_continue_makes_the_loop_longer(booth, music):
    clip = session(booth, music, prompt="ace: brushes bars=2 engine=draft")
    ask(booth, "continue")
    new = booth.track.clip_slots[2].clip
    assert (new.looping, new.loop_start, new.loop_end) == (True, 4.0, pytest.approx(20.0, abs=1e-4))
    low, high = (round(clip.beat_to_sample_time(beat)) for beat in (4.0, 12.0))
    assert np.array_equal(samples(new.file_path)[0][: high - low], samples(music)[0][low:high])


def test_generate_makes_a_loop_in_the_empty_slot_that_is_selected(booth, live_daemon):
    booth.user.look_at("Session")
    booth.user.set(booth.song, tempo=96.0)
    booth.user.set(booth.song.scenes[2], name="ace: mellow house bars=2 engine=draft seed=3")
    booth.user.select(booth.track.clip_slots[2])
    ask(booth, "generate")
    index, clip = alone(booth.track)
    assert (index, clip.warping, clip.looping, clip.loop_start, clip.loop_end) == (2, True, True, 0.0, 8.0)
    assert clip.beat_to_sample_time(8.0) == pytest.approx(len(samples(clip.file_path)[0]), abs=1e-3) == 5 * 48000
    assert newest_spec(live_daemon)["loop"]


@pytest.mark.parametrize(
    ("action", "prompt", "tracks"),
    [
        ("extract", "ace: engine=draft", ["drums", "bass", "other"]),
        ("lego", "ace: track=bass engine=draft seed=1", ["bass"]),
        ("complete", "ace: tracks=drums,bass engine=draft seed=1", ["drums", "bass"]),
    ],
)
def test_what_runs_beside_a_clip_lies_in_its_scene(booth, music, action, prompt, tracks):
    clip = session(booth, music, prompt=prompt)
    ask(booth, action)
    assert sorted(names(booth)[1:]) == sorted(f"Gitarre {track}" for track in tracks)
    low = round(clip.beat_to_sample_time(4.0))
    for track in list(booth.song.tracks)[1:]:
        index, new = alone(track)
        assert (index, new.looping, new.loop_start, new.loop_end) == (1, True, 4.0, 12.0)
        assert new.beat_to_sample_time(8.0) + low == pytest.approx(clip.beat_to_sample_time(8.0), abs=1e-3)
    assert clip.muted == (action == "extract")
    booth.user.undo()
    assert (names(booth), clip.muted) == (["Gitarre"], False)


def test_a_cover_lies_under_its_source(booth, music):
    clip = session(booth, music, prompt="ace: bossa nova engine=draft seed=1")
    ask(booth, "cover")
    new = booth.track.clip_slots[2].clip
    assert (new.name, new.looping, new.loop_start, new.loop_end) == ("bossa nova (seed 1)", True, 4.0, 12.0)
    assert clip.muted
