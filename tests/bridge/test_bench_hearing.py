import json

import mido
import numpy as np
import pytest
import soundfile

from bridge.bench.loops import loops
from bridge.bench.pieces import pieces
from bridge.cli import app
from engine.errors import BadSource

RATE = 22050


def beats(bpm, count):
    """A kick on each beat, a snare on 2 and 4, hats between them: exactly so many beats."""
    rng = np.random.default_rng(0)
    made = np.zeros(round(count * 60 / bpm * RATE), np.float32)
    time = np.arange(RATE // 5) / RATE
    for eighth in range(2 * count):
        hit = 0.1 * rng.standard_normal(len(time)) * np.exp(-60 * time)
        if eighth % 2 == 0:
            hit += 0.5 * np.sin(2 * np.pi * 55 * time) * np.exp(-25 * time)
        if eighth % 4 == 2:
            hit += 0.3 * rng.standard_normal(len(time)) * np.exp(-30 * time)
        first = round(eighth * 30 / bpm * RATE)
        made[first : first + len(time)] += hit[: len(made) - first].astype(np.float32)
    return made


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """A song of 50 s at 100 bpm whose MIDI says 200, and a loop of 4 beats at 126 bpm."""
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "songs" / "one").mkdir(parents=True)
    (folder / "loops").mkdir()
    song = beats(100.0, 84)
    with soundfile.SoundFile(folder / "songs" / "one" / "song.ogg", "w", RATE, 1, format="OGG") as file:
        for first in range(0, len(song), 4096):
            file.write(song[first : first + 4096])
    notes = mido.MidiFile()
    notes.tracks.append(mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(200))]))
    notes.save(folder / "songs" / "one" / "notes.mid")
    soundfile.write(folder / "loops" / "loop_breakbeat.flac", beats(126.0, 4), RATE)
    soundfile.write(folder / "loops" / "bd_808.flac", beats(126.0, 1), RATE)
    return folder


def test_a_loop_is_repeated_and_its_tempo_is_that_of_its_length(recordings):
    (loop,) = loops(recordings / "loops")
    assert loop.name == "loop_breakbeat"
    assert loop.bpm == pytest.approx(126.0, abs=0.01)
    assert 16 <= loop.frames / RATE < 18
    with pytest.raises(BadSource, match="loop_amen"):
        list(loops(recordings / "songs"))


def test_chords_key_and_beats_of_a_piece_are_compared_with_its_score():
    (piece,) = (piece for piece in pieces(3, 1) if piece.style == "balkan")
    # It is in 7/8: heard blind, as if it were in 4/4, its half bars fall elsewhere.
    assert piece.chords >= 0.9
    assert piece.blind_chords < piece.chords
    assert piece.heard_bpm == pytest.approx(piece.bpm, rel=0.01)
    assert 0 <= piece.beat_error_ms < 3


def test_the_command_tells_what_is_right(recordings, capsys):
    arguments = ["--songs", str(recordings / "songs"), "--loops", str(recordings / "loops"), "--json"]
    code = app(["bench", "hearing", *arguments, "--seeds", "1", "--styles", "2"], result_action="return_value")
    assert code == 0
    told = json.loads(capsys.readouterr().out)
    assert [piece["style"] for piece in told["pieces"]] == ["afrobeat", "ambient"]
    assert [row["style"] for row in told["styles"]] == ["afrobeat", "ambient", "all"]
    first, second, both = (row["chords"] for row in told["styles"])
    assert both == pytest.approx((first + second) / 2)
    tempi = {row["what"]: row for row in told["tempo"]}
    # The MIDI names the double of what is played: that is wrong, but related.
    assert (tempi["songs"]["right"], tempi["songs"]["related"]) == (0.0, 1.0)
    assert (tempi["loops"]["right"], tempi["loops"]["count"]) == (1.0, 1)
    assert tempi["own pieces"]["count"] == 2


def test_a_table_for_people(recordings, capsys):
    assert (
        app(["bench", "hearing", "--loops", str(recordings / "loops"), "--seeds", "0"], result_action="return_value")
        == 0
    )
    out = capsys.readouterr().out
    assert "loops" in out
    assert "1.000" in out
    assert "own pieces" not in out
