"""The separator's net: a U-Net over bands and time with a recurrent layer at its bottom. PyTorch; training only."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from engine.backends.draft.separator.bands import BANDS

WIDTHS = (16, 32, 64, 96, 128)
HIDDEN = 96
FLOOR = 1e-7
"""Power beside the mean that counts as silence: -70 dB."""


def _block(inside: int, outside: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside), nn.LeakyReLU(0.1)
    )


class Net(nn.Module):
    """Power of middle and sides [1, 2, windows, 256] to masks [1, 3, windows, 256] that add up to one.

    Windows in multiples of 32. The level is set against the mean of the whole input inside, so that gain does not matter.
    """

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(8, 1, BANDS // 2))
        self.first = _block(8, WIDTHS[0])
        self.encoders = nn.ModuleList(_block(wide, wide) for wide in WIDTHS)
        self.downs = nn.ModuleList(_block(high, low, 2) for high, low in pairwise(WIDTHS))
        bands = BANDS // 2 // 2 ** (len(WIDTHS) - 1)
        self.squeeze = nn.Linear(WIDTHS[-1] * bands, HIDDEN)
        self.recurrent = nn.GRU(HIDDEN, HIDDEN, batch_first=True, bidirectional=True)
        self.widen = nn.Linear(2 * HIDDEN, WIDTHS[-1] * bands)
        self.ups = nn.ModuleList(
            nn.Sequential(nn.Conv2d(low, 4 * high, 1), nn.PixelShuffle(2)) for high, low in pairwise(WIDTHS)
        )
        self.decoders = nn.ModuleList(_block(wide, wide) for wide in WIDTHS[:-1])
        self.last = nn.Sequential(nn.Conv2d(WIDTHS[0], 12, 3, 1, 1), nn.PixelShuffle(2))

    def forward(self, power: Tensor) -> Tensor:
        """Masks of drums, bass and other."""
        mean = power.mean(dim=(1, 2, 3), keepdim=True) + 1e-14
        heard = torch.log10(power / mean + FLOOR) / 3 + 1
        now = self.first(nn.functional.pixel_unshuffle(heard, 2) + self.place)
        kept = []
        for encoder, down in zip(self.encoders, self.downs, strict=False):
            now = now + encoder(now)
            kept.append(now)
            now = down(now)
        now = now + self.encoders[-1](now)
        batch, wide, windows, bands = now.shape
        rows = now.permute(0, 2, 1, 3).reshape(batch, windows, wide * bands)
        rows = self.widen(self.recurrent(torch.relu(self.squeeze(rows)))[0])
        now = now + rows.reshape(batch, windows, wide, bands).permute(0, 2, 1, 3)
        for level in reversed(range(len(kept))):
            now = self.ups[level](now) + kept[level]
            now = now + self.decoders[level](now)
        return torch.softmax(self.last(now), dim=1)
