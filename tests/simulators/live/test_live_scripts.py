"""What the simulated Live does to a script: imports it, ticks, sends MIDI, stalls, and opens another Set."""

import sys
import textwrap

import pytest

from live import Live

pytestmark = pytest.mark.ableton

SCRIPT = """
    import Live
    from .told import told

    class Surface:
        def __init__(self, c_instance):
            self.c = c_instance
            self.ticks = self.displays = 0
            self.bad = False
            self.timer = Live.Base.Timer(callback=self.tick, interval=20, repeat=True, start=True)
            self.c.song().view.add_selected_track_listener(self.selected)

        def tick(self):
            self.ticks += 1
            if self.bad:
                raise ValueError("bad")

        def selected(self):
            self.c.log_message("selected")

        def update_display(self):
            self.displays += 1

        def build_midi_map(self, handle):
            Live.MidiMap.forward_midi_note(self.c.handle(), handle, 0, 60)
            Live.MidiMap.forward_midi_cc(self.c.handle(), handle, 1, 7)
            self.handle = handle

        def receive_midi(self, message):
            self.c.show_message(told(message))

        def suggest_map_mode(self, cc_no, channel):
            return -1

        def connect_script_instances(self, scripts):
            self.asked = ["connect"]

        def can_lock_to_devices(self):
            self.asked.append("lock")
            return False

        def suggest_input_port(self):
            self.asked.append("in")
            return ""

        def suggest_output_port(self):
            self.asked.append("out")
            return ""

        def refresh_state(self):
            self.asked.append("refresh")

        def disconnect(self):
            self.timer.stop()
            self.c.song().view.remove_selected_track_listener(self.selected)

    def create_instance(c_instance):
        return Surface(c_instance)
"""
TOLD = """
    def told(message):
        import Live.Application

        return "%d in %s" % (message[1], Live.Application.get_application().get_version_string())
"""


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "Remote Scripts" / "Surface"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(textwrap.dedent(SCRIPT))
    (folder / "told.py").write_text(textwrap.dedent(TOLD))
    return folder


def test_a_new_script_is_asked_what_live_asks(package):
    live = Live()
    script = live.start(package)
    live.pass_time(100)
    assert script.asked == ["connect", "lock", "in", "out", "refresh"]
    (package / "__init__.py").write_text("def create_instance(c_instance):\n    return object()\n")
    bare = Live()
    bare.start(package)
    assert len(bare.faults) == 10
    assert bare.faults[0] == "Surface has no connect_script_instances, which Live calls"


def test_timers_and_displays_come_at_their_pace(package):
    live = Live()
    script = live.start(package)
    live.pass_time(1000)
    assert (script.ticks, script.displays) == (50, 10)
    live.quit()
    live.pass_time(1000)
    assert (script.ticks, live.faults) == (50, [])


def test_nothing_comes_while_a_menu_is_open(package):
    live = Live()
    script = live.start(package)
    live.menu_open = True
    live.midi_in(0x90, 60, 100)
    live.pass_time(10000)
    assert (script.ticks, script.displays, live.messages) == (0, 0, [])
    live.menu_open = False
    live.turn()
    assert (script.ticks, len(live.messages)) == (1, 1)


def test_a_timer_dies_of_an_exception(package):
    live = Live()
    script = live.start(package)
    script.bad = True
    live.pass_time(1000)
    assert (script.ticks, script.timer.running) == (1, False)
    assert live.faults == ["Timer: ValueError: bad"]
    assert live.log == ["RemoteScriptError: Timer: ValueError: bad"]
    script.bad = False
    script.timer.restart()
    live.pass_time(100)
    assert script.ticks == 6


def test_a_timer_of_one_shot_fires_once():
    live = Live()
    fired = []
    timer = live.modules["Live.Base"].Timer(lambda: fired.append(live.now), 30)
    live.pass_time(100)
    timer.start()
    live.pass_time(100)
    assert (fired, timer.running) == ([130], False)
    with pytest.raises(TypeError):
        live.modules["Live.Base"].Timer(lambda: None, 1.5)


def test_midi_comes_where_it_was_asked_for_and_an_input_is_chosen(package):
    live = Live()
    script = live.start(package)
    for message in (0x90, 60, 100), (0x80, 60, 0), (0x90, 61, 100), (0xB0, 7, 1), (0xB1, 7, 1):
        live.midi_in(*message)
        live.turn()
    assert live.messages == ["60 in 12.2.0", "60 in 12.2.0", "7 in 12.2.0"]
    live.has_input = False
    live.midi_in(0x90, 60, 100)
    live.turn()
    assert len(live.messages) == 3
    with pytest.raises(RuntimeError):
        live.modules["Live.MidiMap"].forward_midi_note(1, script.handle, 0, 61)
    script.c.request_rebuild_midi_map()
    live.turn()
    assert script.handle == 2


def test_two_lives_share_nothing(package):
    new, old = Live("12.2"), Live("11.3.20")
    scripts = [live.start(package) for live in (new, old)]
    assert type(scripts[0]) is not type(scripts[1])
    for live in new, old:
        live.midi_in(0x90, 60, 100)
        live.turn()
    assert (new.messages, old.messages) == (["60 in 12.2.0"], ["60 in 11.3.20"])
    assert "Live" not in sys.modules
    assert "Surface" not in sys.modules


def test_a_script_that_leaves_something_behind_is_told_on(package):
    live = Live()
    script = live.start(package)
    script.disconnect = lambda: None
    live.song.begin_undo_step()
    live.quit()
    assert live.faults == [
        "an undo step was left open", "a timer runs on after disconnect", "a listener is left after disconnect",
    ]  # fmt: skip


def test_another_set_makes_the_script_again(package):
    live = Live()
    script, track = live.start(package), live.song.tracks[0]
    live.new_set()
    assert track == None  # noqa: E711
    again = live.scripts[0]
    assert again is not script
    assert again.c.song() is live.song
    live.quit()
    assert live.faults == []


def test_what_is_kept_in_a_set_is_there_when_it_is_opened_again(tmp_path):
    live = Live()
    assert live.song.file_path == ""
    track = live.user.audio_track("Voice")
    live.song.set_data("prompt", "warm strings")
    track.set_data("takes", [("a", 1), ("b", 2)])
    live.user.midi_clip(live.user.midi_track("Keys").clip_slots[1], 8)
    live.user.cue(12, "ace: brass")
    path = tmp_path / "Song Project" / "Song.als"
    live.user.save(path)
    live.user.set(live.song, tempo=99.0)
    live.open_set(path)
    assert (live.song.tempo, live.song.name, live.song.file_path) == (120.0, "Song", str(path))
    assert live.song.get_data("prompt", "") == "warm strings"
    assert live.song.get_data("other", 7) == 7
    assert live.song.tracks[1].get_data("takes", []) == [("a", 1), ("b", 2)]
    assert live.song.tracks[2].clip_slots[1].clip.length == 8.0
    assert [cue.name for cue in live.song.cue_points] == ["ace: brass"]
    with pytest.raises(TypeError):
        live.song.set_data("path", path)


def test_views_cannot_change_while_a_script_is_made():
    live = Live()
    live.initialising = True
    with pytest.raises(RuntimeError):
        live.application.view.show_view("Session")
    live.initialising = False
    live.application.view.show_view("Session")
    assert live.application.view.focused_document_view == "Session"


def test_a_launched_clip_plays_from_the_next_tick(tmp_path):
    live = Live()
    told = []
    track = live.user.midi_track()
    slot = track.clip_slots[1]
    clip = live.user.midi_clip(slot, 4)
    clip.add_playing_status_listener(lambda: told.append((clip.is_triggered, clip.is_playing)))
    live.user.launch(slot)
    assert (slot.is_triggered, track.fired_slot_index, track.playing_slot_index) == (True, 1, -1)
    live.turn()
    assert (slot.is_triggered, track.fired_slot_index, track.playing_slot_index) == (False, -1, 1)
    assert told == [(True, False), (True, True)]
    live.user.launch(track.clip_slots[0])
    assert (clip.is_playing, track.playing_slot_index) == (False, -1)
