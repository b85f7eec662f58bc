"""Draws the state of the simulated REAPER: tracks with items and takes, the time selection, and the dialog that was answered."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from reaper.accessor import sound

WIDTH, MARGIN, HEAD, RULER = 1200, 12, 190, 26
TAKE_HEIGHT, CAPTION = 62, 18
FIELD_HEIGHT, DIALOG_WIDTH = 24, 560
PAPER, DESK, ITEM, OURS, INK, PALE = (
    (250, 249, 246),
    (232, 231, 227),
    (205, 216, 222),
    (246, 219, 204),
    (44, 48, 54),
    (120, 124, 130),
)
WAVE, OUR_WAVE, SELECTION, ACTIVE = (62, 112, 146), (196, 96, 58), (252, 236, 205), (178, 58, 88)


def picture(project, *, start, end, dialog=None):
    """The stretch of the project from `start` to `end` seconds. `dialog`: title and answers by caption, drawn beneath."""
    heights = [
        TAKE_HEIGHT * max((len(item.takes) for item in track.items), default=1) for track in project.content.tracks
    ]
    arranged = RULER + sum(height + 4 for height in heights)
    asked = (len(dialog[1]) + 2) * FIELD_HEIGHT + MARGIN if dialog else 0
    image = Image.new("RGB", (WIDTH, MARGIN * 2 + arranged + asked), PAPER)
    draw = _Drawing(image, start, (WIDTH - HEAD - 2 * MARGIN) / (end - start))
    draw.ruler(project, start, end, MARGIN + arranged)
    top = MARGIN + RULER
    for track, height in zip(project.content.tracks, heights, strict=True):
        draw.track(track, top, height)
        top += height + 4
    draw.selection(project.time_selection, MARGIN + arranged)
    if dialog:
        draw.dialog(*dialog, top + MARGIN)
    return image


class _Drawing:
    def __init__(self, image, start, scale):
        self.image, self.start, self.scale = image, start, scale
        self.pen = ImageDraw.Draw(image)
        self.font, self.small = ImageFont.load_default(15), ImageFont.load_default(12)

    def x(self, seconds):
        return round(MARGIN + HEAD + (seconds - self.start) * self.scale)

    def ruler(self, project, start, end, bottom):
        selected = project.time_selection
        if selected[1] > selected[0]:
            self.pen.rectangle((self.x(selected[0]), MARGIN, self.x(selected[1]), bottom), fill=SELECTION)
        for second in range(int(np.ceil(start)), int(end) + 1):
            self.pen.line((self.x(second), MARGIN + RULER - 8, self.x(second), MARGIN + RULER - 2), fill=PALE)
            self.pen.text((self.x(second) + 3, MARGIN), f"{second} s", fill=PALE, font=self.small)

    def selection(self, selected, bottom):
        """Its edges, over the items."""
        for seconds in selected if selected[1] > selected[0] else ():
            self.pen.line((self.x(seconds), MARGIN, self.x(seconds), bottom), fill=ACTIVE)

    def track(self, track, top, height):
        self.pen.rectangle((MARGIN, top, MARGIN + HEAD - 6, top + height), fill=DESK)
        self.pen.text((MARGIN + 8, top + 8), self.fitting(track.name, HEAD - 22, self.font), fill=INK, font=self.font)
        for item in sorted(track.items, key=lambda item: item.start):
            self.item(item, top)

    def item(self, item, top):
        left, right = self.x(item.start) + 1, self.x(item.end) - 1
        for take in item.takes:
            is_ours, is_active = "P_EXT:punchin" in take.texts, take is item.take
            self.pen.rectangle((left, top, right, top + TAKE_HEIGHT - 3), fill=OURS if is_ours else ITEM)
            name = self.fitting(take.texts["P_NAME"], right - left - 8, self.small)
            self.pen.text((left + 4, top + 2), name, fill=INK if is_active else PALE, font=self.small)
            self.wave(item, take, left, right, top + CAPTION, (OUR_WAVE if is_ours else WAVE) if is_active else PALE)
            if is_active and len(item.takes) > 1:
                self.pen.rectangle((left, top, right, top + TAKE_HEIGHT - 3), outline=ACTIVE, width=2)
            top += TAKE_HEIGHT

    def wave(self, item, take, left, right, top, colour):
        samples, rate = sound(take.source.path)
        middle, reach = top + (TAKE_HEIGHT - CAPTION) / 2, (TAKE_HEIGHT - CAPTION) / 2 - 3
        edges = np.linspace(0, item.length * take.values["D_PLAYRATE"], right - left + 1) + take.values["D_STARTOFFS"]
        frames = np.clip((edges * rate).astype(int), 0, len(samples))
        for x, first, last in zip(range(left, right), frames, frames[1:], strict=False):
            if last > first:
                peak = np.abs(samples[first:last]).max() * reach
                self.pen.line((x, middle - peak, x, middle + peak), fill=colour)

    def dialog(self, title, answers, top):
        left = MARGIN + HEAD
        bottom = top + (len(answers) + 1) * FIELD_HEIGHT + 8
        self.pen.rectangle((left, top, left + DIALOG_WIDTH, bottom), fill=DESK, outline=PALE)
        self.pen.text((left + 10, top + 4), title, fill=INK, font=self.font)
        for number, (caption, answer) in enumerate(answers.items(), 1):
            line = top + number * FIELD_HEIGHT
            self.pen.text((left + 10, line + 4), caption, fill=PALE, font=self.small)
            self.pen.rectangle((left + 190, line + 1, left + DIALOG_WIDTH - 10, line + FIELD_HEIGHT - 3), fill=PAPER)
            self.pen.text((left + 196, line + 4), self.fitting(answer, 340, self.small), fill=INK, font=self.small)

    def fitting(self, text, width, font):
        """The text, shortened where it is wider than so many pixels."""
        text = " ".join(text.split())
        if self.pen.textlength(text, font) <= width:
            return text
        while text and self.pen.textlength(text + "…", font) > width:
            text = text[:-1]
        return text + "…" if text else ""
