"""The way to the daemon and back: UDP where it can be trusted, files where not; losses, restarts, two REAPERs."""

import time
from pathlib import Path

import pytest
from lupa import lua54
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder
from reaper import Sockets
from rig import PlainClient
from scripts import SCRIPTS

SPOILT = Sockets(spoil=lambda data: data[:40] + bytes(max(len(data) - 40, 0)))


def generate(daw, start=1.0, **answers):
    daw.project.time_selection = (start, start + 1.0)
    daw.answers.append({"Prompt": "techno", "Engine (auto/draft/acestep)": "draft", "Seed (-1: random)": "3"} | answers)
    daw.start(daw.actions_folder / "punchin_generate.lua")


def placed(daw, count=1):
    daw.until(lambda: len(daw.project.undo) >= count)


def via(daw):
    return daw.GetExtState("punchin", "via")


@pytest.mark.parametrize(("sockets", "link"), [(Sockets(), "udp"), (SPOILT, "spool"), (None, "spool")])
def test_the_link_is_chosen_by_what_works(daws, sockets, link):
    daw = daws()
    if sockets:
        daw.modules["socket.core"] = sockets.install
    generate(daw)
    placed(daw)
    assert via(daw) == link
    assert len(daw.project.items()) == 1


def test_the_user_can_settle_on_the_folder(daws):
    daw = daws()
    daw.modules["socket.core"] = Sockets().install
    settings = daw.actions_folder / "punchin_settings.lua"
    generate(daw)
    placed(daw)
    assert via(daw) == "udp"
    daw.answers.append({"Way to the daemon (auto/spool)": "spool"})
    daw.start(settings)
    assert [Path(script.path).name for script in daw.scripts] == ["punchin_background.lua"]
    generate(daw, start=5.0)
    placed(daw, 2)
    assert via(daw) == "spool"
    assert daw.ext_kept["punchin", "link"] == "spool"
    daw.answers.append({"Way to the daemon (auto/spool)": "smoke", "Part of an item (split/lane)": "lane"})
    daw.start(settings)
    assert daw.messages == ["Way to the daemon: auto or spool, smoke came."]
    assert daw.ext_kept["punchin", "parts"] == "split"
    assert len(daw.scripts) == 1


def test_lyrics_too_long_for_a_datagram_go_through_the_folder(daws):
    daw = daws()
    daw.modules["socket.core"] = Sockets().install
    generate(daw, Prompt="techno " * 580, Lyrics="la " * 1360)
    placed(daw)
    assert via(daw) == "spool"


def test_one_result_where_every_third_datagram_is_lost(daws):
    daw = daws()
    daw.modules["socket.core"] = Sockets(lose=lambda number, data: number % 3 == 2).install
    for number in range(3):
        generate(daw, start=10.0 * number)
    placed(daw, 3)
    daw.until(lambda: daw.GetExtState("punchin", "open") == "0")
    assert sorted(item.start for item in daw.project.items()) == [0.0, 10.0, 20.0]


@pytest.mark.parametrize("sockets", [Sockets(), None], ids=["udp", "spool"])
def test_the_result_comes_after_the_daemon_was_killed_in_mid_job(daws, own_daemon, sockets):
    daw = daws(state=own_daemon.state)
    if sockets:
        daw.modules["socket.core"] = sockets.install
    daw.project.time_selection = (0.0, 40.0)
    daw.answers.append({"Prompt": "ambient", "Engine (auto/draft/acestep)": "draft"})
    daw.start(daw.actions_folder / "punchin_generate.lua")
    daw.until(lambda: daw.GetExtState("punchin", "progress"))
    own_daemon.kill()
    own_daemon.start()
    placed(daw)
    (item,) = daw.project.items()
    assert item.frames(44100) == (0, 40 * 44100)


def test_two_reapers_with_the_same_settings_get_each_their_own(daws):
    first, second = daws(), daws()
    for daw, start in ((first, 1.0), (second, 5.0)):
        generate(daw, start)
    first.until(lambda: second.tick() or (first.project.undo and second.project.undo))
    assert [item.start for item in first.project.items()] == [1.0]
    assert [item.start for item in second.project.items()] == [5.0]


def test_a_reaper_that_was_silent_for_long_finds_its_name_again(daws, daemon):
    first = daws()
    first.start(first.actions_folder / "punchin_background.lua")
    (mark,) = (path for path in daemon.state.glob("spool/reaper-*/alive") if time.time() - path.stat().st_mtime < 5)
    said, since, own = mark.read_text().split()
    mark.write_text(f"{int(said) - 60} {int(since) - 60} {own}\n")  # it renders, or asks something
    second = daws()
    second.start(second.actions_folder / "punchin_background.lua")
    assert mark.read_text().split()[2] != own, "it takes the name"
    mark.write_text(f"{said} {int(since) - 60} {own}\n")
    second.until(mark.parent.with_name(f"{mark.parent.name}-2").is_dir)
    generate(second, start=5.0)
    placed(second)
    assert mark.read_text().split()[2] == own, "and gives it back"
    second.close()
    assert mark.exists()


def test_without_a_daemon_the_user_is_told_and_may_cancel(daws, tmp_path):
    daw = daws(state=tmp_path / "nowhere")
    generate(daw)
    daw.until(lambda: daw.console)
    assert daw.console == [
        "punchin: no daemon answers. What you asked for waits for it: `punchin serve` starts one, `punchin doctor` tells more.\n"
    ]
    assert daw.GetExtState("punchin", "open") == "1"
    daw.start(daw.actions_folder / "punchin_cancel.lua")
    daw.until(lambda: daw.GetExtState("punchin", "open") == "0")
    assert daw.messages == []


def test_what_nobody_has_answered_yet_is_asked_for_again_by_the_next_script(daws, own_daemon):
    own_daemon.kill()
    (own_daemon.state / "daemon.json").unlink(missing_ok=True)
    daw = daws(state=own_daemon.state)
    generate(daw)
    daw.until(lambda: daw.GetExtState("punchin", "open") == "1")
    daw.answers.append({"Part of an item (split/lane)": "lane"})
    daw.start(daw.actions_folder / "punchin_settings.lua")
    own_daemon.start()
    placed(daw)
    assert [item.start for item in daw.project.items()] == [1.0]
    assert [key for _, key in daw.ext if key.startswith("ask-")] == []


def test_a_result_that_came_while_reaper_was_closed_comes_at_the_next_start(daws):
    daw = daws()
    daw.project.time_selection = (0.0, 20.0)
    daw.answers.append({"Prompt": "ambient", "Engine (auto/draft/acestep)": "draft"})
    daw.start(daw.actions_folder / "punchin_generate.lua")
    daw.until(lambda: daw.GetExtState("punchin", "progress"))
    (background,) = daw.scripts
    background.end()
    daw.start(daw.actions_folder / "punchin_background.lua")
    placed(daw)
    assert len(daw.project.items()) == 1


def test_what_is_placed_is_not_placed_again_where_the_daemon_never_heard_of_it(daws, own_daemon):
    daw = daws(state=own_daemon.state)
    sockets = Sockets(lose=lambda number, data: data.startswith(b"/punchin/received"))
    daw.modules["socket.core"] = sockets.install
    generate(daw)
    placed(daw)
    (background,) = daw.scripts
    background.end()
    sockets.lose = lambda number, data: False
    surface = PlainClient(own_daemon.port)

    def state():
        surface.send("/punchin/status", "s-1")
        return surface.listen("/punchin/job")[-1].params[2]

    assert state() == "rendered"
    daw.start(daw.actions_folder / "punchin_background.lua")
    daw.until(lambda: state() == "received")
    surface.close()
    assert (len(daw.project.items()), len(daw.project.undo)) == (1, 1)


SYSTEMS = {
    "Win64": "LOCAL/punchin",
    "macOS-arm64": "HOME/Library/Application Support/punchin",
    "OSX64": "HOME/Library/Application Support/punchin",
    "Other": "STATE/punchin",
}


@pytest.mark.parametrize(("system", "state"), SYSTEMS.items())
def test_without_an_installer_the_daemon_is_looked_for_where_it_is(daws, monkeypatch, system, state):
    for name, value in {"LOCALAPPDATA": "LOCAL", "HOME": "HOME", "XDG_STATE_HOME": "STATE"}.items():
        monkeypatch.setenv(name, value)
    daw = daws(system=system)
    (daw.actions_folder / "punchin" / "config.lua").unlink()
    script = daw.actions_folder / "ask.lua"
    script.write_text(
        f"""
        package.path = [[{daw.actions_folder}/?.lua]]
        reaper.SetExtState("test", "state", require("punchin.place").load([[{daw.actions_folder}/]]).state, false)
        """
    )
    daw.start(script)
    assert daw.GetExtState("test", "state") == state


# The codec, beside an independent one


@pytest.fixture(scope="module")
def osc():
    lua = lua54.LuaRuntime(encoding=None)
    lua.execute(b"package.path = ...", f"{SCRIPTS}/?.lua".encode())
    return lua.require(b"punchin.osc")[0], lua


def test_messages_are_those_of_python_osc(osc):
    codec, lua = osc
    tagged = [("text", "s"), ("Ümläut – ♯", "s"), ("", "s"), ("abc", "s"), ("abcd", "s"), (1, "i"), (-(2**31), "i")]
    tagged += [(2**31, "h"), (-(2**40), "h"), (1.5, "d"), (-0.1, "d"), (True, "T"), (False, "F")]
    values = [value for value, _ in tagged]
    builder = OscMessageBuilder("/punchin/generate")
    for value, tag in tagged:
        builder.add_arg(value, tag)
    raw = [value.encode() if isinstance(value, str) else value for value in values]
    packet = codec[b"encode"](b"/punchin/generate", lua.table_from(raw))
    assert packet == builder.build().dgram
    address, decoded = codec[b"decode"](packet)
    assert address == b"/punchin/generate"
    assert list(decoded.values()) == raw
    assert OscMessage(packet).params == values


@pytest.mark.parametrize(
    "packet", [b"", b"junk", b"/a\0\0", b"/a\0\0,s\0\0", b"/a\0\0,x\0\0", b"/a\0\0,i\0\0\0", b"\0" * 64]
)
def test_junk_is_no_message(osc, packet):
    assert osc[0][b"decode"](packet) is None
