from itertools import pairwise

import pytest

from engine.backends.draft.arranger import arrange
from engine.backends.draft.harmony import Key, parse_chord, parse_key, voicing
from engine.backends.draft.prompt import read
from engine.backends.draft.samples import Pack
from engine.backends.draft.stylebook import DRUM_NOTES, load_styles, load_vocabulary, read_styles
from engine.backends.draft.synth import drum_kits, pitched_instruments
from engine.errors import EngineError
from engine.spec import RenderSpec

STYLES = tuple(load_styles())


def spec(prompt="pop", **values):
    return RenderSpec(verb="generate", prompt=prompt, **({"length": 16.0} | values))


DRUM_KITS = drum_kits(Pack())


def pitched(score):
    return [note for part in score.parts if part.instrument not in DRUM_KITS for note in part.notes]


def test_there_is_a_choice_of_styles():
    assert len(STYLES) >= 40


@pytest.mark.parametrize("name", STYLES)
def test_every_instrument_of_a_style_exists(name):
    style = load_styles()[name]
    assert {voice.instrument for voice in style.voices} <= pitched_instruments(Pack()) | drum_kits(Pack())
    assert style.drums is None or style.drums.instrument in drum_kits(Pack())


def test_every_instrument_that_words_call_for_exists():
    assert {each.voice.instrument for each in load_vocabulary().instruments if each.voice} <= pitched_instruments(
        Pack()
    )


@pytest.mark.parametrize("name", STYLES)
def test_a_style_is_chosen_by_its_words(name):
    for word in load_styles()[name].words:
        assert arrange(spec(f"a {word} tune"), 0).style == name


@pytest.mark.parametrize("name", STYLES)
@pytest.mark.parametrize("mode", ["major", "minor"])
def test_ninety_percent_of_the_music_is_in_the_key(name, mode):
    inside = total = 0.0
    for seed in range(2):
        score = arrange(spec(name, key=f"Eb {mode}", length=40), seed)
        scale = parse_key(score.key).scale
        inside += sum(note.length for note in pitched(score) if note.pitch % 12 in scale)
        total += sum(note.length for note in pitched(score))
    assert inside / total >= 0.9


@pytest.mark.parametrize("meter", ["4/4", "3/4", "6/8", "7/8", "5/4", "2/2", "1/32", "32/1"])
def test_the_spec_wins_over_prompt_and_style(meter):
    for seed in range(4):
        score = arrange(spec("rock in A minor at 90 bpm", bpm=101.5, key="F# major", meter=meter), seed)
        beats, value = meter.split("/")
        assert (score.bpm, score.key, score.meter) == (101.5, "F# major", (int(beats), int(value)))


@pytest.mark.parametrize(
    ("prompt", "key"),
    [
        ("techno in A minor", "A minor"),
        ("Bb major pop", "Bb major"),
        ("F sharp minor ballad", "F# minor"),
        ("a song in e minor", "E minor"),
        ("rock, Am, loud", "A minor"),
    ],
)
def test_words_name_the_key(prompt, key):
    assert arrange(spec(prompt), 5).key == key


def test_an_article_is_no_key():
    assert {arrange(spec("in a minor mood"), seed).key for seed in range(20)} > {"A minor"}
    assert {arrange(spec("in a minor mood"), seed).key.split()[1] for seed in range(20)} == {"minor"}


def test_mood_chooses_the_mode():
    assert {arrange(spec("sad pop"), seed).key.split()[1] for seed in range(10)} == {"minor"}
    assert {arrange(spec("happy techno"), seed).key.split()[1] for seed in range(10)} == {"major"}


def test_words_name_the_tempo():
    assert arrange(spec("house at 121.5 bpm"), 0).bpm == 121.5


@pytest.mark.parametrize("name", STYLES)
def test_a_free_tempo_lies_in_the_style_and_ends_on_a_bar_line(name):
    low, high = load_styles()[name].tempo
    for seed in range(3):
        score = arrange(spec(name, length=30.0), seed)
        bar = score.meter[0] * 4 / score.meter[1]
        assert low <= score.bpm <= high
        assert score.beats / bar == pytest.approx(round(score.beats / bar), abs=1e-6)


@pytest.mark.parametrize(
    ("prompt", "there", "missing"),
    [
        ("pop, no drums", {"bass", "keyboard"}, {"drums"}),
        ("rock without drums or bass", {"guitar"}, {"drums", "bass"}),
        ("house without drums, bass or strings", {"keyboard"}, {"drums", "bass", "strings"}),
        ("drumless lofi", {"keyboard"}, {"drums"}),
        ("techno with flute and brass", {"woodwinds", "brass", "drums"}, set()),
        ("solo piano", {"keyboard"}, {"drums", "bass", "guitar", "strings", "synth"}),
        ("ambient with drums", {"drums", "synth"}, set()),
        ("pop, no drums, sax", {"woodwinds"}, {"drums"}),
    ],
)
def test_words_bring_and_send_instruments(prompt, there, missing):
    names = {part.name for part in arrange(spec(prompt), 0).parts}
    assert there <= names
    assert not missing & names


def test_an_instrument_by_name_takes_the_track():
    parts = {part.name: part.instrument for part in arrange(spec("pop with electric piano"), 0).parts}
    assert parts["keyboard"] == "electric_piano"


def test_somebody_always_plays():
    assert arrange(spec("solo drums, no drums"), 0).parts
    assert pitched(arrange(spec("pop, no drums, no bass, no piano, no guitar, no strings, no synth"), 0))


@pytest.mark.parametrize("name", STYLES)
def test_seeds_differ_and_repeat(name):
    scores = [arrange(spec(name, key="C minor", bpm=100), seed) for seed in range(3)]
    assert scores[0] == arrange(spec(name, key="C minor", bpm=100), 0)
    assert len({tuple(pitched(score)) for score in scores}) == 3


@pytest.mark.parametrize("length", [0.01, 0.5, 3.3, 16.0, 61.7, 600.0])
@pytest.mark.parametrize("loop", [False, True])
def test_notes_lie_inside_the_piece(length, loop):
    score = arrange(spec("funk", length=length, loop=loop, bpm=107), 1)
    assert score.beats == pytest.approx(length * 107 / 60)
    for part in score.parts:
        assert all(0 <= note.start < score.beats for note in part.notes)
        assert all(note.length > 0 and 0 < note.velocity <= 1 and 0 <= note.pitch <= 127 for note in part.notes)
    assert any(
        note.start == 0 for part in arrange(spec("techno", length=length, loop=loop), 1).parts for note in part.notes
    )


def test_a_long_piece_ends_on_its_tonic():
    piece = arrange(spec("house", bpm=120, key="A minor", length=32.0), 2)
    last_bar = [note for part in piece.parts for note in part.notes if note.start >= 60 and part.name == "bass"]
    assert [(note.start, note.pitch % 12) for note in last_bar] == [(60.0, 9)]


@pytest.mark.parametrize("loop", [False, True])
def test_eight_bars_play_to_their_last_bar_line(loop):
    piece = arrange(spec("house", bpm=120, key="A minor", loop=loop), 2)
    drums = next(part for part in piece.parts if part.name == "drums")
    assert {note.start for note in drums.notes if note.pitch == DRUM_NOTES["kick"]} >= {28.0}
    assert len([note for note in drums.notes if note.start >= 28]) > 4


def test_drums_fill_before_a_section():
    drums = next(part for part in arrange(spec("rock", bpm=120, length=64, loop=True), 4).parts if part.name == "drums")
    bars = [{(note.pitch, note.start % 4) for note in drums.notes if note.start // 4 == bar} for bar in range(32)]
    assert bars[7] != bars[5]
    assert (DRUM_NOTES["crash"], 0.0) in bars[8]


def test_swing_delays_the_off_beats():
    drums = next(part for part in arrange(spec("jazz", bpm=120), 0).parts if part.name == "drums")
    places = {round(note.start % 1, 3) for note in drums.notes}
    assert 0.64 in places
    assert 0.5 not in places


def test_a_melody_repeats_its_motif():
    lead = next(
        part for part in arrange(spec("synthwave", bpm=100, length=38.4, loop=True), 3).parts if part.name == "synth"
    )
    rhythm = [[note.start % 8 for note in lead.notes if note.start // 8 == pair] for pair in range(4)]
    assert rhythm[0]
    assert rhythm[0][:3] == pytest.approx(rhythm[1][:3])


def test_voices_lead():
    key = Key(0, "major")
    chords = [parse_chord(symbol, key) for symbol in ("I", "IV", "V", "vi", "ii", "V", "I")]
    previous, moved = (), []
    for chord in chords:
        pitches = voicing(chord, previous, 60)
        assert {pitch % 12 for pitch in pitches} == set(chord.pitch_classes)
        moved += [min(abs(pitch - old) for old in previous) for pitch in pitches] if previous else []
        assert all(low < high for low, high in pairwise(pitches))
        previous = pitches
    assert max(moved) <= 4


@pytest.mark.parametrize(
    ("symbol", "classes"), [("I", (9, 1, 4)), ("ii7", (11, 2, 6, 9)), ("bVII", (7, 11, 2)), ("V7sus4", (4, 9, 11, 2))]
)
def test_chord_symbols(symbol, classes):
    assert parse_chord(symbol, parse_key("A major")).pitch_classes == classes


def test_a_broken_symbol_is_told():
    with pytest.raises(ValueError, match="IX is no chord symbol"):
        parse_chord("IX", Key(0, "major"))


def test_a_broken_style_names_its_file(tmp_path):
    (tmp_path / "polka.toml").write_text('name = "polka"\ntempo = "fast"\n')
    with pytest.raises(EngineError, match=r"(?s)polka\.toml.*tempo"):
        read_styles(tmp_path)


def test_the_longest_style_name_wins():
    styles, vocabulary = load_styles(), load_vocabulary()
    assert read("deep house with a rock guitar", styles, vocabulary).style.name == "deep house"
    assert read("drum and bass", styles, vocabulary).wanted == ()
    assert read("nothing that is known", styles, vocabulary).style.name == "pop"
