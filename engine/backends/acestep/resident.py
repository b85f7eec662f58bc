"""What is in memory already: checkpoints that are loaded side by side share the tensors that are equal."""

import weakref
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True, slots=True)
class Origin:
    """The file that a tensor came from, as it was then."""

    file: Path
    size: int
    changed_ns: int
    name: str

    @classmethod
    def of(cls, file: Path, name: str) -> "Origin":
        """The origin of the tensor `name` in a file."""
        state = file.stat()
        return cls(file.resolve(), state.st_size, state.st_mtime_ns, name)


class Resident:
    """The tensors of one process that may be shared. They live as long as a module holds them.

    Every release of ACE-Step brings its own copy of the encoders, and most copies are equal. A tensor is shared when it comes
    from the same file, or when a tensor of the same name in another checkpoint has the same values.
    """

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], list[tuple[Origin, weakref.ref[torch.nn.Parameter]]]] = {}

    def from_file(
        self, part: str, name: str, origin: Origin, dtype: torch.dtype, device: torch.device
    ) -> torch.Tensor | None:
        """The tensor that was loaded from this very place, when it is still there with this type on this device."""
        for held_origin, held in self._living(part, name):
            if held_origin == origin and held.dtype == dtype and held.device == device:
                return held.data
        return None

    def equal(self, part: str, name: str, tensor: torch.Tensor) -> torch.Tensor | None:
        """A tensor of another checkpoint that has the same values, type and device."""
        for _, held in self._living(part, name):
            same_kind = (held.dtype, held.device, held.shape) == (tensor.dtype, tensor.device, tensor.shape)
            if same_kind and torch.equal(held, tensor):
                return held.data
        return None

    def keep(self, part: str, name: str, origin: Origin, parameter: torch.nn.Parameter) -> None:
        """Remember a tensor for as long as it lives."""
        living = self._held.setdefault((part, name), [])
        living[:] = [(other, held) for other, held in living if held() is not None]
        living.append((origin, weakref.ref(parameter)))

    def _living(self, part: str, name: str) -> list[tuple[Origin, torch.nn.Parameter]]:
        held = [(origin, reference()) for origin, reference in self._held.get((part, name), [])]
        return [(origin, parameter) for origin, parameter in held if parameter is not None]
