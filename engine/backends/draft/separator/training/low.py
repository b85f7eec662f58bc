"""The net that decides again below 172 Hz, where kicks and basses meet. PyTorch; training only."""

import torch
from torch import Tensor, nn

from engine.backends.draft.separator.repeats import CUES, LOW
from engine.backends.draft.separator.training.net import FLOOR

WIDE = 24
HIDDEN = 64
_TINY = 1e-4


def _block(inside: int, outside: int, apart: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, 1, (apart, 1), (apart, 1), bias=False), nn.BatchNorm2d(outside), nn.LeakyReLU(0.1)
    )


class Low(nn.Module):
    """What `repeats.low_cues` tells [batch, 10, windows, 16] to masks [batch, 3, windows, 16] that add up to one.

    Without training they are the U-Net's. The level is set against the mean of the whole input.
    """

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(WIDE, 1, LOW))
        self.first = _block(CUES + 4, WIDE)
        self.encoders = nn.ModuleList(_block(WIDE, WIDE, apart) for apart in (1, 2))
        self.squeeze = nn.Linear(WIDE * LOW, HIDDEN)
        self.recurrent = nn.GRU(HIDDEN, HIDDEN, batch_first=True, bidirectional=True)
        self.widen = nn.Linear(2 * HIDDEN, WIDE * LOW)
        self.decoder = _block(WIDE, WIDE)
        self.last = nn.Conv2d(WIDE, 3, 3, 1, 1)
        nn.init.zeros_(self.last.weight)
        assert self.last.bias is not None
        nn.init.zeros_(self.last.bias)

    def forward(self, cues: Tensor) -> Tensor:
        """Masks of drums, bass and other."""
        mean = cues[:, :1].mean(dim=(2, 3), keepdim=True) + 1e-14
        level = torch.log10(cues[:, :2] / mean + FLOOR) / 3 + 1
        found = torch.log(cues[:, 2:5] + _TINY)
        repeated = torch.log(cues[:, 5:8] + _TINY)
        shares = torch.cat([found, repeated], dim=1) / 5 + 1
        # How much less than the U-Net gives the drums is repeated, on its own scale.
        less = (repeated[:, 2:] - found[:, :1]) / 5
        now = self.first(torch.cat([level, shares, cues[:, 5:8], less, cues[:, 8:]], dim=1)) + self.place
        for encoder in self.encoders:
            now = now + encoder(now)
        batch, wide, windows, bands = now.shape
        rows = now.permute(0, 2, 1, 3).reshape(batch, windows, wide * bands)
        rows = self.widen(self.recurrent(torch.relu(self.squeeze(rows)))[0])
        now = now + rows.reshape(batch, windows, wide, bands).permute(0, 2, 1, 3)
        now = now + self.decoder(now)
        return torch.softmax(found + self.last(now), dim=1)
