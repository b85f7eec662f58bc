"""Prompts to the byte: one newline more is another prompt."""

import pytest

from engine.backends.acestep.prompts import Metas, Task, instruction, lyric_prompt, text_prompt
from engine.units import Seconds


@pytest.mark.parametrize(
    ("task", "tracks", "sentence"),
    [
        (Task.TEXT2MUSIC, (), "Fill the audio semantic mask based on the given conditions:"),
        (Task.COVER, (), "Generate audio semantic tokens based on the given conditions:"),
        (Task.REPAINT, (), "Repaint the mask area based on the given conditions:"),
        (Task.EXTRACT, ("vocals",), "Extract the VOCALS track from the audio:"),
        (Task.EXTRACT, (), "Extract the track from the audio:"),
        (Task.LEGO, ("backing_vocals",), "Generate the BACKING_VOCALS track based on the audio context:"),
        (Task.LEGO, (), "Generate the track based on the audio context:"),
        (Task.COMPLETE, ("drums", "bass"), "Complete the input track with DRUMS | BASS:"),
        (Task.COMPLETE, (), "Complete the input track:"),
    ],
)
def test_each_task_has_the_sentence_of_its_training(task, tracks, sentence):
    assert instruction(task, tracks) == sentence


def test_the_text_prompt_is_the_published_format():
    metas = Metas(Seconds(95.9), bpm=120.4, meter="4/4", key="C major")
    assert text_prompt("Do this:", "dub techno", metas) == (
        "# Instruction\nDo this:\n\n# Caption\ndub techno\n\n# Metas\n"
        "- bpm: 120\n- timesignature: 4\n- keyscale: C major\n- duration: 95 seconds\n<|endoftext|>\n"
    )


def test_what_is_not_known_or_was_not_trained_is_not_told():
    unknown = "- bpm: N/A\n- timesignature: N/A\n- keyscale: N/A\n- duration: 30 seconds\n"
    assert Metas(Seconds(30.0)).text() == unknown
    assert Metas(Seconds(30.0), meter="7/8").text() == unknown
    assert "- timesignature: 6\n" in Metas(Seconds(30.0), meter="6/8").text()


@pytest.mark.parametrize("nothing", ["", "  ", "[inst]", "[Instrumental]"])
def test_no_lyrics_are_an_instrumental_without_a_language(nothing):
    assert lyric_prompt(nothing, "de") == "# Languages\nunknown\n\n# Lyric\n[Instrumental]<|endoftext|>"


def test_lyrics_keep_their_words_and_language():
    assert lyric_prompt("[Verse]\nHallo", "de") == "# Languages\nde\n\n# Lyric\n[Verse]\nHallo<|endoftext|>"
