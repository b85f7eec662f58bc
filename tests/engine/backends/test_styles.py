from statistics import median

import pytest

from engine.backends.draft.arranger import arrange
from engine.backends.draft.band import BEATEN, asked_band
from engine.backends.draft.form import Harmony, given
from engine.backends.draft.harmony import Key, parse_chord
from engine.backends.draft.meter import bar_beats, beat_lengths, read_meter, translated
from engine.backends.draft.performance import play
from engine.backends.draft.prompt import Wishes
from engine.backends.draft.samples import Pack
from engine.backends.draft.stylebook import DRUM_NOTES, load_styles
from engine.backends.draft.synth import drum_kits
from engine.backends.draft.timing import constant
from engine.spec import RenderSpec

STYLES = tuple(load_styles())
METERS = ("3/4", "6/8", "9/8", "12/8", "5/4", "7/8", "5/8", "2/4", "4/4")
RANGES = {
    "bass": (24, 64), "keyboard": (36, 100), "guitar": (36, 88), "strings": (36, 96), "synth": (36, 96),
    "brass": (40, 88), "woodwinds": (45, 96),
}  # fmt: skip
DRUM_KITS = drum_kits(Pack())


def piece(prompt, seed=0, **values):
    return arrange(RenderSpec(verb="generate", prompt=prompt, **({"length": 32.0} | values)), seed)


@pytest.mark.parametrize(
    ("prompt", "style"),
    [
        ("a bright pop song", "pop"), ("piano ballad", "ballad"), ("rock", "rock"), ("hard rock riff", "hard rock"),
        ("punk", "punk"), ("thrash metal", "metal"), ("indie pop", "indie"), ("slap funk", "funk"),
        ("disco strings", "disco"), ("neo soul", "soul"), ("R&B groove", "soul"), ("gospel choir", "gospel"),
        ("blues shuffle in E", "blues"), ("country train beat", "country"), ("irish folk", "folk"),
        ("jazz swing", "jazz"), ("bossa nova", "bossa"), ("samba", "samba"), ("roots reggae", "reggae"),
        ("heavy dub", "dub"), ("ska with horns", "ska"), ("salsa", "salsa"), ("latin night", "salsa"),
        ("afrobeat", "afrobeat"), ("house", "house"), ("deep house", "deep house"), ("techno", "techno"),
        ("uplifting trance", "trance"), ("drum and bass", "drum and bass"), ("dubstep", "dubstep"),
        ("half time", "dubstep"), ("dark trap", "trap"), ("hip hop", "hip hop"), ("boom bap", "hip hop"),
        ("lofi beats", "lofi"), ("ambient drone", "ambient"), ("cinematic trailer", "cinematic"),
        ("synthwave", "synthwave"), ("waltz 3/4", "folk waltz"), ("6/8 ballad", "6/8 ballad"), ("march", "march"),
        ("reggaeton", "reggaeton"), ("uk garage", "uk garage"), ("slow blues", "12/8 slow blues"), ("balkan", "balkan"),
    ],
)  # fmt: skip
def test_a_style_is_found_by_its_obvious_words(prompt, style):
    assert piece(prompt, length=4.0).style == style


def test_no_two_styles_share_drums_and_bass():
    found = {}
    for name, style in load_styles().items():
        bass = next((voice.patterns or (voice.role,) for voice in style.voices if voice.track == "bass"), ())
        drums = tuple(tuple(sorted(groove.items())) for groove in style.drums.patterns) if style.drums else ()
        for groove in drums or ((),):
            for line in bass or ("",):
                assert found.setdefault((groove, line), name) == name
    assert len(set(found.values())) == len(STYLES)


@pytest.mark.parametrize("name", STYLES)
def test_patterns_fill_whole_bars(name):
    style = load_styles()[name]
    steps = round(bar_beats(read_meter(style.meter)) * 4)
    beaten = [kit for kit in (style.drums, style.percussion) if kit]
    patterns = [line for kit in beaten for groove in kit.patterns for line in groove.values()]
    patterns += [line for voice in style.voices for line in voice.patterns]
    assert all(len(line) % steps == 0 for line in patterns)


@pytest.mark.parametrize("name", STYLES)
def test_instruments_stay_in_their_range(name):
    for part in piece(load_styles()[name].words[0], 3).parts:
        assert part.notes, part.name
        if part.instrument in DRUM_KITS:
            assert {note.pitch for note in part.notes} <= set(DRUM_NOTES.values())
        else:
            low, high = RANGES[part.name]
            assert all(low <= note.pitch <= high for note in part.notes), part.name


def foreign_meters(place):
    """Three meters that a style was not written in, others for each."""
    own = load_styles()[STYLES[place]].meter
    turned = METERS[place % len(METERS) :] + METERS[: place % len(METERS)]
    return [meter for meter in turned[::3] + turned[1::3] if meter != own][:3]


@pytest.mark.parametrize(
    ("name", "meter"), [(name, meter) for place, name in enumerate(STYLES) for meter in foreign_meters(place)]
)
def test_the_bar_line_is_heard_in_every_meter(name, meter):
    """The low end (kick, low drums, bass) speaks on most bar lines of a meter that the style was not written in."""
    style = load_styles()[name]
    score = piece(style.words[0], 1, meter=meter, bars=8, bpm=100.0, length=None, loop=True)
    bar = bar_beats(read_meter(meter))
    low = {
        round(note.start, 2)
        for part in score.parts
        for note in part.notes
        if part.name == "bass" or (part.instrument in DRUM_KITS and note.pitch in {36, 41})
    }
    if any(part.name in {"drums", "bass"} for part in score.parts):
        assert sum(any(abs(bar * index - start) < 0.05 for start in low) for index in range(8)) >= 4


@pytest.mark.parametrize("meter", ["6/8", "9/8", "12/8"])
def test_compound_meters_have_three_eighths_a_beat(meter):
    drums = next(part for part in piece("pop", meter=meter, bpm=90.0, loop=True).parts if part.name == "drums")
    hats = {note.start % 1.5 for note in drums.notes if note.pitch in {DRUM_NOTES["hat"], DRUM_NOTES["ride"]}}
    assert hats == {0.0, 0.5, 1.0}


def test_a_backbeat_becomes_the_second_dotted_beat():
    assert translated("X.......X.......", (4, 4), (6, 8), "kick") == "X..........."
    assert translated("....X.......X...", (4, 4), (6, 8), "snare") == "......X....."
    assert translated("x.x.x.x.x.x.x.x.", (4, 4), (6, 8), "hat") == "x.o.x.x.o.x."
    assert translated("....X.......X...", (4, 4), (3, 4), "snare") == "....X...X..."
    assert translated("....X.......X...", (4, 4), (7, 8), "snare") == "........X....."


@pytest.mark.parametrize(
    ("meter", "lengths"),
    [
        ((4, 4), (1, 1, 1, 1)), ((3, 4), (1, 1, 1)), ((6, 8), (1.5, 1.5)), ((12, 8), (1.5,) * 4), ((5, 8), (1.5, 1)),
        ((7, 8), (1, 1, 1.5)), ((2, 2), (1, 1, 1, 1)), ((3, 8), (0.5, 0.5, 0.5)), ((8, 8), (1.5, 1.5, 1)),
    ],
)  # fmt: skip
def test_beats_of_a_meter(meter, lengths):
    assert beat_lengths(meter) == pytest.approx(lengths)


@pytest.mark.parametrize("value", [1, 2, 4, 8, 16, 32])
def test_beats_fill_the_bar(value):
    for count in range(1, 33):
        assert sum(beat_lengths((count, value))) == pytest.approx(bar_beats((count, value))), count


@pytest.mark.parametrize("name", STYLES)
def test_hands_are_human_within_three_milliseconds(name):
    """Drums stay on the grid; half of all other onsets lie less than 3 ms from where they are written."""
    style = load_styles()[name]
    key, timing = Key(0, "major"), constant(110.0)
    chords = [Harmony(bar * 4.0, bar * 4.0 + 4, parse_chord(("I", "vi", "IV", "V")[bar % 4], key)) for bar in range(8)]
    form = given(key, 4.0, 32.0, chords)
    late = []
    for track, player in asked_band(Wishes(style), load_styles()).items():
        human, exact = (
            sorted((note.pitch, note.start) for note in play(track, player, form, each, timing, 7).notes)
            for each in (style, style.model_copy(update={"humanize": 0.0}))
        )
        errors = [abs(one - other) * 60_000 / 110 for (_, one), (_, other) in zip(human, exact, strict=True)]
        late += errors
        if track in BEATEN:
            assert max(errors) == 0
    assert median(late) < 3.0
    assert max(late) < 25.0
