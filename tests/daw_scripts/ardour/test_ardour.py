"""The whole way in a real Ardour, with a running daemon: what is selected is heard, and results lie where they belong.

Every test has a track of its own, and a stretch of time of its own on it, so that what it exports is its own.
"""

import signal
from pathlib import Path

import mido
import numpy as np
import psutil
import pytest
import rig
import soundfile
from ardour_rig import PATIENCE, RATE, until

DRAFT = {"engine": "draft"}
SONG = 426667
"""Frames of the recording."""
TICKS = 1920
"""A quarter note, as Ardour counts."""


def at(seconds):
    return round(seconds * RATE)


def exported(studio, name, start, stop):
    """What Ardour's master bus plays of this stretch: [frames, channels]."""
    studio.ask(f'export("{studio.folder}", "{name}", {start}, {stop})')
    return soundfile.read(studio.folder / f"{name}.wav", dtype="float32", always_2d=True)[0]


def test_a_repaint_by_the_dialog_lies_on_top_and_is_exact_to_the_bit(studio, song, pictures):
    start, stop = at(3.5), at(5.25) + 7  # not on whole milliseconds
    studio.new_track("Gitarre", RATE)
    studio.select("Gitarre", start, stop)
    studio.ask("Editor:reset_zoom(512)")
    window = studio.choose("Repaint")
    studio.display.run("xdotool", "windowfocus", window)
    studio.display.run("xdotool", "type", "--delay", "30", "add drums")
    pictures(studio, "ardour-dialog", window)
    studio.display.press(window, "alt+o")
    studio.ardour.answer()
    original, new = studio.wait_for_regions("Gitarre", 2)
    assert original[:3] == ("chaosland.1", RATE, SONG)
    assert new[0].startswith("add drums (seed ")
    assert new[1:] == (start, stop - start, 1, False, False)
    assert studio.saved("Gitarre")[new[0]] == (start, stop - start)
    spec = studio.spec()
    assert spec["prompt"] == "add drums"
    assert (spec["bpm"], spec["meter"]) == (120.0, "4/4")
    assert "Repaint_prompt=add drums" in (studio.session.parent / "punchin" / "answers").read_text()
    studio.ask('select_region("Gitarre")')
    pictures(studio, "ardour-repaint", crop="1000x144+0+260")

    played = exported(studio, "repaint", RATE, RATE + SONG)
    heard = song[1][: len(played)]
    inside = slice(start - RATE, stop - RATE)
    changed = np.flatnonzero((played != heard).any(axis=1))
    assert changed.min() >= inside.start
    assert changed.max() < inside.stop
    assert np.abs(played[inside] - heard[inside]).max() > 0.05
    clip = next(
        path for path in (studio.session.parent / "interchange" / "song" / "audiofiles").glob("Gitarre_*%L.wav")
    )
    assert np.array_equal(played[inside, 0], soundfile.read(clip, dtype="float32")[0])

    studio.undo()
    assert [region[0] for region in studio.regions("Gitarre")] == ["chaosland.1"]


def test_the_first_of_several_takes_is_heard_and_one_undo_removes_all(studio):
    studio.new_track("Takes", at(20))
    studio.select("Takes", at(22), at(24))
    studio.trigger("repaint", prompt="half time", takes=3, seed=40, **DRAFT)
    regions = studio.wait_for_regions("Takes", 4)
    assert [region[0] for region in regions[1:]] == [
        "half time (seed 42)",
        "half time (seed 41)",
        "half time (seed 40)",
    ]
    assert {region[1:3] for region in regions[1:]} == {(at(22), at(2))}
    studio.undo()
    assert len(studio.regions("Takes")) == 1
    studio.ask("Editor:redo(1)")
    assert len(studio.regions("Takes")) == 4
    studio.ask('select_region("Takes")')
    studio.trigger("more_takes", takes=2)
    regions = studio.wait_for_regions("Takes", 6)
    assert [region[0] for region in regions[4:]] == ["half time (seed 44)", "half time (seed 43)"]
    assert {region[1:3] for region in regions[1:]} == {(at(22), at(2))}
    studio.undo()
    assert len(studio.regions("Takes")) == 4
    # a region that was moved, and trimmed by half a second, since
    studio.ask(f'move_region("Takes", {at(32)}, {at(32.5)})')
    studio.ask(f'select_region("Takes", {at(32.5)})')
    studio.trigger("more_takes", takes=1)
    regions = studio.wait_for_regions("Takes", 5)
    assert [region[:3] for region in regions if region[1] == at(32.5)] == [
        ("half time (seed 40)", at(32.5), at(1.5)),
        ("half time (seed 45)", at(32.5), at(1.5)),
    ]


def test_stems_stand_on_tracks_behind_their_source_and_add_up_to_it(studio, song, pictures):
    position, start, stop = at(40), at(41), at(44)
    studio.new_track("Band", position)
    studio.new_track("After the band", at(400))
    studio.select("Band", start, stop)
    studio.trigger("extract", tracks="drums,bass,residual", **DRAFT)
    studio.wait_for_track("residual")
    names = studio.tracks()
    first = names.index("Band")
    assert names[first : first + 5] == ["Band", "drums", "bass", "residual", "After the band"]
    for stem in ("drums", "bass", "residual"):
        assert studio.regions(stem) == [(stem, start, stop - start, 0, False, False)]
    studio.ask(f"Editor:deselect_all() Editor:reset_zoom(700) Editor:reset_x_origin({at(39.5)})")
    studio.ask('for _ = 1, 3 do Editor:access_action("Editor", "step-tracks-down") end')
    pictures(studio, "ardour-stems", crop="1000x272+0+260")
    studio.ask("Editor:reset_x_origin(0)")
    studio.ask('Session:route_by_name("Band"):mute_control():set_value(1, PBD.GroupControlDisposition.NoGroup)')
    played = exported(studio, "stems", start, stop)
    heard = song[1][start - position : stop - position]
    assert 20 * np.log10(np.abs(played - heard).max()) < -90
    studio.undo()
    assert [studio.regions(stem) for stem in ("drums", "bass", "residual")] == [[], [], []]


def test_new_music_goes_to_the_track_where_it_is_free_and_beside_it_where_not(studio):
    studio.ask('new_track("Free", 2)')
    studio.select("Free", at(60), at(64))
    studio.trigger("generate", prompt="lofi hip hop", seed=3, **DRAFT)
    (region,) = studio.wait_for_regions("Free", 1)
    assert region[:3] == ("lofi hip hop (seed 3)", at(60), at(4))
    studio.select("Free", at(62), at(65))
    studio.trigger("generate", prompt="techno", seed=3, **DRAFT)
    studio.wait_for_track("punchin: techno")
    assert studio.regions("punchin: techno")[0][:3] == ("techno (seed 3)", at(62), at(3))
    assert studio.regions("Free") == [region]
    names = studio.tracks()
    assert names.index("punchin: techno") == names.index("Free") + 1


def test_what_comes_after_and_before_meets_the_source_in_a_crossfade(studio, song):
    position, handles = at(90), at(0.05)
    studio.new_track("Edges", position)
    studio.ask('select_region("Edges")')
    studio.trigger("continue_after", bars=2, seed=1, **DRAFT)
    after = studio.wait_for_regions("Edges", 2)[-1]
    end = position + SONG
    # two bars of 4/4 at 120
    assert after[1:3] == (end - handles, at(4) + handles)
    assert after[4:] == (True, False)
    studio.ask('select_region("Edges")')
    studio.trigger("more_takes", takes=1)
    more = studio.wait_for_regions("Edges", 3)[-1]
    assert more[0] == "continue (seed 2)"
    assert more[1:3] == after[1:3]
    assert more[4:] == (True, False)
    studio.select("Edges", position - at(1.5), position)
    studio.trigger("continue_before", seed=1, **DRAFT)
    (before,) = [region for region in studio.wait_for_regions("Edges", 4) if region[1] < position]
    assert before[1:3] == (position - at(1.5), at(1.5) + handles)
    assert before[4:] == (False, True)
    played = exported(studio, "edges", position, end)
    assert np.array_equal(played[handles:-handles], song[1][handles : SONG - handles])


def test_the_other_actions_put_their_results_where_they_belong(studio):
    start, stop = at(111), at(115)
    studio.new_track("Solo", at(110))
    studio.select("Solo", start, stop)
    studio.trigger("cover", prompt="jazz", strength=0.5, seed=7, **DRAFT)
    studio.trigger("lego", track="bass", midi=True, takes=2, **DRAFT)
    studio.trigger("complete", instruments="drums,bass", midi=True, **DRAFT)
    until(lambda: len(placed(studio, start, stop)) == 8)
    with_notes = ["bass MIDI", "bass MIDI", "drums", "drums MIDI"]
    assert placed(studio, start, stop) == ["bass", "bass", "bass", *with_notes, "jazz (seed 7)"]
    assert len(studio.regions("Solo")) == 2


def placed(studio, start, stop):
    """Names of all regions that fill a stretch."""
    regions = [region for name in studio.tracks() for region in studio.regions(name)]
    return sorted(region[0] for region in regions if region[1:3] == (start, stop - start))


def test_the_tempo_map_of_the_session_is_told(studio):
    studio.new_track("Tempo", at(200))
    studio.ask(
        "local map = Temporal.TempoMap.fetch_writable()\n"
        f"map:set_tempo(Temporal.Tempo(90, 90, 4), Temporal.timepos_t({at(202)}))\n"
        "Temporal.TempoMap.update(map)"
    )
    studio.select("Tempo", at(203), at(205))
    studio.trigger("repaint", prompt="quieter", **DRAFT)
    studio.wait_for_regions("Tempo", 2)
    spec = studio.spec()
    assert spec["bpm"] == 120.0
    changes = spec["tempo_map"]
    assert [change[1:] for change in changes] == [[120.0, 4, 4], [90.0, 4, 4]]
    # heard from 20 seconds before the selection on
    assert changes[1][0] == pytest.approx(202 - 183, abs=1 / RATE)


def test_the_notes_of_a_stem_lie_behind_it_where_they_are_heard(studio):
    start, change, stop = at(253) + 7, at(256), at(259) + 11
    studio.new_track("Beat", at(252))
    studio.ask(
        "local map = Temporal.TempoMap.fetch_writable()\n"
        f"map:set_tempo(Temporal.Tempo(90, 90, 4), Temporal.timepos_t({at(250)}))\n"
        f"map:set_tempo(Temporal.Tempo(150, 150, 4), Temporal.timepos_t({change}))\n"
        "Temporal.TempoMap.update(map)"
    )
    studio.select("Beat", start, stop)
    before, sources = studio.midi_files(), len(studio.tracks())
    window = studio.choose("Extract stems")
    studio.display.run("xdotool", "windowfocus", window)
    studio.display.run("xdotool", "type", "--delay", "30", "drums,residual")
    studio.display.run("xdotool", "key", "Tab", "space")
    studio.display.press(window, "alt+o")
    studio.ardour.answer()
    until(lambda: len(studio.tracks()) == sources + 3)
    names = studio.tracks()
    _, drums, notes, residual = names[names.index("Beat") : names.index("Beat") + 4]
    assert (drums.rstrip(" 0123456789"), notes.rstrip(" 0123456789")) == ("drums", "drums MIDI")
    until(lambda: studio.regions(notes))
    assert studio.regions(drums) == [("drums", start, stop - start, 0, False, False)]
    beats = (change - start) / RATE * 90 / 60 + (stop - change) / RATE * 150 / 60
    ((name, position, ticks),) = studio.saved_notes(notes)
    assert (name, position) == ("drums MIDI", start)
    assert abs(ticks - beats * TICKS) <= 1

    assert "Extractstems_midi=true" in (studio.session.parent / "punchin" / "answers").read_text()

    (heard,) = studio.midi_files() - before
    seconds, wanted = 0.0, []
    for message in mido.MidiFile(heard):
        seconds += message.time
        if message.type == "note_on":
            wanted.append((message.note, start + seconds * RATE))
    placed_notes = studio.notes(notes)
    assert len(placed_notes) > 10
    assert sorted(pitch for pitch, _ in placed_notes) == sorted(pitch for pitch, _ in wanted)
    for (_, frame), (_, meant) in zip(placed_notes, sorted(wanted, key=lambda note: note[1]), strict=True):
        assert abs(frame - meant) <= RATE * 60 / 90 / TICKS

    studio.ask(f'play_notes("{notes}") solo("{notes}", 1)')
    played = np.abs(exported(studio, "notes", start - RATE, stop + RATE)).max(axis=1)
    first = min(frame for _, frame in placed_notes)
    assert np.flatnonzero(played > 1e-5)[0] == pytest.approx(RATE + first - start, abs=at(0.001))
    studio.ask(f'solo("{notes}", 0)')

    studio.undo()
    assert [studio.regions(track) for track in (drums, notes, residual)] == [[], [], []]
    studio.ask("Editor:redo(1)")
    assert [len(studio.regions(track)) for track in (drums, notes, residual)] == [1, 1, 1]


def test_cancel_says_what_is_rendered_and_ends_it(studio, pictures):
    studio.ask('new_track("Never", 2)')
    studio.select("Never", at(300), at(550))
    studio.trigger("generate", prompt="orchestra", takes=8, **DRAFT)
    until(lambda: studio.state_of("orchestra") in {"queued", "rendering"})
    until(lambda: "orchestra: rendering" in studio.said_by_the_background())
    window = studio.choose("Cancel")
    pictures(studio, "ardour-cancel", window)
    studio.display.press(window, "alt+y")
    until(lambda: studio.state_of("orchestra") == "cancelled")
    assert studio.regions("Never") == []


def test_a_refusal_is_a_message_that_the_user_can_close(studio):
    studio.ask("Editor:deselect_all()")
    studio.ask("Editor:get_selection():clear_all()")
    studio.trigger("repaint", prompt="louder")
    studio.display.press(until(studio.message), "alt+c")
    until(lambda: not studio.message())


def test_results_wait_while_the_user_records(studio):
    studio.ask('new_track("Singer", 2)')
    studio.select("Singer", at(560), at(561))
    studio.ask('record("Singer")')
    until(lambda: studio.ask("return Session:actively_recording()") == "true")
    studio.trigger("generate", prompt="bossa", seed=1, **DRAFT)
    until(lambda: studio.state_of("bossa") == "rendered")
    heard = studio.delivered()
    until(lambda: studio.delivered() > heard)  # the daemon has said again that it is done
    assert studio.regions("Singer") == []
    assert studio.state_of("bossa") == "rendered"
    studio.ask('stop_recording("Singer")')
    recorded, new = studio.wait_for_regions("Singer", 2)
    assert recorded[0].startswith("Take")
    assert new[:3] == ("bossa (seed 1)", at(560), at(1))


def test_stems_come_even_if_their_notes_are_gone(studio):
    start, stop = at(556), at(558)
    studio.new_track("Drummer", at(555))
    studio.ask('new_track("Recorded", 2)')
    studio.select("Drummer", start, stop)
    studio.ask('record("Recorded")')
    until(lambda: studio.ask("return Session:actively_recording()") == "true")
    before = studio.midi_files()
    studio.trigger("extract", tracks="drums,residual", midi=True, **DRAFT)
    until(lambda: len(studio.midi_files() - before) == 1 and studio.jobs()[-1]["state"] == "rendered")
    (notes,) = studio.midi_files() - before
    notes.unlink()
    tracks = len(studio.tracks())
    studio.ask('stop_recording("Recorded")')
    until(lambda: len(studio.tracks()) == tracks + 2)
    until(lambda: {"drums", "residual"} <= set(placed(studio, start, stop)))
    studio.display.press(until(studio.message), "alt+c")
    until(lambda: not studio.message())


def test_requests_and_results_wait_until_their_session_is_open_again(studio, pictures):
    start, stop = at(570), at(578)
    studio.ask('new_track("Later", 2)')
    studio.select("Later", start, stop)
    studio.saved("Later")
    studio.trigger("generate", prompt="ambient", seed=2, **DRAFT)
    until(lambda: studio.state_of("ambient"))
    studio.daemon.process.send_signal(signal.SIGSTOP)
    studio.select("Later", at(580), at(581))
    window = studio.choose("Generate into range")
    studio.display.run("xdotool", "windowfocus", window)
    studio.display.run("xdotool", "type", "--delay", "30", "night")
    studio.display.press(window, "alt+o")
    studio.ardour.answer()
    window = until(studio.message)
    pictures(studio, "ardour-silent", window)
    studio.display.press(window, "alt+c")
    until(lambda: not studio.message())
    greeted = studio.greeted_at()
    until(lambda: studio.greeted_at() > greeted)
    assert not studio.message()  # whoever has read it can work, though there is still no daemon
    studio.ardour.quit()
    studio.daemon.process.send_signal(signal.SIGCONT)
    until(lambda: studio.state_of("ambient") == "rendered")
    studio.open()
    found = studio.wait_for_regions("Later", 2)
    assert found[0][:3] == ("ambient (seed 2)", start, stop - start)
    assert found[1][0].startswith("night (seed ")
    assert found[1][1:3] == (at(580), at(1))


def test_a_daemon_that_dies_is_told_and_the_clip_comes_after_its_restart(studio):
    start, stop = at(600), at(612)
    studio.ask('new_track("Late", 2)')
    studio.select("Late", start, stop)
    studio.trigger("generate", prompt="rock", takes=2, seed=9, **DRAFT)
    rig.until(lambda: studio.state_of("rock") == "rendering", PATIENCE)
    studio.daemon.kill()
    assert studio.regions("Late") == []
    until(studio.message)
    # it is Ardour that starts it again
    regions = studio.wait_for_regions("Late", 2)
    assert [region[:3] for region in regions] == [
        ("rock (seed 10)", start, stop - start),
        ("rock (seed 9)", start, stop - start),
    ]
    assert not studio.message()
    assert studio.jobs()[-1]["interruptions"] == 1
    assert studio.daemons_pid() != studio.daemon.process.pid
    # and nothing of Ardour's stays open for as long as the daemon lives
    files = [Path(file.path) for file in psutil.Process(studio.daemons_pid()).open_files()]
    assert files
    assert not [file for file in files if studio.session.parent in file.parents]
