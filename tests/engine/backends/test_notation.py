"""What the draft engine plays comes as stems and as MIDI too."""

import io
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from engine import RenderSpec
from engine.backends import draft
from engine.backends.acestep import DESCRIPTION as ACESTEP
from engine.backends.draft.backend import Draft
from engine.backends.draft.notation import midi_files
from engine.backends.draft.score import Note, Part, Score
from engine.backends.registry import chosen
from engine.errors import InvalidSpec, Unsupported
from engine.render import render
from engine.units import JobId

RATE = 48000
BPM = 120.0


@pytest.fixture(scope="module")
def engine():
    return Draft()


def rendered(engine, folder, **values):
    spec = RenderSpec.parse({"seed": 8, "engine": "draft", "bpm": BPM, **values})
    clips = render(JobId("job"), spec, Path(folder), draft.DESCRIPTION, engine, lambda *_: None)
    return {clip.track: clip for clip in clips}


def samples(clip):
    """[frames, channels]"""
    return soundfile.read(clip.temporary, dtype="float32", always_2d=True)[0]


def notes(content):
    """Tempo, and seconds and pitch of every note."""
    file = mido.MidiFile(file=io.BytesIO(content))
    tempo = next(message.tempo for message in file.tracks[0] if message.type == "set_tempo")
    now, found = 0.0, []
    for message in file:
        now += message.time
        if message.type == "note_on" and message.velocity:
            found.append((now, message.note))
    return mido.tempo2bpm(tempo), found


def lag(clip):
    """How many seconds later what is heard sets in than its MIDI says: where both fit best."""
    _, found = notes(clip.midi_temporary.read_bytes())
    hop = RATE // 200
    mono = samples(clip).mean(axis=1)
    level = np.sqrt(np.mean(mono[: len(mono) // hop * hop].reshape(-1, hop) ** 2, axis=1))
    rises = np.maximum(0, np.diff(level, prepend=0))
    struck = np.zeros(len(rises))
    for at, _ in found:
        struck[min(len(struck) - 1, round(at * 200))] = 1
    reach = 12  # less than half a sixteenth note, which fits again
    fits = [float(np.roll(struck, shift) @ rises) for shift in range(-reach, reach + 1)]
    return (int(np.argmax(fits)) - reach) / 200


def test_parts_of_a_new_piece_add_up_to_it_and_come_as_midi(engine, tmp_path):
    clips = rendered(engine, tmp_path, verb="generate", prompt="funk", bars=4, stems=True, midi=True)
    mix, *parts = clips.values()
    assert (mix.track, len(parts) >= 3) == ("mix", True)
    assert {"drums", "bass"} < set(clips)
    total = sum(samples(part) for part in parts)
    assert np.abs(total - samples(mix)).max() < 10 ** (-90 / 20)
    tempo, everything = notes(mix.midi_temporary.read_bytes())
    assert tempo == pytest.approx(BPM)
    assert sum(len(notes(part.midi_temporary.read_bytes())[1]) for part in parts) == len(everything)
    assert len({clip.path for clip in clips.values()}) == len(clips)
    assert abs(lag(clips["drums"])) <= 0.015


def test_a_piece_alone_is_one_clip_as_before(engine, tmp_path):
    alone = rendered(engine, tmp_path, verb="generate", prompt="funk", bars=1)
    assert [(track, clip.midi) for track, clip in alone.items()] == [("mix", None)]


@pytest.fixture(scope="module")
def song(engine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("song")
    clip = rendered(engine, folder, verb="generate", prompt="house", bars=8)["mix"]
    path = folder / "song.wav"
    clip.temporary.rename(path)
    return path


@pytest.mark.parametrize(
    ("values", "tracks"),
    [
        ({"verb": "lego", "track": "bass"}, ["bass"]),
        ({"verb": "complete", "tracks": "drums,keyboard"}, ["drums", "keyboard"]),
    ],
    ids=["lego", "complete"],
)
def test_the_midi_of_a_part_begins_with_its_clip(engine, song, tmp_path, values, tracks):
    clips = rendered(engine, tmp_path, **values, source=str(song), position=0.0, start=4.6, end=12.6, midi=True)
    assert list(clips) == tracks
    for track in set(tracks) - {"keyboard"}:
        assert abs(lag(clips[track])) <= 0.03
    for clip in clips.values():
        tempo, found = notes(clip.midi_temporary.read_bytes())
        assert tempo == pytest.approx(BPM)
        assert found
        assert all(0 <= at < 8.0 for at, _ in found)


def test_parts_of_a_cover_add_up_to_it(engine, song, tmp_path):
    clips = rendered(
        engine, tmp_path, verb="cover", prompt="bossa nova", source=str(song), end=8.0, start=0.0, stems=True, midi=True
    )
    mix, *parts = clips.values()
    assert mix.track == "mix"
    assert np.abs(sum(samples(part) for part in parts) - samples(mix)).max() < 10 ** (-90 / 20)
    assert all(clip.midi for clip in clips.values())


def test_a_part_that_does_not_play_has_no_file():
    bass = Part("bass", "finger_bass", (Note(0.0, 1.0, 40, 1.0),))
    score = Score("x", BPM, (4, 4), "", (bass, replace(bass, name="guitar", notes=())), 4.0)
    assert set(midi_files(score)) == {"mix", "bass"}


@pytest.mark.parametrize("key", ["stems", "midi"])
def test_an_engine_without_notes_is_passed_over_or_says_so(key):
    able = replace(ACESTEP, obstacle=lambda _: None)
    engines = {"acestep": able, "draft": draft.DESCRIPTION}
    asked = {"verb": "generate", "prompt": "x", "length": 8, key: True}
    assert chosen(RenderSpec.parse(asked), engines).name == "draft"
    with pytest.raises(Unsupported, match=f"{key}: engine acestep plays no notes of its own; extract"):
        chosen(RenderSpec.parse({**asked, "engine": "acestep"}), engines)


@pytest.mark.parametrize(
    ("verb", "key", "message"),
    [
        ("repaint", "midi", "midi: goes with generate, cover, lego, complete and extract, this is repaint"),
        ("repaint", "stems", "stems: goes with generate and cover, this is repaint"),
        ("extract", "stems", "stems: goes with generate and cover, this is extract"),
    ],
)
def test_where_they_go(verb, key, message):
    values = {"verb": verb, "source": "/a.wav", "start": 0, "end": 1, "tracks": "drums", key: True}
    with pytest.raises(InvalidSpec, match=message):
        RenderSpec.parse(values)
