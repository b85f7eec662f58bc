"""How the worker takes memory from the system.

glibc fetches every large block anew and gives it back when it is freed. The VAE frees blocks of hundreds of megabytes
after every layer, so half of its time on a processor goes into pages that are fetched, cleared and given back again.
"""

import ctypes
import os
import sys
from collections.abc import Mapping

_GLIBC: Mapping[str, str] = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(16 * 1024**3),
    "MALLOC_TOP_PAD_": str(256 * 1024**2),
    "MALLOC_ARENA_MAX": "1",
}


def environment() -> Mapping[str, str]:
    """Variables that a process must start with so that it keeps what it frees; none where they mean nothing."""
    return _GLIBC if _has_glibc() else {}


def give_back() -> None:
    """Return what was freed and kept to the system; for the end of a job, when the next may be an hour away."""
    if _has_glibc():
        ctypes.CDLL(None).malloc_trim(0)


def _has_glibc() -> bool:
    if sys.platform != "linux":
        return False
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (ValueError, OSError):
        return False
