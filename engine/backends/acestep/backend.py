"""ACE-Step 1.5 as a backend: one checkpoint at a time in memory, the plan for this machine, another try when memory runs out."""

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from loguru import logger
from platformdirs import user_cache_path

from engine.backends.acestep import allocator, devices, loras, tasks, tiers
from engine.backends.acestep.adapters import Adapters
from engine.backends.acestep.attention import compile_layers
from engine.backends.acestep.cache import Cache, files_print
from engine.backends.acestep.checkpoint import Dtypes, load
from engine.backends.acestep.choice import checkpoint, traits
from engine.backends.acestep.guard import weight_files
from engine.backends.acestep.layout import DIFFUSION_MODEL, MODEL, Layout, locate
from engine.backends.acestep.occupancy import Occupancy
from engine.backends.acestep.planner import choice as planner
from engine.backends.acestep.planner import understanding
from engine.backends.acestep.planner.desk import Desk
from engine.backends.acestep.quantise import quantise
from engine.backends.acestep.resident import Resident
from engine.backends.acestep.session import Prints, Session
from engine.backends.acestep.tiers import MemoryPlan, Residency
from engine.backends.acestep.traits import Traits
from engine.backends.base import Heard, Rendering, Report
from engine.errors import OutOfMemory
from engine.progress import shared
from engine.spec import RenderSpec
from engine.understanding import Told
from engine.units import Seed

_Result = TypeVar("_Result")
LOADING_SHARE = 0.2
"""Of the progress of a job that has to load its checkpoint."""
MEMORY_BYTES, DISK_BYTES = 512 * 2**20, 4 * 2**30
"""How much is kept of what was computed: latents of ten minutes have 4 MB, states of a long song's lyrics 8 MB."""


class AceStep:
    """Lives in the worker. The checkpoint that a job names is loaded when it is not the one that is there."""

    def __init__(self) -> None:
        self._processor = devices.chosen(os.environ)
        devices.limit_memory(self._processor, os.environ)
        self._device = devices.torch_device(self._processor)
        self._resident = Resident()
        self._cache = Cache(_cache_folder(), memory_bytes=MEMORY_BYTES, disk_bytes=DISK_BYTES)
        self._folder: Path | None = None
        self._session: Session | None = None
        self._desk: Desk | None = None

    def render(self, spec: RenderSpec, heard: Heard, seed: Seed, report: Report) -> Rendering:
        """Render one take; when memory runs out, again with fewer modules on the device, and at last without a plan.

        Raises NoModel and BadModel for a checkpoint or an adapter that is not there or not whole, Unsupported for what it was
        not made for.
        """
        session, report = self._ready(spec, report)
        try:
            return self._rendered(session, lambda: tasks.render(session, spec, heard, seed, report), spec)
        finally:
            allocator.give_back()

    def describe(self, spec: RenderSpec, heard: Heard, report: Report) -> Told:
        """Say what the planner makes of a source. Raises as `render` does."""
        session, report = self._ready(spec, report)
        try:
            return self._rendered(session, lambda: understanding.told(session, spec, heard, report), spec)
        finally:
            allocator.give_back()

    def _ready(self, spec: RenderSpec, report: Report) -> tuple[Session, Report]:
        """The checkpoint and the planner that a spec needs, and what is left of the progress."""
        folder = checkpoint(spec)
        if self._session is None or self._folder != folder:
            self._session = self._desk = None
            gc.collect()
            self._session = self._opened(folder, shared(report, 0.0, LOADING_SHARE))
            self._folder = folder
            report = shared(report, LOADING_SHARE, 1.0)
        self._seat_planner(self._session, spec)
        return self._session, report

    def _seat_planner(self, session: Session, spec: RenderSpec) -> None:
        """Have the job's planner at its desk; the one of another job, or of none, leaves memory."""
        assert self._folder is not None
        assert self._desk is not None
        chosen = planner.chosen(spec, self._folder, self._processor)
        made = None if chosen is None else self._planned(traits(self._folder), chosen.size)
        if chosen is None or made is None or not (made.fits or planner.must_plan(spec)):
            self._desk.expect(None)
            session.desk = None
            return
        session.occupancy.become(max(made.residency, session.occupancy.residency, key=list(Residency).index))
        self._desk.expect(chosen.folder)
        session.desk = self._desk

    def _rendered(self, session: Session, work: Callable[[], _Result], spec: RenderSpec) -> _Result:
        session.notes.clear()
        while True:
            try:
                session.adapters.wear(loras.wanted(spec.lora))
                return work()
            except Exception as error:
                if not devices.is_out_of_memory(error):
                    raise
                relief = self._relief(session, spec)
                if relief is None:
                    planless = "planner off, " if session.desk is not None and session.desk.failed else ""
                    raise OutOfMemory(
                        f"the {self._processor.name} has no memory left for this job: choose {planless}a shorter selection or "
                        "less context, or close what else uses it"
                    ) from error
            # Only here: while the error is held, so are the tensors of the pass that failed.
            devices.release_memory(self._device)
            session.notes.append(f"memory ran out: {relief}")

    def _relief(self, session: Session, spec: RenderSpec) -> str | None:
        """Have a job need less memory, and say how; None where it cannot."""
        if session.desk is not None:
            session.desk.leave()
        residency = session.occupancy.tightened()
        if residency is not None:
            return f"rendered again with modules {residency.replace('_', ' ')}, which is slower"
        if session.desk is not None and session.desk.failed and not planner.must_plan(spec):
            session.desk.expect(None)
            session.desk = None
            return "rendered again without a plan"
        return None

    def _opened(self, folder: Path, report: Report) -> Session:
        layout, kind = locate(folder), traits(folder)
        made = self._planned(kind)
        logger.info("{} on {}, tier {}: {}", kind.name, made.name, made.tier, "; ".join(made.reasons))
        modules = load(folder, torch.device("cpu"), _dtypes(made), report, self._resident)
        if made.int8:
            quantise(modules.transformer)
        if made.compile:
            compile_layers(modules.transformer)
        adapters = Adapters(modules.transformer, quantised=made.int8)
        occupancy = Occupancy(modules, self._device, made.residency)
        self._desk = Desk(self._device, getattr(torch, tiers.planner_dtype(made.dtype)), made.batch)
        return Session(modules, adapters, occupancy, self._tile_frames, self._cache, _prints(layout), self._device)

    def _planned(self, kind: Traits, size: tiers.Planner | None = None) -> MemoryPlan:
        return tiers.plan(
            self._processor,
            "xl" if kind.xl else "2b",
            guided=not kind.turbo,
            planner=size,
            wishes=tiers.wished(os.environ),
            can_quantise=tiers.can_quantise(),
        )

    def _tile_frames(self) -> int:
        return tiers.vae_tile_frames(self._processor.kind, devices.free_bytes(self._device))


def _cache_folder() -> Path:
    given = os.environ.get("PUNCHIN_CACHE")
    return Path(given) if given else user_cache_path("punchin", appauthor=False) / "acestep"


def _dtypes(made: MemoryPlan) -> Dtypes:
    model = getattr(torch, made.dtype)
    return Dtypes(model, model, vae=getattr(torch, made.vae_dtype), text_encoder=model)


def _prints(layout: Layout) -> Prints:
    vae = weight_files(layout.vae, DIFFUSION_MODEL)
    text = weight_files(layout.text_encoder, MODEL)
    if layout.kind == "original":
        return Prints(files_print(vae), files_print([*weight_files(layout.dit, MODEL), *text]))
    return Prints(
        files_print(vae), files_print([*weight_files(layout.dit / "condition_encoder", DIFFUSION_MODEL), *text])
    )
