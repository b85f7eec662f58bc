"""Which modules lie on the device: all, the transformer, or whichever is needed right now."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from engine.backends.acestep.devices import release_memory
from engine.backends.acestep.tiers import Residency

TRANSFORMER = "transformer"
PARTS = (TRANSFORMER, "condition_encoder", "audio_tokenizer", "audio_token_detokenizer", "vae", "text_encoder")


class Occupancy:
    """Moves the modules of a checkpoint between the machine's memory and the device's."""

    def __init__(self, modules: Any, device: torch.device, residency: Residency) -> None:
        self._modules = modules
        self._device = device
        self._residency = residency
        self._settle()

    @property
    def residency(self) -> Residency:
        """What stays on the device."""
        return self._residency

    def become(self, residency: Residency) -> None:
        """Leave that much on the device from now on."""
        if residency is not self._residency:
            self._residency = residency
            self._settle()

    def tightened(self) -> Residency | None:
        """Leave less on the device from now on; None where there is nothing to leave, or nowhere to put it."""
        looser = list(Residency)
        following = looser[looser.index(self._residency) + 1 :]
        if not following or self._device.type in {"cpu", "mps"}:
            return None
        self.become(following[0])
        return self._residency

    def _settle(self) -> None:
        for part in PARTS:
            _move(getattr(self._modules, part), self._device if self._stays(part) else "cpu")

    @contextmanager
    def present(self, *parts: str) -> Iterator[None]:
        """Within it these modules lie on the device; those that do not stay leave it afterwards."""
        guests = [getattr(self._modules, part) for part in parts if not self._stays(part)]
        for module in guests:
            _move(module, self._device)
        try:
            yield
        finally:
            for module in guests:
                _move(module, "cpu")
            if guests:
                release_memory(self._device)

    def _stays(self, part: str) -> bool:
        if self._residency is Residency.KEEP:
            return True
        return self._residency is Residency.ONE_AT_A_TIME and part == TRANSFORMER


def _move(module: Any, device: torch.device | str) -> None:
    # Weights in 8 bits cannot be moved in inference mode, in which a render is.
    with torch.inference_mode(mode=False):
        module.to(device)
