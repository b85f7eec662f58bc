"""What users do and what breaks: wrong selections, old versions, small editions, deleted targets, lost datagrams, stalls."""

import json
import os
import shutil
import sys

import numpy as np
import pytest
import soundfile
from booth import Booth, newest_spec, samples
from lossy import LossyNetwork
from rig import PlainClient, running_daemon, until

PROMPT = "ace: brushes seed=8 engine=draft"


def clip_at(booth, music, beat=8.0, **settings):
    """An unwarped clip of six seconds on the first track; the loop brace is over its middle."""
    settings = {"warping_on": False, "content": (0.5, 6.5), "name": PROMPT} | settings
    clip = booth.user.insert(music, booth.track, beat, **settings)
    booth.user.loop_brace(beat + 4.0, 4.0)
    booth.user.select(clip)
    return clip


def in_slot(booth, music, index=0, **settings):
    booth.user.look_at("Session")
    settings = {"warping_on": False, "content": (1.0, 4.0), "name": PROMPT} | settings
    clip = booth.user.drop(music, booth.track.clip_slots[index], **settings)
    booth.user.select(clip)
    return clip


def told(booth, action):
    """The sentence after a press that asks for nothing."""
    count = len(booth.said)
    booth.press(action)
    booth.live.until(lambda: len(booth.said) > count, 10)
    assert booth.script._work.session.count() == 0
    return booth.said[-1]


def test_one_sentence_where_nothing_can_be_worked_on(booth, music):
    booth.user.loop_brace(0.0, 4.0)
    assert told(booth, "repaint") == "There is no audio of 1-Audio under the loop brace."
    booth.user.loop_brace(0.0, 4.0, on=False)
    assert told(booth, "repaint").startswith("Select an audio clip first, or switch the loop on")
    booth.user.look_at("Session")
    assert told(booth, "extract") == "Select an audio clip in the Session first."
    assert told(booth, "generate").startswith("Say what it is to sound like")
    assert told(booth, "cancel") == "Nothing is being rendered."
    clip = in_slot(booth, music, name="ace: seed=many")
    assert told(booth, "repaint") == "seed: a whole number from -1 to 4294967295, many came."
    booth.user.set(clip, name="ace: " + "brushes " * 1100)
    assert told(booth, "repaint").startswith("Prompt and lyrics are too long")


def test_what_cannot_be_worked_on_yet_is_told(booth, music, tmp_path):
    clip = in_slot(booth, music)
    clip._sim_passing["recording"] = True
    assert told(booth, "repaint") == f"{PROMPT} has no file yet: wait until it is recorded."
    clip._sim_passing["recording"] = False
    notes = booth.script._work._notes._folder
    os.makedirs(os.path.dirname(notes), exist_ok=True)
    with open(notes, "w", encoding="utf-8"):
        pass
    assert " cannot be written to: " in told(booth, "repaint")
    os.remove(notes)
    booth.ask("repaint")


def test_of_a_long_recording_a_part_is_sent(booth, tmp_path, live_daemon):
    path = tmp_path / "Probe.wav"
    rate, seconds = 8000, 1500
    noise = np.random.default_rng(1).normal(0, 0.05, rate * seconds).astype(np.float32)
    soundfile.write(path, noise, rate, subtype="PCM_16")
    clip = clip_at(booth, path, content=(0.0, float(seconds)))
    booth.user.loop_brace(2008.0, 8.0)
    longer = f"{PROMPT} is longer than 10 minutes: split it around the selection first (Ctrl+E, Cmd+E)."
    assert [told(booth, action) for action in ("repaint", "continue")] == [longer] * 2
    booth.ask("cover", f"{PROMPT} still plays as well: it is longer than the selection.")
    spec = newest_spec(live_daemon)
    assert [spec[key] for key in ("source_start", "source_length", "start", "end")] == [940.0, 124.0, 60.0, 64.0]
    (new,) = booth.song.tracks[1].arrangement_clips
    assert (new.start_time, new.end_time, clip.muted) == (2008.0, 2016.0, False)


def test_midi_and_frozen_tracks_are_told_how_to_bounce(booth, music):
    midi = booth.user.midi_track("Keys")
    in_slot(booth, music)
    booth.user.select(booth.user.midi_clip(midi.clip_slots[0], 4.0))
    assert told(booth, "cover").startswith("Say what it is")
    booth.user.set(midi, name="ace: strings")
    assert told(booth, "cover").startswith(
        "ace: strings is a MIDI track: bounce it to audio first (Bounce to New Track"
    )
    clip = clip_at(booth, music)
    booth.user.look_at("Arranger")
    booth.user.freeze(booth.track)
    booth.user.select(clip)
    assert "is frozen: bounce it" in told(booth, "repaint")
    group = booth.user.group("Band", [booth.song.tracks[1]])
    booth.user.select(group)
    assert told(booth, "repaint") == "Band is a group: select a clip on one of its tracks."


@pytest.mark.parametrize("version", ["11.3.20", "12.0.0"])
def test_versions_that_cannot_insert_are_told(booths, music, version):
    booth = booths(version=version)
    in_slot(booth, music)
    expected = f"This is Live {version}: clips can be made by scripts from 11.3.25 and from 12.0.5 on. Update Live."
    for action in ("repaint", "generate", "extract"):
        assert told(booth, action) == expected


@pytest.mark.parametrize(
    ("version", "edition", "preferences"),
    [
        ("11.3.25", "Standard", {"auto_warp": False}),
        ("12.0.5", "Intro", {"unwarped_markers": "beats", "guessed_tempo": 97.0}),
        ("12.3", "Lite", {"extent_follows_markers": True, "warp_mode": 6}),
    ],
)
@pytest.mark.parametrize("view", ["Session", "Arranger"])
def test_versions_editions_and_preferences_make_no_difference(booths, music, version, edition, preferences, view):
    booth = booths(version=version, edition=edition, **preferences)
    clip = in_slot(booth, music) if view == "Session" else clip_at(booth, music)
    booth.ask("repaint")
    if view == "Session":
        new = booth.track.clip_slots[1].clip
    else:
        (new,) = booth.song.tracks[1].arrangement_clips
        assert (new.start_time, new.end_time) == (8.0, pytest.approx(20.0))
    assert (new.warping, new.loop_start, new.loop_end) == (False, clip.loop_start, clip.loop_end)
    assert len(samples(new.file_path)[0]) == len(samples(music)[0])


def test_an_edition_without_room_for_all_stems_keeps_those_that_fit(booths, music):
    booth = booths(edition="Lite")
    for number in range(5):
        booth.user.audio_track(f"T{number}")
    in_slot(booth, music)
    before = len(booth.live.history.undone)
    booth.press("extract")
    sentence = booth.live.until(lambda: next((line for line in booth.said if line.startswith("Not all")), None))
    assert "this edition of Live allows no more tracks or scenes. The clips are in " in sentence
    assert len(booth.song.tracks) == 8
    assert len(booth.live.history.undone) == before + 1


# Prompts and triggers


def test_a_launched_clip_fires_what_its_name_asks_for(booth, music):
    in_slot(booth, music, name="ace: repaint: toms seed=8 engine=draft")
    in_slot(booth, music, index=1, name="plain")
    booth.live.run(0.5)
    booth.user.launch(booth.track.clip_slots[1])
    booth.live.run(0.6)
    booth.user.launch(booth.track.clip_slots[0])
    booth.live.until(lambda: "Done." in booth.said)
    assert booth.track.clip_slots[2].clip.name == "toms (seed 8)"
    keys = booth.user.midi_track("Keys")
    booth.user.midi_clip(keys.clip_slots[0], 4.0)
    booth.user.set(keys.clip_slots[0].clip, name="ace: generate: mellow house bars=1 seed=5 engine=draft")
    booth.user.select(booth.track.clip_slots[3])
    booth.user.launch(keys.clip_slots[0])
    booth.live.until(lambda: booth.said.count("Done.") == 2)
    assert booth.track.clip_slots[3].clip.name == "mellow house (seed 5)"
    booth.live.run(1.0)
    assert booth.said.count("Done.") == 2


def test_a_button_is_pressed_again_while_it_plays_and_a_wrong_name_is_told(booth, music):
    clip = in_slot(booth, music)
    keys = booth.user.midi_track("Keys")
    booth.user.midi_clip(keys.clip_slots[0], 4.0)
    booth.user.set(keys.clip_slots[0].clip, name="ace: repaint: toms seed=8 engine=draft")
    booth.user.select(clip)
    for count in (1, 2):
        booth.live.run(0.3)
        booth.user.launch(keys.clip_slots[0])
        booth.live.until(lambda count=count: booth.said.count("Done.") == count)
    booth.user.set(keys.clip_slots[0].clip, name="ace: seed=many")
    booth.user.launch(keys.clip_slots[0])
    booth.live.until(lambda: booth.said[-1] == "seed: a whole number from -1 to 4294967295, many came.")


def test_a_controller_that_rises_is_one_press(booth, music):
    in_slot(booth, music)
    for value in (10, 70, 127, 90, 20):
        booth.live.midi_in(0xBF, 20, value)
    booth.live.until(lambda: "Done." in booth.said)
    names = [slot.clip.name for slot in booth.track.clip_slots if slot.has_clip][1:]
    assert names == ["brushes (seed 8)", "brushes (seed 9)", "brushes (seed 10)"]


def test_pads_and_the_page_of_the_daemon_run_actions_here(booth, music, live_daemon):
    in_slot(booth, music, name="Gitarre")
    booth.live.until(lambda: booth.script._work.session.is_open)
    page = PlainClient(live_daemon.port)
    page.send("/punchin/trigger", "p-1", "action", "repaint", "prompt", "dub", "seed", 9, "engine", "draft")
    page.send("/punchin/trigger", "p-1", "action", "repaint", "prompt", "dub", "seed", 9, "engine", "draft")
    booth.live.until(lambda: "Done." in booth.said)
    assert booth.track.clip_slots[1].clip.name == "dub (seed 9)"
    page.send("/punchin/trigger", "p-3", "action", "continue_before", "bars", 1, "seed", 9, "engine", "draft")
    booth.live.until(lambda: booth.said.count("Done.") == 2)
    assert booth.track.clip_slots[2].has_clip
    page.send("/punchin/trigger", "p-2", "action", "dance")
    booth.live.until(lambda: booth.said[-1].startswith("dance: one of generate, "))
    page.close()
    assert not booth.track.clip_slots[3].has_clip


def test_the_last_prompt_is_kept_in_the_set(booth, music):
    booth.user.look_at("Session")
    booth.user.set(booth.track, name="ace: mellow house bars=1 engine=draft seed=1")
    booth.user.select(booth.track.clip_slots[0])
    booth.ask("generate")
    booth.user.set(booth.track, name="Gitarre")
    booth.user.select(booth.track.clip_slots[1])
    booth.ask("generate")
    assert booth.track.clip_slots[1].clip.name.startswith("mellow house (seed ")


def test_the_nearest_name_counts(booth, music):
    clip = in_slot(booth, music, name="ace: clip seed=1 engine=draft")
    booth.user.set(booth.song.scenes[0], name="ace: scene seed=1 engine=draft")
    booth.user.set(booth.track, name="ace: track seed=1 engine=draft")
    for name, expected in (("plain", "scene"), ("ace: clip seed=1 engine=draft", "clip")):
        booth.user.set(clip, name=name)
        booth.ask("repaint")
        assert [slot.clip.name for slot in booth.track.clip_slots if slot.has_clip][-1] == f"{expected} (seed 1)"
    booth.user.look_at("Arranger")
    booth.user.set(booth.track, name="T")
    clip_at(booth, music, name="plain")
    booth.user.cue(13.0, "ace: locator seed=1 engine=draft")
    booth.ask("repaint")
    assert booth.song.tracks[1].arrangement_clips[0].name == "locator (seed 1)"


def test_a_clip_that_the_user_has_left_says_nothing_of_new_music(booth, music):
    left = clip_at(booth, music, name="ace: left seed=1 engine=draft")
    booth.user.look_at("Session")
    booth.user.set(booth.track, name="ace: mellow house bars=1 engine=draft seed=1")
    for place, clip in enumerate((left, in_slot(booth, music, index=3, name="ace: cover: left seed=1 engine=draft"))):
        booth.user.select(booth.track.clip_slots[place])
        booth.live.song_view._sim_set("detail_clip", clip)
        booth.ask("generate")
        assert booth.track.clip_slots[place].clip.name == "mellow house (seed 1)"


# Places


def test_one_version_is_heard_at_a_time(booth, music):
    clip = clip_at(booth, music, name="ace: brushes takes=3 seed=8 engine=draft")
    booth.ask("repaint", "Done: the first of 3 takes is heard, the others are switched off.")
    booth.user.set(clip, name="ace: toms seed=1 engine=draft")
    booth.user.select(clip)
    booth.ask("repaint")

    def heard():
        tracks = list(booth.song.tracks)
        return [one.name for track in tracks for one in track.arrangement_clips if not one.muted]

    assert heard() == ["toms (seed 1)"]
    for seed in (4, 5):
        booth.user.set(clip, name=f"ace: dub seed={seed} engine=draft")
        booth.ask("cover", f"ace: dub seed={seed} engine=draft still plays as well: it is longer than the selection.")
    assert heard() == ["toms (seed 1)", "dub (seed 5)"]
    for _ in range(4):  # two names, two covers
        booth.user.undo()
    assert heard() == ["toms (seed 1)"]
    booth.user.undo()
    assert heard() == ["brushes (seed 8)"]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_result_follows_a_clip_that_was_dragged(booth, music, elsewhere):
    other = booth.user.audio_track("Bass")
    clip = clip_at(booth, music)
    booth.press("repaint")
    booth.live.until(lambda: "Asked for repaint." in booth.said)
    booth.user.move(clip, 40.0, other if elsewhere else None)
    booth.live.until(lambda: "Done." in booth.said)
    tracks = list(booth.song.tracks)
    (new,) = tracks[tracks.index(other if elsewhere else booth.track) + 1].arrangement_clips
    assert (new.name, new.start_time, new.end_time) == ("brushes (seed 8)", 40.0, pytest.approx(clip.end_time))
    assert clip.muted


def test_what_the_user_puts_in_its_way_stays(booth, music):
    booth.user.set(booth.track, name="ace: mellow house seed=3 engine=draft")
    booth.user.loop_brace(4.0, 8.0)
    booth.press("generate")
    booth.live.until(lambda: booth.live.inserted)
    mine = booth.user.insert(music, booth.track, 6.0, warping_on=False, content=(0.0, 1.0))
    booth.live.until(lambda: "Done." in booth.said)
    assert [(one.start_time, one.end_time) for one in booth.track.arrangement_clips] == [(6.0, mine.end_time)]
    assert [one.start_time for one in booth.song.tracks[1].arrangement_clips] == [4.0]


def test_new_music_needs_no_audio_track(booth):
    booth.user.look_at("Session")
    booth.user.set(booth.song.scenes[0], name="ace: mellow house bars=1 engine=draft seed=3")
    booth.user.select(booth.song.master_track)
    booth.ask("generate")
    assert booth.song.tracks[1].clip_slots[0].clip.name == "mellow house (seed 3)"


def test_a_take_lane_that_cannot_be_made_is_told_and_the_source_muted(booths, music):
    booth = booths(version="12.1")
    clip = clip_at(booth, music, name=f"{PROMPT} place=lane")
    booth.ask("repaint", "Done, on a track below and not on a take lane: scripts make lanes from Live 12.2 on.")
    assert (clip.muted, len(booth.song.tracks[1].arrangement_clips)) == (True, 1)


def test_the_selection_is_the_users(booth, music):
    clip = clip_at(booth, music, name="ace: engine=draft")
    booth.user.loop_brace(0.0, 64.0)
    bass = booth.user.audio_track("Bass")
    booth.user.select(clip)
    booth.press("extract")
    booth.live.until(lambda: booth.live.inserted)
    booth.user.select(bass)
    booth.live.until(lambda: "Done." in booth.said)
    assert booth.song.view.selected_track == bass


@pytest.mark.parametrize("view", ["Session", "Arranger"])
@pytest.mark.parametrize("gone", ["clip", "track"])
def test_a_target_deleted_meanwhile_leaves_the_result_on_a_new_track(booth, music, view, gone):
    booth.user.audio_track("Bass")
    clip = in_slot(booth, music) if view == "Session" else clip_at(booth, music)
    booth.press("repaint")
    booth.live.until(lambda: "Asked for repaint." in booth.said)
    booth.user.delete(clip if gone == "clip" else booth.track)
    booth.live.until(
        lambda: booth.said[-1] == "What the repaint was meant for is gone: it is on a new track at the end."
    )
    last = list(booth.song.tracks)[-1]
    assert last.name.endswith(" punchin")
    if view == "Session":
        assert last.clip_slots[0].clip.name == "brushes (seed 8)"
    else:
        assert [(one.name, one.start_time) for one in last.arrangement_clips] == [("brushes (seed 8)", 8.0)]


def test_a_track_frozen_meanwhile_is_left_alone(booth, music):
    in_slot(booth, music)
    booth.press("repaint")
    booth.live.until(lambda: "Asked for repaint." in booth.said)
    booth.user.freeze(booth.track)
    booth.live.until(lambda: "Done." in booth.said)
    assert booth.song.tracks[1].clip_slots[0].has_clip


def test_clips_of_a_saved_set_lie_in_its_project_and_others_in_the_user_library(booth, music, tmp_path):
    in_slot(booth, music)
    booth.ask("repaint")
    path = booth.track.clip_slots[1].clip.file_path
    assert os.path.dirname(path) == str(booth.library / "Samples" / "Punchin")
    project = tmp_path / "Lied Project"
    (project / "Ableton Project Info").mkdir(parents=True)
    booth.user.save(project / "Fassungen" / "Lied 2.als")
    booth.ask("repaint")
    path = booth.track.clip_slots[2].clip.file_path
    assert os.path.dirname(path) == str(project / "Samples" / "Punchin")


def test_a_result_waits_until_its_set_is_open_again(booth, music, tmp_path):
    in_slot(booth, music)
    path = tmp_path / "Lied Project" / "Lied.als"
    booth.user.save(path)
    booth.live.run(0.1)
    booth.live.until(lambda: booth.script._work.session.is_open)
    assert booth.song._sim_passing["data"] == {}  # else Live would ask to save a Set that was only looked at
    booth.press("repaint")
    booth.live.until(lambda: "Asked for repaint." in booth.said and booth.script._work.session._jobs)
    booth.live.new_set()
    booth.live.run(3.0)
    assert "Done." not in booth.said
    assert len(booth.song.tracks) == 1
    booth.live.open_set(path)
    booth.live.until(lambda: "Done." in booth.said)
    assert booth.track.clip_slots[1].clip.name == "brushes (seed 8)"


def test_two_sets_at_once_get_their_own(booths, music):
    one, two = booths("eins"), booths("zwei", version="11.3.25")
    in_slot(one, music, name="ace: eins seed=1 engine=draft")
    in_slot(two, music, name="ace: zwei seed=2 engine=draft")
    one.press("repaint")
    two.press("repaint")
    until(lambda: [one.live.turn(), two.live.turn(), "Done." in one.said and "Done." in two.said][-1])
    for booth, name in ((one, "eins (seed 1)"), (two, "zwei (seed 2)")):
        assert [slot.clip.name for slot in booth.track.clip_slots if slot.has_clip][1:] == [name]


# The way to the daemon


def test_lost_doubled_and_overtaken_datagrams_lose_no_job(booths, music, tmp_path, live_daemon):
    with LossyNetwork(live_daemon.port, seed=5) as network:
        state = tmp_path / "lossy"
        state.mkdir()
        (state / "daemon.json").write_text(json.dumps({"port": network.port}))
        booth = booths(state=state)
        in_slot(booth, music, name="ace: tracks=all,residual engine=draft")
        booth.ask("extract", seconds=60)
        booth.live.run(2.0)
        assert network.fate["there", "lost"] + network.fate["back", "lost"] > 0
    assert [track.name for track in booth.song.tracks][1:] == [
        "1-Audio drums", "1-Audio bass", "1-Audio other", "1-Audio residual",
    ]  # fmt: skip
    assert booth.said.count("Done.") == 1


def test_a_stall_of_ten_seconds_loses_nothing(booth, music):
    in_slot(booth, music)
    booth.press("repaint")
    booth.live.until(lambda: "Asked for repaint." in booth.said)
    booth.live.menu(10.0)
    booth.live.until(lambda: "Done." in booth.said)
    booth.live.run(1.0)
    assert [slot.has_clip for slot in booth.track.clip_slots] == [True, True, False, False]


def test_a_killed_daemon_goes_on_where_it_was(booths, music, tmp_path):
    with running_daemon(tmp_path) as own:
        booth = booths(state=own.state)
        in_slot(booth, music)
        booth.press("repaint")
        booth.live.until(lambda: "Asked for repaint." in booth.said and booth.script._work.session._jobs)
        own.kill()
        own.start()
        booth.live.until(lambda: "Done." in booth.said)
        assert booth.track.clip_slots[1].clip.name == "brushes (seed 8)"


def test_what_is_asked_for_waits_for_a_daemon_that_is_started(tmp_path, music, monkeypatch):
    state, seen = tmp_path / "off", tmp_path / "started"
    state.mkdir()
    program = (
        f"import os; open({str(seen)!r}, 'w').write(' '.join(name for name in os.environ if name[:7] == 'PYTHONH'))"
    )
    booth = Booth(tmp_path / "Bühne", state, [sys.executable, "-c", program])
    monkeypatch.setenv("PYTHONHOME", sys.prefix)
    in_slot(booth, music)
    booth.press("repaint")
    booth.live.until(seen.exists)
    assert booth.said[-2:] == ["Waiting for the daemon.", "The daemon is being started."]
    assert booth.script._work.session.count() == 1
    assert seen.read_text() == ""
    booth.script._work._started -= 30.0
    booth.live.until(lambda: booth.said[-1].startswith("The daemon was started and does not answer: punchin doctor"))
    booth.close()


def test_a_job_of_an_earlier_live_can_be_cancelled(booth, tmp_path):
    path = tmp_path / "Lied Project" / "Lied.als"
    booth.user.look_at("Session")
    booth.user.set(booth.track, name="ace: long bars=200 engine=draft")
    booth.user.save(path)
    booth.live.run(0.1)
    booth.press("generate")
    booth.live.until(lambda: booth.script._work.session._jobs)
    booth.live.open_set(path)
    booth.script = booth.live.scripts[-1]
    booth.live.until(lambda: booth.script._work and booth.script._work.session._jobs)
    booth.press("cancel")
    booth.live.until(lambda: booth.said[-1] == "Cancelled." and booth.script._work.session.count() == 0)


def test_cancel_ends_what_is_on_its_way(booth, music):
    booth.user.look_at("Session")
    booth.user.set(booth.track, name="ace: long bars=200 engine=draft")
    booth.user.select(booth.track.clip_slots[0])
    booth.press("generate")
    booth.live.until(lambda: booth.script._work.session._jobs)
    booth.press("cancel")
    booth.live.until(lambda: booth.script._work.session.count() == 0)
    assert "Cancelled." in booth.said
    assert not list(booth.script._work._notes._folder and os.scandir(booth.script._work._notes._folder))


def test_a_fault_is_told_once_and_the_script_goes_on(booth, music, monkeypatch, live_daemon):
    booth.live.run(0.2)
    work = booth.script._work
    monkeypatch.setattr(work.session, "turn", lambda now: 1 / 0)
    booth.live.run(0.3)
    assert [line for line in booth.said if "an error in the script" in line] == [
        "an error in the script, see its log: ZeroDivisionError: division by zero"
    ]
    booth.live.run(1.2)
    monkeypatch.undo()
    booth.live.run(1.2)
    monkeypatch.setattr(work.session, "turn", lambda now: 1 / 0)
    booth.live.run(0.3)
    assert len([line for line in booth.said if "an error in the script" in line]) == 2
    monkeypatch.undo()
    assert "ZeroDivisionError" in (live_daemon.state / "logs" / "live.log").read_text("utf-8")
    in_slot(booth, music)
    booth.ask("repaint")


def test_all_that_live_calls_on_its_own_scripts_is_there(booth):
    """Names as Ableton's scripts without a framework have them, and what newer ones add."""
    script = booth.script
    answers = {
        "can_lock_to_devices": (), "supports_pad_translation": (), "suggest_input_port": (), "suggest_output_port": (),
    }  # fmt: skip
    assert [getattr(script, name)(*given) for name, given in answers.items()] == [False, False, "", ""]
    assert (script.suggest_map_mode(20, 15), script.instance_identifier()) == (-1, 1)
    for name, given in {
        "refresh_state": (), "connect_script_instances": ([],), "lock_to_device": (None,), "unlock_from_device": (None,),
        "toggle_lock": (), "restore_bank": (0,), "request_rebuild_midi_map": (), "port_settings_changed": (),
        "receive_midi_chunk": (((0x9F, 99, 1),),),
    }.items():  # fmt: skip
        assert getattr(script, name)(*given) is None
    booth.live.run(0.1)


def test_a_timer_that_died_is_started_again(booth):
    booth.script._timer.stop()
    booth.live.run(0.3)
    assert booth.script._timer.running


def test_a_pad_with_a_preset_renders_what_the_preset_says(booths, music, tmp_path, live_daemon):
    state = tmp_path / "own"
    (state / "live").mkdir(parents=True)
    shutil.copy(live_daemon.state / "daemon.json", state)
    notes = {"60": "generate: preset=deep-house-loop engine=draft", "61": "lego: preset=add-bass engine=draft"}
    (state / "live" / "bindings.json").write_text(json.dumps({"channel": 1, "notes": notes}))
    booth = booths("Presets", state=state)
    booth.user.look_at("Session")
    booth.user.set(booth.song, tempo=132.0)
    booth.song.set_data("punchin.prompt", "what was asked for last time")
    booth.live.midi_in(0x90, 60, 1)
    booth.live.until(lambda: "Done." in booth.said)
    spec = newest_spec(live_daemon)
    assert (spec["prompt"][:10], spec["bars"], spec["bpm"]) == ("deep house", 8, 132.0)
    loop = booth.track.clip_slots[0].clip
    assert (loop.looping, loop.loop_start, loop.loop_end) == (True, 0.0, 32.0)
    booth.user.look_at("Arranger")
    clip_at(booth, music, name="plain")
    booth.live.midi_in(0x90, 61, 1)
    booth.live.until(lambda: booth.said[-1] == "Done: the first of 2 takes is heard, the others are switched off.")
    assert [track.name for track in booth.song.tracks][1:] == ["1-Audio bass"] * 2


def test_bindings_of_the_user_go_first_and_wrong_ones_are_told(booths, music, tmp_path, live_daemon):
    state = tmp_path / "own"
    (state / "live").mkdir(parents=True)
    shutil.copy(live_daemon.state / "daemon.json", state)
    own = state / "live" / "bindings.json"
    own.write_text('{"channel": 1, "notes": {"60": "repaint: toms seed=8 engine=draft"}}')
    booth = booths("eigene", state=state)
    in_slot(booth, music)
    booth.live.midi_in(0x90, 60, 1)
    booth.live.until(lambda: "Done." in booth.said)
    assert booth.track.clip_slots[1].clip.name == "toms (seed 8)"
    for wrong in ('{"channel": 17}', '{"channel": 1, "notes": {"60": "dance"}}', "[]", "{"):
        own.write_text(wrong)
        assert (
            booths(f"falsch {wrong[:14]}".replace('"', ""), state=state).said[0].startswith(f"{own} cannot be used: ")
        )
