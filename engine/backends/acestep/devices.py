"""The processor that a model runs on, asked of torch: only in the worker, or as `python -m` in a process of its own."""

import gc
import json
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict

import psutil
import torch

from engine.backends.acestep.tiers import CONTEXT, NOT_POSSIBLE, SIMULATIONS, MemoryPlan, Processor, simulated
from engine.errors import CannotStart

AMPERE = (8, 0)
"""The first compute capability of NVIDIA's with bfloat16."""
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "failed to allocate")
"""What the allocators of the CPU, of MPS, of XPU and of cuDNN say in a plain RuntimeError."""


def best() -> Processor:
    """The fastest processor here: an NVIDIA or AMD card, then Apple's, then Intel's, then the machine's own."""
    return _found(next(kind for kind in ("cuda", "mps", "xpu", "cpu") if _is_there(kind)))


def chosen(environ: Mapping[str, str]) -> Processor:
    """The processor that ACESTEP_DEVICE names, or the best; with less memory where a MAX_*_VRAM variable says so.

    Raises CannotStart when it names one that is not there.
    """
    wish = environ.get("ACESTEP_DEVICE", "").strip().lower()
    if wish in {"", "auto"}:
        processor = best()
    elif _is_there(wish):
        processor = _found(wish)
    else:
        raise CannotStart(f"ACESTEP_DEVICE: there is no {wish} here, or this torch cannot use it")
    limited = simulated(environ, processor)
    return processor if limited.simulated else limited


def torch_device(processor: Processor | MemoryPlan) -> torch.device:
    """Torch's name for it; AMD's cards go by NVIDIA's."""
    kind = processor.kind if isinstance(processor, Processor) else processor.device
    return torch.device("cuda" if kind == "rocm" else kind)


def limit_memory(processor: Processor, environ: Mapping[str, str]) -> None:
    """Keep torch to the memory that a MAX_*_VRAM variable leaves, so that a simulated card runs out like a real one."""
    device = torch_device(processor)
    if not any(environ.get(variable) for variable in SIMULATIONS) or device.type == "cpu":
        return
    whole = _found(device.type).total
    share = max(0.01, min(1.0, (processor.total - CONTEXT) / whole))
    getattr(torch, device.type).set_per_process_memory_fraction(share)


def free_bytes(device: torch.device) -> int:
    """Bytes that can still be taken on a device: what the system has, and what torch holds and does not use."""
    if device.type in {"cuda", "xpu"}:
        library = getattr(torch, device.type)
        free, _ = library.mem_get_info(device)
        return int(free + library.memory_reserved(device) - library.memory_allocated(device))
    if device.type == "mps":
        return max(0, _mps_bytes() - int(torch.mps.driver_allocated_memory()))
    return int(psutil.virtual_memory().available)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device has no memory left; each allocator says it in its own way."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _OUT_OF_MEMORY)


def release_memory(device: torch.device) -> None:
    """Give back what torch holds of a device and does not use."""
    gc.collect()
    if device.type != "cpu":
        getattr(torch, device.type).empty_cache()


def _is_there(kind: str) -> bool:
    if kind == "cpu":
        return True
    library = {"cuda": torch.cuda, "mps": torch.mps, "xpu": torch.xpu}.get(kind)
    return bool(library is not None and library.is_available())


def _found(kind: str) -> Processor:
    """A processor that is there, by torch's name for it."""
    match kind:
        case "cuda":
            free, total = torch.cuda.mem_get_info()
            amd = torch.version.hip is not None
            bfloat16 = amd or torch.cuda.get_device_capability() >= AMPERE
            return Processor("rocm" if amd else "cuda", torch.cuda.get_device_name(), total, free, bfloat16)
        case "xpu":
            free, total = torch.xpu.mem_get_info()
            return Processor("xpu", torch.xpu.get_device_name(), total, free, bfloat16=True)
        case "mps":
            total = _mps_bytes()
            free = min(total, psutil.virtual_memory().available)
            return Processor("mps", platform.processor() or "Apple silicon", total, free, bfloat16=False)
        case _:
            memory = psutil.virtual_memory()
            features = _processor_features()
            name = str(features.get("cpu_name") or platform.processor() or platform.machine())
            # by its features, not by a measurement: the type must not change from one run to the next
            bfloat16 = any(features.get(each) for each in ("avx512_bf16", "amx_bf16", "bf16"))
            return Processor("cpu", name, memory.total, memory.available, bfloat16)


def _mps_bytes() -> int:
    """What Metal recommends to take at most, or three quarters of the machine's memory."""
    return int(torch.mps.recommended_max_memory() or psutil.virtual_memory().total * 3 // 4)


def _processor_features() -> Mapping[str, object]:
    """What torch says of the machine's own processor; nothing, before torch 2.10."""
    features: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return features


if __name__ == "__main__":
    try:
        sys.stdout.write(json.dumps(asdict(chosen(os.environ))) + "\n")
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(NOT_POSSIBLE)
