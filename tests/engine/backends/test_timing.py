from itertools import pairwise

import pytest

from engine.backends.draft.arranger import arrange
from engine.backends.draft.form import given
from engine.backends.draft.harmony import Key, coloured, parse_chord
from engine.backends.draft.sections import laid_out, tagged
from engine.backends.draft.stylebook import DRUM_NOTES
from engine.backends.draft.timing import constant, mapped, measures
from engine.spec import RenderSpec

LYRICS = """[Intro]
[Verse 1]
one
two
three
four
[Chorus]
la
la
[Verse 2]
five
six
seven
eight
[Bridge]
[Final Chorus]
la
la
[Outro]
"""


def piece(prompt="techno", seed=0, **values):
    return arrange(RenderSpec(verb="generate", prompt=prompt, **({"length": 64.0} | values)), seed)


def test_a_tempo_map_places_beats():
    timing = mapped([(0.0, 120.0, 4, 4), (4.0, 60.0, 4, 4), (8.0, 90.0, 4, 4)])
    for seconds, beat in [(0, 0), (2, 4), (4, 8), (6, 10), (8, 12), (10, 15)]:
        assert timing.beat_at(seconds) == pytest.approx(beat, abs=1e-9)
        assert timing.seconds_at(beat) == pytest.approx(seconds, abs=1e-9)


def test_a_map_that_begins_before_the_piece_holds_at_its_start():
    assert mapped([(-3.0, 90.0, 4, 4), (-1.0, 100.0, 4, 4), (6.0, 50.0, 4, 4)]).beat_at(6.0) == pytest.approx(10.0)


@pytest.mark.parametrize("swing", ["techno", "jazz"])
def test_onsets_follow_the_map_to_a_millionth_of_a_beat(swing):
    changes = [(0.0, 131.0, 4, 4), (7.3, 97.5, 4, 4), (20.0, 140.0, 4, 4)]
    score = piece(swing, tempo_map=changes, length=40.0)
    flat = piece(swing, bpm=131.0, length=score.beats * 60 / 131.0)
    drums, straight = (next(part for part in each.parts if part.name == "drums") for each in (score, flat))
    starts = [note.start for note in straight.notes]
    assert [note.start for note in drums.notes] == pytest.approx(starts, abs=1e-6)
    for note in drums.notes:
        seconds, rest = 0.0, note.start
        for (first, bpm, *_), (last, *_) in zip(changes, [*changes[1:], (1e9, 0)], strict=True):
            lasting = (last - first) * bpm / 60
            seconds += min(rest, lasting) * 60 / bpm
            rest -= min(rest, lasting)
        assert score.seconds_at(note.start) == pytest.approx(seconds, abs=1e-6 * 60 / 140)
    assert score.seconds_at(score.beats) == pytest.approx(40.0, abs=1e-9)


def test_a_new_meter_starts_a_new_bar():
    timing = mapped([(0.0, 120.0, 4, 4), (5.0, 120.0, 3, 4)])
    bars = measures(16.0, (4, 4), timing, [(0.0, 120.0, 4, 4), (5.0, 120.0, 3, 4)])
    assert [(bar.start, bar.end, bar.meter) for bar in bars] == [
        (0, 4, (4, 4)), (4, 8, (4, 4)), (8, 10, (4, 4)), (10, 13, (3, 4)), (13, 16, (3, 4)),
    ]  # fmt: skip
    score = piece(tempo_map=[(0.0, 120.0, 4, 4), (8.0, 120.0, 3, 4)], length=17.0, loop=True)
    kicks = [note.start for part in score.parts for note in part.notes if note.pitch == DRUM_NOTES["kick"]]
    assert {16.0, 19.0, 22.0, 25.0} <= set(kicks)
    assert score.meters == ((16.0, (3, 4)),)


def test_tags_are_read_in_order():
    assert tagged(LYRICS) == [
        ("intro", 0), ("verse", 4), ("chorus", 2), ("verse", 4), ("bridge", 0), ("chorus", 2), ("outro", 0),
    ]  # fmt: skip
    assert [kind for kind, _ in tagged("[Pre-Chorus]\n[Guitar Solo]\n[Breakdown]\n[drop]\n[whispered]")] == [
        "pre chorus", "solo", "break", "chorus", "verse",
    ]  # fmt: skip


@pytest.mark.parametrize("bars", [1, 3, 7, 16, 33, 64, 150])
def test_sections_fill_the_piece(bars):
    for lyrics in ("", LYRICS):
        sections = laid_out(lyrics, bars, None, loop=False)
        assert sum(section.bars for section in sections) == bars
        assert all(section.bars > 0 for section in sections)


def test_a_section_with_more_lines_is_longer():
    sections = laid_out(LYRICS, 64, None, loop=False)
    assert [section.name for section in sections] == [kind for kind, _ in tagged(LYRICS)]
    assert sections[1].bars > sections[2].bars
    assert sections[1].theme == sections[3].theme != sections[2].theme == sections[5].theme


def test_lyrics_shape_what_is_played():
    score = piece("rock", bpm=120.0, length=128.0, lyrics=LYRICS, seed=3)
    sections = laid_out(LYRICS, 64, None, loop=False)
    starts = [sum(section.bars for section in sections[:place]) for place in range(len(sections))]

    def notes_a_bar(place):
        first, last = starts[place] * 4, (starts[place] + sections[place].bars) * 4
        return sum(first <= note.start < last for part in score.parts for note in part.notes) / sections[place].bars

    intro, verse, chorus = (notes_a_bar(place) for place in (0, 1, 2))
    assert chorus >= verse > intro > 0
    crashes = {note.start for part in score.parts for note in part.notes if note.pitch == DRUM_NOTES["crash"]}
    assert {start * 4.0 for start in starts[1:]} <= crashes


def test_verses_share_their_chords():
    chords = {}
    score = piece("rock", bpm=120.0, length=128.0, lyrics=LYRICS, seed=3)
    for harmony in score.chords:
        chords.setdefault(int(harmony.start // 4), []).append(harmony.chord.name)
    sections = laid_out(LYRICS, 64, None, loop=False)
    starts = [sum(section.bars for section in sections[:place]) for place in range(len(sections))]
    assert [chords[starts[1] + bar] for bar in range(4)] == [chords[starts[3] + bar] for bar in range(4)]


def test_chords_cover_the_piece():
    score = piece("gospel", 2)
    edges = [(harmony.start, harmony.end) for harmony in score.chords]
    assert edges[0][0] == 0
    assert edges[-1][1] == pytest.approx(score.beats)
    assert all(end == pytest.approx(start) for (_, end), (start, _) in pairwise(edges))


def test_secondary_dominants_lead_on():
    key = Key(0, "major")
    assert parse_chord("V7/vi", key).name == "E7"
    assert parse_chord("V/V", Key(2, "major")).name == "E"

    class Always:
        def random(self):
            return 0.0

    chord, target = parse_chord("I", key), parse_chord("ii", key)
    assert [each.name for each in coloured([chord], target, key, 1.0, 0.0, Always())] == ["C", "A7"]
    assert [each.name for each in coloured([parse_chord("IV", key)], chord, key, 0, 1, Always())] == ["F", "Fm"]
    names = {each.chord.name for seed in range(6) for each in piece("gospel", seed, key="C major").chords}
    assert names & {"E7", "A7", "D7"}


def test_constant_tempo_is_a_map_of_one():
    assert constant(90.0).seconds_at(3.0) == pytest.approx(2.0)
    assert given(Key(0, "major"), 4.0, 8.0, piece(length=4.0).chords[:1]).beats == 8.0
