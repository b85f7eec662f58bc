"""Train the separator on clips that `material` made. Goes on from its checkpoint; the seed fixes what is drawn.

Run as `python -m engine.backends.draft.separator.training.train --help`. Needs PyTorch and onnx.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from engine.analysis.spectrum import FloatArray
from engine.backends.draft.separator.bands import BINS, NARROW, WIDTH
from engine.backends.draft.separator.training.material import FRAMES
from engine.backends.draft.separator.training.net import Net

SIZE, HOP = 2048, 512
"""93 ms at the clips' rate of 22.05 kHz, as the separator has at every rate."""
WINDOWS = 256
"""Six seconds: long enough to hear that a kick is always the same and a bass is not."""
LOW = 48
"""Bands up to 500 Hz, where kicks and basses are."""
OCTAVES = 0.5
"""How much higher or lower stems are played at most."""
LEAK = 0.01
"""Share of the mix's energy under which an error no longer pays: -20 dB."""


Kinds = dict[str, list[FloatArray]]
"""Clips by what made them, each [3, 2, frames]."""


def drawn(kinds: Kinds, batch: int, rng: np.random.Generator, windows: int = WINDOWS) -> Tensor:
    """Draw stems of one clip or of several, at levels, speeds and sides by chance: [batch, 3, 2, frames].

    Every kind of clip is as likely as the others, however many there are of it. A clip that is too short begins again.
    """
    frames = HOP * (windows - 1)
    items = []
    for _ in range(batch):
        together, common = rng.random() < 0.4, _excerpt(kinds, frames, rng)
        stems = []
        for stem in range(3):
            clip, at, speed = common if together else _excerpt(kinds, frames, rng)
            samples = _sped(clip[stem], at, frames, speed)
            if stem == 2 and rng.random() < 0.25:
                clip, at, speed = _excerpt(kinds, frames, rng)
                samples = samples + np.float32(rng.uniform(0.3, 1)) * _sped(clip[stem], at, frames, speed)
            if rng.random() < 0.5:
                samples = samples[::-1]
            present = rng.random() > (0.12, 0.15, 0.12)[stem]
            stems.append(samples * np.float32(present * 10 ** (rng.normal(0, 6) / 20)))
        items.append(np.stack(stems))
    return torch.from_numpy(np.ascontiguousarray(np.stack(items)))


def _excerpt(kinds: Kinds, frames: int, rng: np.random.Generator) -> tuple[FloatArray, int, float]:
    """A clip, where to begin and how fast to play it."""
    clips = list(kinds.values())[rng.integers(len(kinds))]
    speed = float(2 ** rng.uniform(-OCTAVES, OCTAVES)) if rng.random() < 0.5 else 1.0
    last = FRAMES - int(2**OCTAVES * frames) - 2
    last = last if last > 0 else FRAMES
    return clips[rng.integers(len(clips))], int(rng.integers(0, last)), speed


def _sped(stem: FloatArray, at: int, frames: int, speed: float) -> FloatArray:
    """A stretch of a stem, higher and faster or lower and slower as on a tape: [2, frames]."""
    cut = np.take(stem, np.arange(at, at + int(frames * speed) + 2), axis=1, mode="wrap").astype(np.float32)
    if speed == 1:
        return cut[:, :frames]
    place = np.arange(frames) * speed
    return np.stack([np.interp(place, np.arange(cut.shape[1]), side) for side in cut]).astype(np.float32)


def energies(stems: Tensor, tilt: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What loss and net need of stems [batch, 3, 2, frames], in bands.

    Power of the mix's middle and sides [batch, 2, windows, 256], of the mix [batch, 1, windows, 256], its product with
    each stem and each stem's power [batch, 3, windows, 256]. `tilt` [batch, 3, 1, 1, bins] filters each stem.
    """
    window = torch.hann_window(SIZE).sqrt()
    flat = stems.reshape(-1, stems.shape[-1])
    spectra = torch.stft(flat, SIZE, HOP, window=window, return_complex=True)[:, :BINS].transpose(1, 2)
    spectra = spectra.reshape(*stems.shape[:3], -1, BINS) * tilt
    mix = spectra.sum(dim=1)
    # Products of left and right added up, which is what masks common to both can change.
    middle, side = mix[:, 0] + mix[:, 1], mix[:, 0] - mix[:, 1]
    sums = [_product(middle, middle) / 4, _product(side, side) / 4, _product(mix, mix).mean(dim=1)]
    sums += [_product(mix, spectra[:, stem]).mean(dim=1) for stem in range(3)]
    sums += [_product(spectra[:, stem], spectra[:, stem]).mean(dim=1) for stem in range(3)]
    grouped = torch.stack([_grouped(each) for each in sums], dim=1)
    return grouped[:, :2], grouped[:, 2:3], grouped[:, 3:6], grouped[:, 6:9]


def _product(one: Tensor, other: Tensor) -> Tensor:
    """Real part of one times the other's conjugate."""
    return one.real * other.real + one.imag * other.imag


def _grouped(power: Tensor) -> Tensor:
    """The same as `bands.grouped`: [batch, windows, bins] to [batch, windows, 256]."""
    wide = power[..., NARROW:]
    return torch.cat([power[..., :NARROW], wide.reshape(*wide.shape[:-1], -1, WIDTH).sum(dim=-1)], dim=-1)


def loss_of(masks: Tensor, power: Tensor, product: Tensor, truth: Tensor) -> Tensor:
    """Mean negative SDR of the masked mix in dB, over all bands and again over those of kicks and basses.

    |m X - S|^2 = m^2 |X|^2 - 2 m Re(X S*) + |S|^2, summed over a clip.
    """
    error = masks**2 * power - 2 * masks * product + truth
    return _ratio(error, truth, power) + _ratio(error[..., :LOW], truth[..., :LOW], power[..., :LOW])


def _ratio(error: Tensor, truth: Tensor, power: Tensor) -> Tensor:
    floor = LEAK * power.sum(dim=(2, 3)) + 1e-9
    return (10 * torch.log10((error.sum(dim=(2, 3)) + floor) / (truth.sum(dim=(2, 3)) + floor))).mean()


def tilts(batch: int, rng: np.random.Generator) -> Tensor:
    """Gentle random filters a stem, and at times a low pass over all as from a low rate: [batch, 3, 1, 1, bins]."""
    octaves = np.log2(np.arange(BINS) + 4) / 10
    bend = rng.normal(0, 3, (batch, 3, 1)) * (octaves - 0.6) + rng.normal(0, 2, (batch, 3, 1)) * np.sin(
        octaves * rng.uniform(3, 15, (batch, 3, 1))
    )
    gains = 10 ** (bend / 20)
    for item in np.flatnonzero(rng.random(batch) < 0.1):
        gains[item, :, int(rng.integers(300, BINS)) :] = 0
    return torch.from_numpy(gains.astype(np.float32))[:, :, None, None, :]


def main() -> None:
    """Train until the minutes or the steps are over; a checkpoint every hundred steps, the average of weights beside it."""
    given = _arguments()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    net = Net()
    averaged = Net()
    averaged.load_state_dict(net.state_dict())
    optimiser = torch.optim.AdamW(net.parameters(), given.rate, weight_decay=1e-3)
    step = 0
    if given.checkpoint.exists():
        state = torch.load(given.checkpoint)
        net.load_state_dict(state["net"])
        averaged.load_state_dict(state["averaged"])
        optimiser.load_state_dict(state["optimiser"])
        step = state["step"]
    first = step
    names: list[Path] = []
    kinds: Kinds = {}
    recent: list[float] = []
    begin = time.monotonic()
    while step < given.steps and time.monotonic() - begin < 60 * given.minutes:
        if not kinds or step % 25 == 0:
            read_new(given.clips, names, kinds)
        rng = np.random.default_rng([given.seed, step])
        share = min(1.0, max((step - first) / (given.steps - first), (time.monotonic() - begin) / (60 * given.minutes)))
        for group in optimiser.param_groups:
            group["lr"] = given.rate * min(1.0, (step - first + 1) / 30) * (0.51 + 0.5 * math.cos(math.pi * share))
        heard, power, product, truth = energies(drawn(kinds, given.batch, rng), tilts(given.batch, rng))
        loss = loss_of(net(heard), power, product, truth)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        average(averaged, net, step)
        step += 1
        recent.append(loss.item())
        if step % 25 == 0:
            seconds = time.monotonic() - begin
            print(f"{step} {np.mean(recent[-100:]):.3f} {seconds:.0f} s {len(names)} clips", flush=True)  # noqa: T201
        if step % 100 == 0:
            save(given.checkpoint, net, averaged, optimiser, step)
    save(given.checkpoint, net, averaged, optimiser, step)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def read_new(folder: Path, names: list[Path], kinds: Kinds) -> None:
    """Read clips that have come since, so that training may begin while material is still being made."""
    fresh = [
        name for name in sorted(folder.glob("*.npy")) if name not in names and time.time() - name.stat().st_mtime > 2
    ]
    names += fresh
    for name in fresh:
        kinds.setdefault(name.stem.split("-")[0], []).append(np.load(name, mmap_mode="r"))
    if not kinds:
        raise SystemExit(f"{folder} holds no clips: make some with separator.training.material")


def average(averaged: nn.Module, net: nn.Module, step: int) -> None:
    """Move the averaged weights towards the net's: over all steps at first, over the last hundred later."""
    keep = min(0.99, step / (step + 20))
    with torch.no_grad():
        for slow, fast in zip(averaged.state_dict().values(), net.state_dict().values(), strict=True):
            slow.copy_(keep * slow + (1 - keep) * fast if slow.is_floating_point() else fast)


def save(path: Path, net: nn.Module, averaged: nn.Module, optimiser: torch.optim.Optimizer, step: int) -> None:
    """Write a checkpoint that training can go on from, at once."""
    state = {
        "net": net.state_dict(),
        "averaged": averaged.state_dict(),
        "optimiser": optimiser.state_dict(),
        "step": step,
    }
    fresh = path.with_suffix(".new")
    torch.save(state, fresh)
    fresh.replace(path)


if __name__ == "__main__":
    main()
