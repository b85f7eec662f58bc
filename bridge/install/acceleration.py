"""How ACE-Step would run here: the device, its memory, and the plan that is made of them, without a model.

torch is asked in a process of its own, so the doctor never imports it, and a driver that crashes is a finding.
"""

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict

from bridge.install.finding import Finding
from engine.backends.acestep.tiers import (
    CONTEXT,
    GIB,
    NOT_POSSIBLE,
    MemoryPlan,
    Processor,
    can_quantise,
    plan,
    simulated,
    wished,
)
from engine.errors import CannotStart

TIME_LIMIT = 20.0
"""Seconds for torch to be read from a cold disk and to find its device."""
_NAME = "ace-step plan"
_INSTALL = 'For the ACE-Step engine: pip install "punchin[ace]".'
_MIB = 1024**2


def acestep_plan(environ: Mapping[str, str]) -> Finding:
    """The plan for this machine, or for the card that a MAX_CUDA_VRAM variable (MPS, XPU) simulates.

    `values` holds the plan and the device, sizes in bytes.
    """
    has_torch = importlib.util.find_spec("torch") is not None
    try:
        wishes = wished(environ)
        found = simulated(environ, _without_torch())
        if has_torch and not found.simulated:
            found = _asked_torch(environ)
        made = plan(found, wishes=wishes, can_quantise=can_quantise())
    except CannotStart as error:
        return Finding(_NAME, "problem", str(error), "Change that variable, or remove it.")
    except (OSError, ValueError, TypeError, KeyError, subprocess.SubprocessError) as error:
        remedy = 'Install it again: pip install --force-reinstall torch; python -c "import torch" must work.'
        return Finding(_NAME, "problem", f"torch does not answer: {_last_line(error)}", remedy)
    values = {"torch": has_torch, "processor": asdict(found), "plan": asdict(made)}
    detail = _told(found, made)
    if not has_torch:
        return Finding(_NAME, "off", f"{detail}; torch is not installed", _INSTALL, values)
    if not made.fits:
        return Finding(_NAME, "problem", detail, "Close programs that hold memory of that device.", values)
    return Finding(_NAME, "ok", detail, values=values)


def _asked_torch(environ: Mapping[str, str]) -> Processor:
    """What torch finds; raises CannotStart with its words, SubprocessError when it fails or is late."""
    # -P: what lies in the working folder is not imported
    command = [sys.executable, "-P", "-m", "engine.backends.acestep.devices"]
    # the command is this Python
    done = subprocess.run(  # noqa: S603
        command, env=dict(environ), capture_output=True, text=True, timeout=TIME_LIMIT * 0.9, check=False
    )
    if done.returncode == NOT_POSSIBLE:
        raise CannotStart(done.stderr.strip())
    done.check_returncode()
    return Processor(**json.loads(done.stdout))


def _without_torch() -> Processor:
    """The largest card that nvidia-smi knows, or the machine's own processor."""
    import psutil  # noqa: PLC0415  not needed to start the command line

    memory = psutil.virtual_memory()
    processor = Processor("cpu", "the machine's processor", memory.total, memory.available, bfloat16=False)
    command = shutil.which("nvidia-smi")
    if command is None:
        return processor
    query = [command, "--query-gpu=name,memory.total,memory.free,compute_cap", "--format=csv,noheader,nounits"]
    try:
        # the command is the one that the system's own search path names
        told = subprocess.run(query, capture_output=True, text=True, timeout=5, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return processor  # the part named gpu tells of it
    return max([processor, *cards(told.stdout)], key=lambda each: (each.kind == "cuda", each.total))


def cards(csv: str) -> list[Processor]:
    """Cards from nvidia-smi's lines of name, MiB in all, MiB free, compute capability; others are left out."""
    found = []
    for line in csv.splitlines():
        name, *numbers = (part.strip() for part in line.rsplit(",", 3))
        try:
            total, free, capability = (float(number) for number in numbers)
        except ValueError:
            continue
        room = max(0, int(free) * _MIB - CONTEXT)
        found.append(Processor("cuda", name, int(total) * _MIB, room, bfloat16=capability >= 8))
    return found


def _told(found: Processor, made: MemoryPlan) -> str:
    takes = f"{made.batch} take{'s' if made.batch > 1 else ''} at once"
    layout = [made.dtype, made.residency.replace("_", " "), *(["8 bits"] if made.int8 else [])]
    return (
        f"{found.name} ({made.device}), {found.total / GIB:.1f} GiB, {found.free / GIB:.1f} free; tier {made.tier}: "
        f"{', '.join(layout)}, up to {made.max_seconds} s, {takes}; {'; '.join(made.reasons)}"
    )


def _last_line(error: BaseException) -> str:
    """What a process said last, or what the error says."""
    if isinstance(error, subprocess.CalledProcessError) and error.stderr.strip():
        return str(error.stderr.strip().splitlines()[-1])
    return " ".join(str(error).split())
