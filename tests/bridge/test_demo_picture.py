import hashlib

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from bridge.demo import picture
from bridge.demo.picture import Axis, Region, Row, axis_of, fitted, outline, ticks, waveform, waveforms

RATE = 48_000
AXIS = Axis(0.0, 24.0, 36, 1564)


def tone(seconds, channels=2, level=0.5):
    time = np.arange(round(seconds * RATE)) / RATE
    return np.tile(level * np.sin(2 * np.pi * 1100 * time), (channels, 1)).astype(np.float32)


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def columns_of(image, colour):
    return np.flatnonzero((image == colour).all(axis=2).any(axis=0))


# where things lie


def test_times_and_columns():
    assert AXIS.x(0.0) == 36
    assert AXIS.x(24.0) == 1564
    assert AXIS.x(8.0) == pytest.approx(36 + 1528 / 3)
    assert AXIS.column(8.0) == 545
    assert AXIS.column(-1.0) == 36
    assert AXIS.column(24.0) == AXIS.column(99.0) == 1563
    assert AXIS.covered(Region(8.0, 24.0, "", "clip")) == (545, 1564)


def test_the_axis_holds_everything():
    rows = [
        Row("", tone(2.0), offset_s=10.0),
        Row("", tone(1.0), offset_s=11.5, regions=(Region(9.0, 11.0, "", "selection"),), seams=(13.25,)),
    ]
    assert axis_of(rows, RATE) == Axis(9.0, 13.25, 36, 1564)
    assert axis_of([Row("bass", tone(2.0), -1.0)], RATE) == Axis(-1.0, 1.0, 190, 1564)


@pytest.mark.parametrize("rows", [[], [Row("", np.zeros((2, 0), np.float32))]])
def test_nothing_to_draw(rows, tmp_path):
    with pytest.raises(ValueError, match="no audio"):
        waveforms(rows, RATE, title="", out=tmp_path / "out.png")


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0.0, 24.0, [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24]),
        (0.0, 1.0, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        (-3.2, 4.1, [-3, -2, -1, 0, 1, 2, 3, 4]),
        (7.96, 8.04, [7.96, 7.97, 7.98, 7.99, 8.0, 8.01, 8.02, 8.03, 8.04]),
        (0.0, 245.0, [0, 50, 100, 150, 200]),
    ],
)
def test_ticks_are_round_times(start, end, expected):
    assert ticks(start, end) == expected


# what a column shows


def test_an_impulse_is_in_its_column_and_no_other():
    samples = np.zeros((2, 24 * RATE), np.float32)
    samples[0, 8 * RATE] = 0.75
    samples[1, 14 * RATE] = -0.5
    drawn = outline(samples, RATE, 0.0, AXIS)
    assert drawn.high.shape == (2, 1528)
    assert np.flatnonzero(drawn.high[0]).tolist() == [AXIS.column(8.0) - AXIS.left]
    assert np.flatnonzero(drawn.low[1]).tolist() == [AXIS.column(14.0) - AXIS.left]
    assert (drawn.high.max(), drawn.low.min()) == (0.75, -0.5)


def test_rms_and_peaks_of_a_sine():
    drawn = outline(tone(24.0, channels=1), RATE, 0.0, Axis(0.0, 24.0, 0, 240))  # 110 periods a column
    assert drawn.rms == pytest.approx(0.5 / np.sqrt(2), abs=1e-4)
    assert drawn.high == pytest.approx(0.5, abs=1e-4)
    assert drawn.low == pytest.approx(-0.5, abs=1e-4)


def test_outside_the_audio_there_is_nothing():
    drawn = outline(tone(2.0), RATE, 1.0, Axis(0.0, 4.0, 0, 400))
    assert np.flatnonzero(~np.isnan(drawn.rms[0])).tolist() == list(range(100, 300))
    assert np.isnan(outline(tone(2.0), RATE, 50.0, Axis(0.0, 4.0, 0, 400)).high).all()


def test_every_frame_is_in_exactly_one_column():
    samples = np.random.default_rng(1).normal(0, 1, (1, 10_007)).astype(np.float32)
    drawn = outline(samples, RATE, 0.0, Axis(0.0, 10_007 / RATE, 0, 97))
    sizes = np.diff(np.floor(np.linspace(0, 10_007, 98)))
    assert float((drawn.rms[0] ** 2 * sizes).sum()) == pytest.approx(float((samples.astype(np.float64) ** 2).sum()))
    assert (drawn.high.max(), drawn.low.min()) == (samples.max(), samples.min())


def test_close_up_every_frame_is_a_step():
    samples = np.array([[0.0, 0.5, -0.5, 1.0]], np.float32)
    drawn = outline(samples, RATE, 2.0, Axis(2.0, 2.0 + 4 / RATE, 0, 40))
    assert drawn.high[0].tolist() == drawn.low[0].tolist() == np.repeat(samples[0], 10).tolist()
    assert drawn.rms[0].tolist() == np.repeat([0.0, 0.5, 0.5, 1.0], 10).tolist()


# the picture


@pytest.fixture(scope="module")
def repaint(tmp_path_factory):
    out = tmp_path_factory.mktemp("pictures") / "repaint.png"
    regions = [Region(0.0, 8.0, "kept", "kept"), Region(8.0, 14.0, "new", "clip"), Region(14.0, 24.0, "", "selection")]
    waveform(tone(24.0), RATE, title="Repaint", regions=regions, seams=[8.0, 14.0], out=out)
    return pixels(out)


def test_size(repaint):
    assert repaint.shape == (500, 1600, 3)
    assert tuple(repaint[0, 0]) == picture.PAPER


def test_a_seam_is_one_column_from_top_to_bottom(repaint):
    seam = (repaint[70:448] == picture.SEAM).all(axis=2)
    full = np.flatnonzero(seam.all(axis=0))
    assert full.tolist() == [AXIS.column(8.0), AXIS.column(14.0)] == [545, 927]
    wide = seam.sum(axis=1)  # both triangles stand on the panel's edges, points inward
    assert wide[0] > wide[4] > wide[40] == 2
    assert wide[-1] > wide[-5] > wide[-40] == 2


@pytest.mark.parametrize(("time", "kind"), [(4.9, "kept"), (12.9, "clip"), (20.9, "selection")])
def test_a_region_is_shaded(repaint, time, kind):
    assert tuple(repaint[90, AXIS.column(time)]) == picture.SHADES[kind]
    assert tuple(repaint[71, AXIS.column(time)]) == picture.EDGES[kind]


def test_shades_end_where_the_regions_end(repaint):
    shades = [tuple(int(value) for value in pixel) for pixel in repaint[100]]
    assert (shades[544], shades[546]) == (picture.SHADES["kept"], picture.SHADES["clip"])
    assert (shades[35], shades[1564]) == (picture.PAPER, picture.PAPER)


def test_new_material_has_its_own_colour(repaint):
    lanes = repaint[100:440]
    assert columns_of(lanes, picture.CLIP_BODY).tolist() == list(range(546, 927))
    old = columns_of(lanes, picture.BODY)
    assert (old.min(), old.max()) == (36, 1563)
    assert not ((old > 545) & (old < 927)).any()


def test_the_height_of_the_body_is_the_rms(repaint):
    column = repaint[:, AXIS.column(20.9)]
    body = np.flatnonzero((column == picture.BODY).all(axis=1))
    peak = np.flatnonzero((column == picture.PEAK).all(axis=1))
    lane = (442 - 96) / 2
    assert len(body) / 2 == pytest.approx(2 * 0.46 * lane / np.sqrt(2), abs=2)
    assert (peak.max() - peak.min() - lane) == pytest.approx(2 * 0.46 * lane, abs=2)


def test_silence_is_a_line_one_pixel_high(tmp_path):
    waveform(np.zeros((2, RATE), np.float32), RATE, title="", regions=[], seams=[], out=tmp_path / "out.png")
    body = (pixels(tmp_path / "out.png") == picture.BODY).all(axis=2)
    assert body.sum(axis=0)[40:1560].tolist() == [2] * 1520


def test_rows_share_the_axis_and_the_scale(tmp_path):
    rows = [Row("loud", tone(4.0)), Row("quiet", tone(1.0, level=0.05), offset_s=2.0), Row("mono", tone(4.0, 1))]
    waveforms(rows, RATE, title="Stems", out=tmp_path / "out.png")
    image = pixels(tmp_path / "out.png")
    assert image.shape == (70 + 52 + 3 * 184 - 14, 1600, 3)
    quiet = columns_of(image[254:424], picture.BODY)
    axis = axis_of(rows, RATE)
    assert (quiet.min(), quiet.max()) == (axis.column(2.0), axis.column(3.0) - 1)
    heights = [(image[top : top + 170, 1100] == picture.BODY).all(axis=1).sum() for top in (70, 254)]
    assert heights[0] / heights[1] == pytest.approx(10, rel=0.3)


def test_the_same_audio_gives_the_same_picture(tmp_path):
    hashes = set()
    for name in ("a", "b"):
        waveform(tone(3.0), RATE, title="t", regions=[], seams=[1.0], out=tmp_path / name)
        hashes.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(hashes) == 1


def test_long_text_is_cut_to_its_room():
    draw = ImageDraw.Draw(Image.new("RGB", (10, 10)))
    font = ImageFont.load_default(size=19)
    assert fitted(draw, "bass", font, 200) == "bass"
    cut = fitted(draw, "take 2 with a very long name", font, 120)
    assert cut.startswith("take 2")
    assert cut.endswith("...")
    assert draw.textlength(cut, font) <= 120
    assert fitted(draw, "bass", font, 3) == ""
