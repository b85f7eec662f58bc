"""The pictures of docs/reaper.md show what the scripts do: `PUNCHIN_DRAW=1 pytest` on this file draws them anew."""

from pictures import IMAGES, compare
from reaper.picture import picture

STRETCH = {"start": 0.0, "end": 9.0}


def test_the_first_repaint(daw, song):
    track = daw.project.add_track("Guitar")
    item = daw.project.add_item(track, song, 0.5, 8.0)
    item.take.texts["P_NAME"] = "guitar.wav"
    daw.project.select(item)
    daw.project.time_selection = (3.0, 5.5)
    compare("reaper-select.png", picture(daw.project, **STRETCH))
    answers = {"Prompt": "brushes instead of sticks", "Seed (-1: random)": "7", "Engine (auto/draft/acestep)": "draft"}
    answers["Takes (1-8)"] = "2"
    daw.answers.append(answers)
    daw.start(daw.actions_folder / "punchin_repaint.lua")
    title, offered = daw.dialogs[-1]
    compare("reaper-type.png", picture(daw.project, **STRETCH, dialog=(title, offered | answers)))
    daw.until(lambda: daw.project.undo)
    compare("reaper-take.png", picture(daw.project, **STRETCH))
    told = (IMAGES.parent / "reaper.md").read_text("utf-8")
    assert all(f"images/{path.name}" in told for path in IMAGES.glob("reaper-*.png"))


def test_a_picture_shows_the_selection_and_the_recording(tmp_path, song):
    from reaper import Reaper
    from reaper.picture import OUR_WAVE, SELECTION, WAVE

    daw = Reaper(tmp_path)
    daw.project.add_item(daw.project.add_track("x"), song, 1.0, 3.0)

    def colours():
        return {colour for _, colour in picture(daw.project, start=0.0, end=9.0).getcolors(1 << 20)}

    assert WAVE in colours()
    assert not {SELECTION, OUR_WAVE} & colours()
    daw.project.time_selection = (5.0, 6.0)
    assert SELECTION in colours()
