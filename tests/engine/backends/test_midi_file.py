import io

import mido
import pytest

from engine.backends.draft.arranger import arrange
from engine.backends.draft.midi import TICKS, standard_midi_file
from engine.backends.draft.score import Note, Part, Score
from engine.backends.draft.stylebook import load_styles
from engine.spec import RenderSpec


def written(prompt="samba", seed=0, **values):
    score = arrange(RenderSpec(verb="generate", prompt=prompt, **({"length": 24.0, "bpm": 96.0} | values)), seed)
    return score, mido.MidiFile(file=io.BytesIO(standard_midi_file(score)))


def onsets(track):
    now, found = 0, []
    for message in track:
        now += message.time
        if message.type == "note_on" and message.velocity:
            found.append((now, message.note))
    return sorted(found)


@pytest.mark.parametrize("name", load_styles())
def test_every_note_is_in_the_file(name):
    score, file = written(load_styles()[name].words[0], bpm=None)
    assert file.type == 1
    assert file.ticks_per_beat == TICKS
    assert [track.name for track in file.tracks] == [score.style, *(part.name for part in score.parts)]
    for part, track in zip(score.parts, file.tracks[1:], strict=True):
        assert onsets(track) == sorted({(round(note.start * TICKS), note.pitch) for note in part.notes})
        ons = [message.note for message in track if message.type == "note_on"]
        offs = [message.note for message in track if message.type == "note_off"]
        assert sorted(ons) == sorted(offs)


def test_channels_and_programs():
    _, file = written("salsa")
    seen = {}
    for track in file.tracks[1:]:
        channels = {message.channel for message in track if not message.is_meta}
        assert len(channels) == 1
        seen[track.name] = channels.pop()
    assert seen["drums"] == seen["percussion"] == 9
    pitched = [channel for name, channel in seen.items() if name not in {"drums", "percussion"}]
    assert 9 not in pitched
    assert len(set(pitched)) == len(pitched)
    programs = {
        track.name: message.program for track in file.tracks for message in track if message.type == "program_change"
    }
    assert (programs["bass"], programs["keyboard"], programs["brass"]) == (32, 0, 61)


@pytest.mark.parametrize(
    ("key", "name"), [("C major", "C"), ("F# minor", "F#m"), ("Eb major", "Eb"), ("G minor", "Gm"), ("Bb minor", "Bbm")]
)
def test_key_meter_and_tempo(key, name):
    _, file = written(key=key, meter="7/8", bpm=125.0)
    first = {message.type: message for message in file.tracks[0]}
    assert first["key_signature"].key == name
    assert (first["time_signature"].numerator, first["time_signature"].denominator) == (7, 8)
    assert mido.tempo2bpm(first["set_tempo"].tempo) == pytest.approx(125.0, abs=1e-3)


def test_the_file_lasts_as_long_as_the_map_says():
    score, file = written(bpm=None, tempo_map=[(0.0, 90.0, 4, 4), (9.0, 130.0, 3, 4), (17.0, 70.0, 3, 4)], length=30.0)
    now, tempos, meters = 0, [], []
    for message in file.tracks[0]:
        now += message.time
        if message.type == "set_tempo":
            tempos.append(now)
        if message.type == "time_signature":
            meters.append((now, message.numerator))
    assert tempos == [round(point.beat * TICKS) for point in score.timing.points]
    assert meters == [(0, 4), (round(13.5 * TICKS), 3)]
    end = sum(message.time for message in file.tracks[0])
    assert score.seconds_at(end / TICKS) == pytest.approx(30.0, abs=0.002)


def test_a_note_struck_while_it_sounds_ends_first():
    part = Part("keyboard", "piano", (Note(0.0, 2.0, 60, 1.0), Note(1.0, 1.0, 60, 0.5)))
    file = mido.MidiFile(file=io.BytesIO(standard_midi_file(Score("x", 60.0, (4, 4), "C major", (part,), 4.0))))
    kinds = [message.type for message in file.tracks[1] if message.type.startswith("note")]
    assert kinds == ["note_on", "note_off", "note_on", "note_off"]
