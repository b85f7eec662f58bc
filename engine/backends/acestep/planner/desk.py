"""Where the planner works: loaded when a job needs it, on the device while it writes, gone when a job can do without."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from engine.backends.acestep.cache import files_print
from engine.backends.acestep.devices import release_memory
from engine.backends.acestep.guard import weight_files
from engine.backends.acestep.layout import MODEL
from engine.backends.acestep.planner.weights import LanguageModel, load
from engine.backends.acestep.tiers import Residency
from engine.backends.base import Report


class Desk:
    """Holds at most one planner."""

    def __init__(self, device: torch.device, dtype: torch.dtype, batch: int) -> None:
        """`batch`: how many takes are planned at once."""
        self.batch = batch
        self._device = device
        # float16 overflows in it
        self._dtype = torch.float32 if device.type == "mps" else dtype
        self._held: LanguageModel | None = None
        self.folder: Path | None = None

    def expect(self, folder: Path | None) -> None:
        """The next job's planner, or none: any other leaves memory."""
        if folder != self.folder:
            self._held = None
            gc.collect()
            release_memory(self._device)
        self.folder = folder

    @property
    def print(self) -> str:
        """What tells this planner's plans from another's."""
        assert self.folder is not None
        return f"{files_print(weight_files(self.folder, MODEL))} {self._dtype}"

    @contextmanager
    def present(self, residency: Residency, report: Report) -> Iterator[LanguageModel]:
        """Within it the planner lies on the device; afterwards it stays there only where everything does."""
        assert self.folder is not None
        if self._held is None:
            self._held = load(self.folder, self._dtype, report)
        self._held.model.to(self._device)
        try:
            yield self._held
        finally:
            if residency is not Residency.KEEP:
                self.leave()

    def leave(self) -> None:
        """Take the planner from the device; it stays in the machine's memory."""
        if self._held is not None and self._device.type != "cpu":
            self._held.model.to("cpu")
            release_memory(self._device)
