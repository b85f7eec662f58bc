"""Folders of data that come with punchin: inside the package once installed, beside it in a checkout."""

from importlib.resources import files
from pathlib import Path


def shipped(name: str) -> Path:
    """The folder `presets` or `daw_scripts`."""
    package = Path(str(files("bridge")))
    installed = package / name
    return installed if installed.is_dir() else package.parent / name
