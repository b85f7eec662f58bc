"""Weights out of a pickle, without running what a pickle can say.

A pickle names functions and calls them. Here the four names that an array of numbers needs lead to plain stand-ins of this
module, and every other name is refused. Nothing of numpy, torch or builtins is ever within a file's reach.
"""

import hashlib
import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from engine.analysis.spectrum import FloatArray
from engine.errors import BadModel

Weights = dict[str, FloatArray]


def read(path: Path, sha256: str) -> Weights:
    """The arrays of a checkpoint by name. Raises BadModel unless it is the very file that was looked at, of this hash."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadModel(f"{path} cannot be read: {error}") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise BadModel(f"{path} is damaged or of another version: its sha256 is not {sha256}")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return unpickled(archive.read(f"{path.stem}/data.pkl"))


def unpickled(content: bytes) -> Weights:
    """The arrays of a pickled dictionary of names to little-endian float32 arrays; raises BadModel for anything else."""
    try:
        found = _Reader(io.BytesIO(content)).load()
    except Exception as error:  # noqa: BLE001  bytes that are no such pickle fail in many ways
        raise BadModel(f"these are no plain weights: {error}") from None
    if not isinstance(found, dict) or not all(isinstance(array, _Array) for array in found.values()):
        raise BadModel("these are no plain weights: something else than arrays by name")
    return {str(name): array.values for name, array in found.items()}


class _Array:
    """Stands for `numpy.ndarray`; its state is (version, shape, number format, column order, bytes)."""

    values: FloatArray

    def __setstate__(self, state: tuple[int, tuple[int, ...], "_Format", bool, bytes]) -> None:
        _, shape, number, columns_first, data = state
        if not isinstance(number, _Format):
            raise pickle.UnpicklingError("an array without a number format")
        self.values = np.frombuffer(data, "<f4").reshape(shape, order="F" if columns_first else "C").astype(np.float32)


class _Format:
    """Stands for `numpy.dtype`, of which only little-endian float32 is taken."""

    def __init__(self, code: str, *_: bool) -> None:
        if code != "f4":
            raise pickle.UnpicklingError(f"numbers of the format {code}")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] != "<":
            raise pickle.UnpicklingError(f"numbers in the byte order {state[1]}")


def _empty(*_: object) -> _Array:
    """Stands for numpy's `_reconstruct`, whose result gets its state afterwards."""
    return _Array()


def _encoded(text: str, coding: str) -> bytes:
    """Stands for `_codecs.encode`, by which old pickles hold bytes."""
    if coding != "latin1":
        raise pickle.UnpicklingError(f"bytes in the coding {coding}")
    return text.encode("latin1")


_KNOWN: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Format,
    ("numpy.core.multiarray", "_reconstruct"): _empty,
    ("_codecs", "encode"): _encoded,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        try:
            return _KNOWN[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module_name}.{global_name} is refused") from None
