"""Train the net that decides again below 172 Hz, on mixes that `mixes` made. Goes on from its checkpoint.

Run as `python -m engine.backends.draft.separator.training.refine --help`. Needs PyTorch.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.backends.draft.separator.training.low import Low
from engine.backends.draft.separator.training.train import LEAK, WINDOWS, average, save

STEM_WEIGHTS = (1.0, 2.0, 0.3)
"""The bass is what lacks most; of the rest there is little so low."""
KEPT = ("cues", "power", "product", "truth")


def loss_of(masks: Tensor, power: Tensor, product: Tensor, truth: Tensor) -> Tensor:
    """Mean negative SDR of the stems below 172 Hz in dB, with a share of the mix's energy forgiven each.

    |m X - S|^2 = m^2 |X|^2 - 2 m Re(X S*) + |S|^2, summed over a clip.
    """
    error = (masks**2 * power - 2 * masks * product + truth).sum(dim=(2, 3))
    floor = LEAK * power.sum(dim=(2, 3)) + 1e-6
    ratio = 10 * torch.log10((error + floor) / (truth.sum(dim=(2, 3)) + floor))
    return (ratio * torch.tensor(STEM_WEIGHTS)).mean()


def main() -> None:
    """Train until the minutes are over; a checkpoint every hundred steps, the average of weights beside it."""
    given = _arguments()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    low, averaged = Low(), Low()
    averaged.load_state_dict(low.state_dict())
    optimiser = torch.optim.AdamW(low.parameters(), given.rate, weight_decay=1e-3)
    step = 0
    if given.checkpoint.exists():
        state = torch.load(given.checkpoint)
        low.load_state_dict(state["net"])
        averaged.load_state_dict(state["averaged"])
        optimiser.load_state_dict(state["optimiser"])
        step = state["step"]
    first, begin = step, time.monotonic()
    mixes: dict[Path, list[Tensor]] = {}
    recent: list[tuple[float, float]] = []
    share = 0.0
    while share < 1:
        if step % 25 == 0 or len(mixes) < given.batch:
            _read_new(given.mixes, mixes)
        rng = np.random.default_rng([given.seed, step])
        share = min(1.0, (time.monotonic() - begin) / (60 * given.minutes))
        for group in optimiser.param_groups:
            group["lr"] = given.rate * min(1.0, (step - first + 1) / 30) * (0.51 + 0.5 * math.cos(math.pi * share))
        held = list(mixes.values())
        cues, *rest = _cut([held[index] for index in rng.integers(0, len(held), given.batch)], rng)
        loss = loss_of(low(cues), *rest)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(low.parameters(), 1.0)
        optimiser.step()
        average(averaged, low, step)
        step += 1
        recent.append((loss.item(), loss_of(cues[:, 2:5], *rest).item()))
        if step % 25 == 0:
            ours, broad = np.mean(recent[-100:], axis=0)
            told = f"{step} {ours:.3f}, the U-Net {broad:.3f} {time.monotonic() - begin:.0f} s {len(mixes)} mixes"
            print(told, flush=True)  # noqa: T201
        if step % 100 == 0 or share == 1:
            save(given.checkpoint, low, averaged, optimiser, step)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mixes", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _cut(drawn: list[list[Tensor]], rng: np.random.Generator) -> list[Tensor]:
    """Six seconds of each mix, as one batch."""
    starts = rng.integers(0, drawn[0][0].shape[1] - WINDOWS + 1, len(drawn))
    cut = [[each[:, at : at + WINDOWS] for each in mix] for mix, at in zip(drawn, starts, strict=True)]
    return [torch.stack(each).float() for each in zip(*cut, strict=True)]


def _read_new(folder: Path, mixes: dict[Path, list[Tensor]]) -> None:
    """Read mixes that have come since, so that training may begin while they are still being made."""
    for path in sorted(folder.glob("*.npz")):
        if path not in mixes and time.time() - path.stat().st_mtime > 2:
            with np.load(path) as file:
                mixes[path] = [torch.from_numpy(file[name]) for name in KEPT]
    if not mixes:
        raise SystemExit(f"{folder} holds no mixes: make some with separator.training.mixes")


if __name__ == "__main__":
    main()
