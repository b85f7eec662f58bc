"""The VAE in pieces: any length in bounded memory, equal to the whole, and only the frames that are asked for.

Oobleck hears a bounded stretch (found in float64, by perturbation): a latent frame changes samples at most 8.34 frames
away, and is made of samples at most 7 frames away. A piece with that much of its neighbours on either side, cut off
afterwards, is exactly what the whole would give there.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from loguru import logger

from engine.backends.acestep import devices
from engine.backends.base import Report, Stage
from engine.errors import OutOfMemory

if TYPE_CHECKING:
    from diffusers import AutoencoderOobleck

DECODE_MARGIN = 9
"""Latent frames beside a piece that its samples depend on."""
ENCODE_MARGIN = 7
"""Frames of audio beside a piece that its latents depend on."""
_NO_ROOM = "the VAE needs more memory than is free, even for {frames} frames at once: close other programs"


class Vae:
    """Encodes and decodes with a model, on the device and in the type that its weights have.

    `tile_frames`: latent frames that go through the model at once, margins included; a function is asked before each
    call. `note` is told, in a sentence for the user, when memory ran out and smaller pieces were taken.
    """

    def __init__(
        self,
        model: "AutoencoderOobleck",
        tile_frames: Callable[[], int] | int,
        note: Callable[[str], None] = logger.warning,
    ) -> None:
        self._model = model
        self._tile_frames = tile_frames
        self._note = note
        self.hop: int = model.hop_length
        """Samples of one latent frame."""

    def encode(self, samples: torch.Tensor, report: Report) -> torch.Tensor:
        """Latents [1, frames, channels] of samples [2, samples]: the posterior's mean, the same every time.

        They lie where the model lies, in its type. What does not fill the last frame is filled up with zeros. Raises
        OutOfMemory when even the smallest piece does not fit, and whatever `report` raises, within a piece.
        """
        frames = -(-samples.shape[-1] // self.hop)
        padded = torch.nn.functional.pad(samples, (0, frames * self.hop - samples.shape[-1]))
        weight = next(self._model.parameters())
        channels: int = self._model.config.decoder_input_channels
        latents = torch.empty(channels, frames, dtype=weight.dtype, device=weight.device)

        def mean(left: int, right: int) -> torch.Tensor:
            window = padded[None, :, left * self.hop : right * self.hop]
            # the other half of the channels is the posterior's width
            return self._model.encoder(window.to(weight.device, weight.dtype))[0, :channels]

        self._fill(latents, 0, frames, ENCODE_MARGIN, self._model.encoder, mean, report, Stage.READING)
        return latents.T[None]

    def decode(self, latents: torch.Tensor, report: Report, first: int = 0, end: int | None = None) -> torch.Tensor:
        """Samples [2, (end - first) * hop] of the frames `first` to `end` of latents [1, frames, channels].

        They are what decoding all frames would give there, and lie in the machine's memory, in float32 or better.
        Raises OutOfMemory when even the smallest piece does not fit, and whatever `report` raises, within a piece.
        """
        frames = latents.shape[1]
        end = frames if end is None else end
        if not 0 <= first <= end <= frames:
            raise ValueError(f"frames {first} to {end} of {frames}")
        weight = next(self._model.parameters())
        dtype = torch.promote_types(weight.dtype, torch.float32)
        samples = torch.empty(self._model.config.audio_channels, (end - first) * self.hop, dtype=dtype)

        def audio(left: int, right: int) -> torch.Tensor:
            return self._model.decoder(latents[:, left:right].mT.to(weight.device, weight.dtype))[0]

        self._fill(samples, first, frames, DECODE_MARGIN, self._model.decoder, audio, report, Stage.DECODING)
        return samples

    def _fill(
        self,
        out: torch.Tensor,
        first: int,
        frames: int,
        margin: int,
        net: Any,
        piece: Callable[[int, int], torch.Tensor],
        report: Report,
        stage: Stage,
    ) -> None:
        """Fill `out` [channels, steps] from frame `first` on; `piece` renders any window of the `frames` that exist."""
        steps = self.hop if stage is Stage.DECODING else 1
        wanted = out.shape[-1] // steps
        end = first + wanted
        smallest = 2 * margin + 1
        tile = max(smallest, self._tile_frames if isinstance(self._tile_frames, int) else self._tile_frames())
        too_large = 0
        at = first
        while at < end:
            left, right, until = _window(at, end, frames, margin, tile)
            begun, share = (at - first) / wanted, (until - at) / wanted
            try:
                with torch.inference_mode(), _watched(net, report, stage, begun, share):
                    rendered = piece(left, right)[:, (at - left) * steps : (until - left) * steps]
                    out[:, (at - first) * steps : (until - first) * steps] = rendered
            except (MemoryError, RuntimeError) as error:
                if not devices.is_out_of_memory(error):
                    raise
                if right - left <= smallest:
                    raise OutOfMemory(_NO_ROOM.format(frames=right - left)) from error
                too_large = too_large or right - left
                tile = max(smallest, (right - left) // 2)
            else:
                at = until
                continue
            # only here: while the error is held, so are the tensors of the piece that failed
            devices.release_memory(next(net.parameters()).device)
        report(1.0, stage)
        if too_large:
            self._note(f"memory ran out at {too_large} latent frames at once; {tile} at once did fit")


def _window(at: int, end: int, frames: int, margin: int, tile: int) -> tuple[int, int, int]:
    """The next piece: the window [left, right) to render, at most `tile` long, and the frame `until` which it is good."""
    left = max(0, at - margin)
    last = min(end + margin, frames)
    right = min(left + tile, last)
    return left, right, end if right == last else right - margin


@contextmanager
def _watched(net: Any, report: Report, stage: Stage, begun: float, share: float) -> Iterator[None]:
    """Report before every layer of one pass through `net`: on a slow machine a piece alone takes seconds."""
    layers = [module for module in net.modules() if not any(True for _ in module.children())]
    done = 0

    def tell(_layer: Any, _inputs: Any) -> None:
        nonlocal done
        report(begun + share * min(1.0, done / len(layers)), stage)
        done += 1

    hooks = [layer.register_forward_pre_hook(tell) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
