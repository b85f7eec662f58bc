"""Presets: those that are shipped are legal, mean what they say and render; those of the user win, and change while it runs."""

import json
import re
from pathlib import Path

import pytest
from rig import Daemon, PlainClient, keys_of

from bridge import preset_commands
from bridge.presets import Shelf, presets, read
from bridge.protocol.codec import decode
from engine.backends.draft import DESCRIPTION, stylebook
from engine.backends.draft.prompt import DEFAULT_STYLE
from engine.backends.draft.prompt import read as understood
from engine.backends.draft.wishes import read as wishes
from engine.errors import InvalidSpec, NotFound
from engine.spec import Verb

REQUEST = {
    Verb.GENERATE: {},
    Verb.CONTINUE: {"source": "/a.wav", "start": 0.0, "end": 1.0},
    Verb.REPAINT: {"source": "/a.wav", "start": 0.0, "end": 1.0},
}
SHIPPED = presets()


def preset(path, values="", verb="generate", head="version = 1"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{head}\nverb = "{verb}"\ndescription = "d"\n[values]\n{values}\n')
    return path


def decoded(name):
    shipped = SHIPPED[name]
    keys = {"preset": name, **REQUEST.get(shipped.verb, {"source": "/a.wav"})}
    return decode(f"/punchin/{shipped.verb}", ("r", *[item for pair in keys.items() for item in pair]), SHIPPED).spec


def test_there_are_presets_for_every_verb_that_renders():
    assert len(SHIPPED) >= 40
    assert {shipped.verb for shipped in SHIPPED.values()} == set(Verb) - {Verb.UNDERSTAND}
    assert len({shipped.description for shipped in SHIPPED.values()}) == len(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_preset_needs_nothing_but_a_place(name):
    spec = decoded(name)
    assert spec.preset == name
    sings = "vocals" in (spec.tracks or ()) or spec.track == "backing_vocals"
    able = DESCRIPTION.obstacle(spec) is None and (spec.track is None or spec.track in DESCRIPTION.tracks)
    assert able or sings, "what does not sing needs no weights"
    if spec.loop:
        assert spec.bars % 4 == 0


@pytest.mark.parametrize("name", [name for name, shipped in SHIPPED.items() if shipped.verb is Verb.GENERATE])
def test_the_draft_engine_knows_the_style_that_a_preset_means(name):
    heard = understood(SHIPPED[name].values["prompt"], stylebook.load_styles(), stylebook.load_vocabulary())
    assert heard.style.name != DEFAULT_STYLE


def test_what_a_preset_of_a_repaint_asks_for_is_followed():
    repaints = {name: shipped.values for name, shipped in SHIPPED.items() if shipped.verb is Verb.REPAINT}
    said = {name: wishes(values["prompt"]) for name, values in repaints.items() if "prompt" in values}
    assert {name for name, heard in said.items() if not heard} == set()
    assert said["breakdown"] == ("no drums", "no bass", "quieter")


def test_what_is_wrong_with_a_preset_is_told(tmp_path):
    def fault(**how):
        with pytest.raises(InvalidSpec) as caught:
            read(preset(tmp_path / "p.toml", **how))
        return str(caught.value)

    assert fault(values="bmp = 120") == "no such key: bmp"
    assert fault(values="bpm = 900") == "bpm: must be 30 to 300, 900 came"
    assert fault(values="loop = true", verb="repaint") == "loop: only generate makes loops, this is repaint"
    assert fault(head="version = 2") == "version: 2 came, this punchin reads version 1"
    assert fault(verb="remix").startswith("verb: must be one of generate, ")
    assert fault(head="colour = 1") == "colour: no such field; the fields are version, verb, description, values"
    assert fault(head="version = ").startswith("it is no TOML: ")
    assert fault(values='ranges = "3-2"', verb="repaint").startswith("end: a selection lasts 0.01-600 seconds")
    (tmp_path / "p.toml").write_text('verb = "repaint"\n')
    with pytest.raises(InvalidSpec, match="description: one line"):
        read(tmp_path / "p.toml")
    assert read(preset(tmp_path / "old.toml", head="")).verb is Verb.GENERATE, "the first presets named no version"


def test_a_preset_that_is_none_is_left_out_and_ones_own_take_the_place_of_the_shipped(tmp_path):
    (tmp_path / "broken.toml").write_text("verb = ")
    preset(tmp_path / "unknown.toml", "bmp = 120")
    preset(tmp_path / "mine.toml", "bpm = 120")
    preset(tmp_path / "lofi-loop.toml", "bpm = 60")
    found = presets(tmp_path)
    assert set(found) == set(SHIPPED) | {"mine"}
    assert found["lofi-loop"].values == {"bpm": 60}


def test_a_shelf_is_as_the_files_are(tmp_path):
    shelf = Shelf(tmp_path / "presets")
    assert set(shelf) == set(SHIPPED)
    mine = preset(tmp_path / "presets" / "mine.toml", "bpm = 120")
    assert shelf["mine"].values == {"bpm": 120}
    preset(mine, "bpm = 90.5")
    assert shelf["mine"].values == {"bpm": 90.5}
    preset(mine, "bpm = 9999")
    assert "mine" not in shelf, "a preset that became illegal is none"
    preset(mine, "bpm = 90")
    assert len(shelf) == len(SHIPPED) + 1
    mine.unlink()
    assert "mine" not in shelf


def test_the_commands(tmp_path, capsys):
    assert preset_commands.new("my-loop", like="lofi-loop", state=tmp_path) == 0
    path = tmp_path / "presets" / "my-loop.toml"
    assert capsys.readouterr().out == f"{path}\n"
    assert preset_commands.new("fill", verb=Verb.REPAINT, state=tmp_path) == 0
    for wrong in ("my-loop", "a/b", "", ".hidden"):
        with pytest.raises(InvalidSpec, match="name: "):
            preset_commands.new(wrong, state=tmp_path)
    with pytest.raises(InvalidSpec, match="verb: must be one of"):
        preset_commands.new("ears", verb=Verb.UNDERSTAND, state=tmp_path)
    with pytest.raises(NotFound, match="no preset 'nope'"):
        preset_commands.show("nope", state=tmp_path)
    capsys.readouterr()
    assert preset_commands.show("my-loop", state=tmp_path) == 0
    assert capsys.readouterr().out == f"# {path}\n{path.read_text()}"
    assert preset_commands.listing(state=tmp_path, verb=Verb.GENERATE, json=True) == 0
    listed = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert (listed["my-loop"]["origin"], listed["lofi-loop"]["origin"]) == ("yours", "punchin")
    assert {entry["verb"] for entry in listed.values()} == {"generate"}
    assert preset_commands.check(state=tmp_path) == 0
    path.write_text("version = 1")
    assert preset_commands.check(state=tmp_path) == 1
    assert preset_commands.check(path) == 1
    assert "my-loop" in capsys.readouterr().err


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    state = tmp_path_factory.mktemp("presets") / "state"
    state.mkdir()
    daemon = Daemon(state)
    client = PlainClient(daemon.port)
    yield daemon, client
    client.close()
    daemon.stop()


@pytest.mark.parametrize(
    ("name", "keys", "clips", "note"),
    [
        ("reggaeton-loop", {"bars": 2}, 1, ""),
        ("drum-fill", {"start": 4.0, "end": 6.0, "takes": 1}, 1, "fill"),
        ("half-time-drums", {"start": 4.0, "end": 8.0}, 1, "half time"),
        ("carry-on", {"start": 10.0, "end": 14.0}, 2, ""),
        ("drums-and-the-rest", {}, 2, ""),
        ("add-bass", {"start": 2.0, "end": 8.0}, 2, ""),
        ("rhythm-section", {"start": 2.0, "end": 8.0}, 2, ""),
        ("as-bossa", {"start": 2.0, "end": 8.0}, 1, ""),
    ],
)
def test_presets_render_with_the_draft_engine(studio, song, name, keys, clips, note):
    _, client = studio
    verb = SHIPPED[name].verb
    values = {"preset": name, "engine": "draft", "seed": 8, **keys}
    if verb is not Verb.GENERATE:
        values["source"] = str(song)
    client.send(f"/punchin/{verb}", name, *[item for pair in values.items() for item in pair])
    got = client.listen("/punchin/done", "/punchin/failed", "/punchin/rejected")
    assert got[-1].address == "/punchin/done", got[-1].params
    client.send("/punchin/received", got[-1].params[0])
    heard = [keys_of(message) for message in got if message.address == "/punchin/clip"]
    assert len(heard) == clips
    assert note in heard[0].get("note", "")
    assert any(not clip["silent"] for clip in heard)


def test_a_running_daemon_takes_a_preset_that_was_just_written(studio):
    daemon, client = studio
    client.send("/punchin/generate", "early", "preset", "just-now")
    assert client.listen("/punchin/rejected")[-1].params[:2] == ["early", "not_found"]
    preset(daemon.state / "presets" / "just-now.toml", 'prompt = "techno"\nlength = 1.0')
    client.send("/punchin/generate", "now", "preset", "just-now", "engine", "draft")
    assert client.listen("/punchin/done", "/punchin/rejected")[-1].address == "/punchin/done"


def test_the_docs_list_all_of_them():
    page = (Path(__file__).parents[2] / "docs" / "presets.md").read_text("utf-8")
    listed = dict(re.findall(r"^\| `([\w-]+)` \| (.+) \|$", page, re.MULTILINE))
    assert listed == {name: shipped.description for name, shipped in SHIPPED.items()}
