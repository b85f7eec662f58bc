import pytest

from engine.backends.draft.arranger import arrange_on
from engine.backends.draft.form import Harmony, given
from engine.backends.draft.harmony import Key, parse_chord
from engine.backends.draft.samples import Pack
from engine.backends.draft.synth import drum_kits, pitched_instruments
from engine.errors import Unsupported
from engine.spec import INSTRUMENTS, RenderSpec

PLAYABLE = [name for name in INSTRUMENTS if "vocals" not in name]
KEY = Key(9, "minor")


def measured(bars=8, bar_beats=4.0, symbols=("i", "VI,III", "iv", "VII"), **values):
    harmonies = []
    for bar in range(bars):
        halves = symbols[bar % len(symbols)].split(",")
        width = bar_beats / len(halves)
        harmonies += [
            Harmony(bar * bar_beats + place * width, bar * bar_beats + (place + 1) * width, parse_chord(each, KEY))
            for place, each in enumerate(halves)
        ]
    return given(KEY, bar_beats, bars * bar_beats, harmonies, **values)


def lego(**values):
    return RenderSpec(verb="lego", source="/song.wav", track="bass", **({"bpm": 100.0} | values))


def sounding(form, note):
    return form.harmony_at(note.start + 0.02).chord.pitch_classes


@pytest.mark.parametrize("track", PLAYABLE)
def test_every_instrument_plays_on_a_given_form(track):
    score = arrange_on(measured(sections=[4]), lego(), 1, [track])
    (part,) = score.parts
    assert part.name == track
    assert part.instrument in pitched_instruments(Pack()) | drum_kits(Pack())
    assert len(part.notes) >= 8
    assert all(0 <= note.start < 32 and 0 < note.velocity <= 1 for note in part.notes)


@pytest.mark.parametrize("prompt", ["", "jazz", "techno with congas", "no drums"])
def test_exactly_the_named_parts_play(prompt):
    names = ["drums", "brass", "percussion", "woodwinds"]
    assert [part.name for part in arrange_on(measured(), lego(prompt=prompt), 1, names).parts] == names


def test_the_bass_starts_each_chord_on_its_root():
    form = measured()
    for seed in range(6):
        bass = arrange_on(form, lego(), seed, ["bass"]).parts[0]
        for harmony in form.harmonies:
            if harmony.start % 4 == 0:
                first = min(bass.notes, key=lambda note: abs(note.start - harmony.start))
                assert first.pitch % 12 == harmony.chord.root


def test_chords_are_those_of_the_form():
    form = measured()
    for track in ("keyboard", "guitar", "strings"):
        notes = arrange_on(form, lego(), 2, [track]).parts[0].notes
        assert all(note.pitch % 12 in sounding(form, note) for note in notes)


def test_the_form_covers_its_length_without_a_gap():
    form = given(KEY, 3.0, 10.0, [Harmony(0.5, 2.0, parse_chord("i", KEY)), Harmony(4.0, 9.0, parse_chord("V", KEY))])
    assert [(bar.start, bar.end) for bar in form.bars] == [(0, 3), (3, 6), (6, 9), (9, 10)]
    assert [(each.start, each.end) for each in form.harmonies] == [(0, 3), (3, 4), (4, 6), (6, 9), (9, 10)]
    assert [each.chord.root for each in form.harmonies] == [9, 9, 4, 4, 4]


def test_a_given_form_needs_a_chord():
    with pytest.raises(ValueError, match="at least one chord"):
        given(KEY, 4.0, 8.0, [])


def test_effects_stand_at_the_borders():
    notes = arrange_on(measured(sections=[4]), lego(), 0, ["fx"]).parts[0].notes
    roll = [note for note in notes if 12 <= note.start < 16]
    assert [note.velocity for note in roll] == sorted(note.velocity for note in roll)
    assert len(roll) > 16
    assert max(note.velocity for note in notes if note.start == 16) > 0.8


def test_nobody_sings():
    with pytest.raises(Unsupported, match="vocals"):
        arrange_on(measured(), lego(), 0, ["vocals"])


def test_tempo_and_meter_come_from_spec_and_form():
    score = arrange_on(measured(bar_beats=3.5), lego(bpm=141.0), 0, ["drums"])
    assert (score.bpm, score.meter, score.key, score.beats) == (141.0, (7, 8), "A minor", 28.0)
