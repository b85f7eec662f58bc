"""Mix clips that `material` made and keep what there is to tell kicks from basses by: what `refine` learns from.

Run as `python -m engine.backends.draft.separator.training.mixes --help`. Needs PyTorch and onnxruntime.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from engine.analysis.spectrum import FloatArray
from engine.backends.draft.separate import median_masks
from engine.backends.draft.separator.bands import COUNTS
from engine.backends.draft.separator.masks import WINDOWS, Separator
from engine.backends.draft.separator.repeats import LOW, low_cues
from engine.backends.draft.separator.training.train import Kinds, drawn, energies, read_new, tilts

_MOST = 6e4


def mixed(kinds: Kinds, net: Separator, rng: np.random.Generator) -> dict[str, FloatArray]:
    """One mix of 12 s below 172 Hz, all float16 and beside the mix's mean power there.

    `cues` [10, windows, 16], and what the loss needs: `power` [1, windows, 16], `product` and `truth` [3, windows, 16].
    """
    power, *rest = (each[0].numpy() for each in energies(drawn(kinds, 1, rng, WINDOWS), tilts(1, rng)))
    heard = power.sum(axis=0)
    cues = low_cues(heard, net.masks(power), median_masks(np.sqrt(heard / COUNTS), lambda _: None))
    cues[:2] /= cues[0].mean() + 1e-9
    whole, product, truth = (each[..., :LOW] / (rest[0][..., :LOW].mean() + 1e-9) for each in rest)
    named = {"cues": cues, "power": whole, "product": product, "truth": truth}
    return {name: np.clip(each, -_MOST, _MOST).astype(np.float16) for name, each in named.items()}


def main() -> None:
    """Write mixes until the count or the time is reached; clips that come in meanwhile are taken up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    net, names = Separator(), list[Path]()
    kinds: Kinds = {}
    given.out.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 60 * given.minutes
    for number in range(given.count):
        if number % 50 == 0:
            read_new(given.clips, names, kinds)
        mix = mixed(kinds, net, np.random.default_rng([given.seed, number]))
        with (given.out / f"{given.seed}-{number:06d}.npz").open("wb") as file:
            np.savez(file, allow_pickle=False, **mix)
        if time.monotonic() > end:
            break


if __name__ == "__main__":
    main()
