"""Draws the arrangement of a simulated Live: tracks, their clips as they sound, the loop brace, and what the status bar says."""

import numpy as np
from live import rendering
from PIL import Image, ImageDraw, ImageFont

WIDTH, MARGIN, HEAD, RULER, TRACK, CAPTION, BAR = 1200, 12, 190, 26, 78, 18, 28
PAPER, DESK, CLIP, OURS, OFF, INK, PALE = (
    (250, 249, 246), (232, 231, 227), (205, 216, 222), (246, 219, 204), (240, 239, 236), (44, 48, 54), (120, 124, 130),
)  # fmt: skip
WAVE, OUR_WAVE, BRACE, EDGE = (62, 112, 146), (196, 96, 58), (252, 236, 205), (178, 58, 88)
PEAKS = 4
"""Samples that are looked at for a column of pixels."""


def picture(live, *, start, end):
    """The stretch of the arrangement from beat `start` to beat `end`."""
    tracks = list(live.song.tracks)
    bottom = MARGIN + RULER + len(tracks) * (TRACK + 4)
    image = Image.new("RGB", (WIDTH, bottom + BAR + MARGIN), PAPER)
    pen = ImageDraw.Draw(image)
    font, small = ImageFont.load_default(15), ImageFont.load_default(12)

    def x(beat):
        return round(MARGIN + HEAD + (beat - start) * (WIDTH - HEAD - 2 * MARGIN) / (end - start))

    brace = (live.song.loop_start, live.song.loop_start + live.song.loop_length) if live.song.loop else ()
    if brace:
        pen.rectangle((x(brace[0]), MARGIN, x(brace[1]), bottom), fill=BRACE)
    for beat in range(int(start), int(end), 4):
        pen.text((x(beat) + 3, MARGIN), str(beat // 4 + 1), fill=PALE, font=small)
        pen.line((x(beat), MARGIN + RULER - 8, x(beat), MARGIN + RULER - 2), fill=PALE)
    top = MARGIN + RULER
    for track in tracks:
        pen.rectangle((MARGIN, top, MARGIN + HEAD - 6, top + TRACK), fill=DESK)
        pen.text((MARGIN + 8, top + 8), track.name, fill=INK, font=font)
        for clip in track.arrangement_clips:
            left, right = x(clip.start_time) + 1, x(clip.end_time) - 1
            is_ours = clip.file_path.count("Punchin") > 0
            paper, wave = (OFF, PALE) if clip.muted else (OURS, OUR_WAVE) if is_ours else (CLIP, WAVE)
            pen.rectangle((left, top, right, top + TRACK - 3), fill=paper, outline=PALE if clip.muted else None)
            pen.text((left + 4, top + 2), clip.name, fill=PALE if clip.muted else INK, font=small)
            _wave(pen, clip, live, left, right, top + CAPTION, wave)
        top += TRACK + 4
    for beat in brace:
        pen.line((x(beat), MARGIN, x(beat), bottom), fill=EDGE)
    said = live.messages[-1] if live.messages else ""
    pen.rectangle((MARGIN, bottom + 4, WIDTH - MARGIN, bottom + BAR), fill=DESK)
    pen.text((MARGIN + 8, bottom + 8), said, fill=INK, font=small)
    return image


def _wave(pen, clip, live, left, right, top, colour):
    """Heard as the clip plays it: through its warp map."""
    seconds = (clip.end_time - clip.start_time) * 60 / live.song.tempo
    rate = PEAKS * (right - left) / seconds
    state = clip._sim_state
    muted, state["muted"] = state["muted"], False
    heard = np.abs(np.asarray(rendering.played(clip, rate))).max(axis=0)
    state["muted"] = muted
    middle, reach = top + (TRACK - CAPTION) / 2, (TRACK - CAPTION) / 2 - 3
    for column, peak in enumerate(heard[: PEAKS * (right - left)].reshape(-1, PEAKS).max(axis=1) * reach):
        pen.line((left + column, middle - peak, left + column, middle + peak), fill=colour)
