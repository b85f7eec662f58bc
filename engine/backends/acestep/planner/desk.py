"""Where the planner works: loaded when a job needs it, on the device while it writes, gone when a job can do without."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from engine.backends.acestep.cache import files_print
from engine.backends.acestep.devices import release_memory
from engine.backends.acestep.guard import weight_files
from engine.backends.acestep.layout import MODEL
from engine.backends.acestep.planner.weights import LanguageModel, load
from engine.backends.acestep.tiers import Residency
from engine.backends.base import Report
from engine.progress import shared

if TYPE_CHECKING:
    from engine.backends.acestep.planner.vocabulary import Vocabulary

LOADING_SHARE = 0.1
"""Of the progress of what the planner is asked, where it has to be loaded for it."""


class Desk:
    """Holds at most one planner."""

    def __init__(self, device: torch.device, dtype: torch.dtype, batch: int) -> None:
        """`batch`: how many takes are planned at once."""
        self.batch = batch
        self._device = device
        self._dtype = dtype
        self._held: LanguageModel | None = None
        self._read: tuple[Path, Vocabulary] | None = None
        self.folder: Path | None = None
        self.failed = False
        """Whether the planner could not do what it was last asked."""

    def expect(self, folder: Path | None) -> None:
        """The next job's planner, or none: any other leaves memory."""
        if folder != self.folder:
            self._held = None
            gc.collect()
            release_memory(self._device)
        self.folder = folder
        self.failed = False

    @property
    def print(self) -> str:
        """What tells this planner's plans from another's."""
        assert self.folder is not None
        return f"{files_print(weight_files(self.folder, MODEL))} {self._dtype}"

    @contextmanager
    def present(self, residency: Residency, report: Report) -> Iterator[tuple[LanguageModel, Report]]:
        """The planner, and what is left of the progress once it is loaded.

        Within it the planner lies on the device; afterwards it stays there only where everything does.
        """
        assert self.folder is not None
        self.failed = True
        try:
            if self._held is None:
                # Small beside the weights, and slower to read: it stays when they leave.
                known = self._read[1] if self._read and self._read[0] == self.folder else None
                self._held = load(self.folder, self._dtype, shared(report, 0.0, LOADING_SHARE), known)
                self._read = self.folder, self._held.vocabulary
                report = shared(report, LOADING_SHARE, 1.0)
            self._held.model.to(self._device)
            yield self._held, report
            self.failed = False
        finally:
            if residency is not Residency.KEEP:
                self.leave()

    def leave(self) -> None:
        """Take the planner from the device; it stays in the machine's memory."""
        if self._held is not None and self._device.type != "cpu":
            self._held.model.to("cpu")
            release_memory(self._device)
