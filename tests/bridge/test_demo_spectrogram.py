import numpy as np
import pytest
from PIL import Image

from bridge.demo import showcase
from bridge.demo.picture import Axis, Region, Row
from bridge.demo.spectrogram import FLOOR_DB, HIGHEST_HZ, LOWEST_HZ, levels, spectrograms

RATE = 22050
AXIS = Axis(0.0, 2.0, 0, 100)


def tone(hertz, seconds=2.0):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE).astype(np.float32)[None]


@pytest.mark.parametrize("hertz", [110.0, 440.0, 3520.0])
def test_a_tone_lies_at_its_pitch(hertz):
    found = levels(Row("", tone(hertz)), RATE, AXIS, 50, 40)
    band = np.log(hertz / LOWEST_HZ) / np.log(HIGHEST_HZ / LOWEST_HZ) * 40
    assert found.shape == (40, 50)
    assert (np.abs(found.argmax(axis=0) + 0.5 - band) <= 1).all()


def test_audio_lies_at_its_time_and_nothing_beside_it():
    found = levels(Row("", tone(440.0, 1.0), offset_s=0.5), RATE, AXIS, 100, 20)
    loud = found.max(axis=0) > FLOOR_DB
    assert loud[25:75].all()
    assert not loud[:25].any()
    assert not loud[75:].any()


def test_new_clips_have_a_colour_of_their_own(tmp_path):
    spectrograms(
        [Row("song", tone(440.0), regions=(Region(0.5, 1.5, "", "clip"),))], RATE, title="a", out=tmp_path / "a.png"
    )
    pixels = np.asarray(Image.open(tmp_path / "a.png").convert("RGB")).astype(int)
    red = pixels[..., 0] - pixels[..., 2]
    left, right, width = 190, 1564, 1564 - 190
    middle, edge = (red[120:400, left + round(at * width)] for at in (0.5, 0.1))
    assert middle.max() > 60
    assert edge.min() < -20
    assert red[:, right - 5].max() < 60


def test_nothing_to_draw_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no audio"):
        spectrograms([], RATE, title="", out=tmp_path / "a.png")


def test_the_pictures_of_the_docs_are_small(tmp_path):
    showcase.main(tmp_path)
    for name in ("repaint", "stems"):
        assert Image.open(tmp_path / f"{name}.png").width == 1600
        assert (tmp_path / f"{name}.png").stat().st_size < 150_000
