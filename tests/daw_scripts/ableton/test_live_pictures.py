"""The pictures of docs/ableton.md show what the script does: `PUNCHIN_DRAW=1 pytest` on this file draws them anew."""

from drawing import BRACE, OUR_WAVE, WAVE, picture
from pictures import IMAGES, compare


def colours(drawn):
    return {colour for _, colour in drawn.getcolors(1 << 20)}


def test_the_first_repaint(booth, music):
    booth.user.set(booth.track, name="Guitar")
    clip = booth.user.insert(
        music, booth.track, 0.0, name="guitar", warping_on=True, tempo=135.0, content=(0.0, 20.0)
    )  # fmt: skip
    booth.user.select(clip)
    assert not {BRACE, OUR_WAVE} & colours(picture(booth.live, start=0, end=24))
    booth.user.loop_brace(8.0, 4.0)
    drawn = picture(booth.live, start=0, end=24)
    assert {BRACE, WAVE} <= colours(drawn)
    compare("ableton-select.png", drawn)
    booth.user.set(clip, name="ace: brushes instead of sticks seed=7 engine=draft")
    booth.ask("repaint")
    compare("ableton-take.png", picture(booth.live, start=0, end=24))
    told = (IMAGES.parent / "ableton.md").read_text("utf-8")
    assert all(f"images/{path.name}" in told for path in IMAGES.glob("ableton-*.png"))
