"""Notes of a stem as a MIDI file: drums by rules of our own, other stems by a net that another package carries.

The daemon asks here what is possible; nothing of this imports numpy.
"""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from engine.errors import Unsupported
from engine.spec import RESIDUAL, RenderSpec, Verb

PACKAGE = "basic-pitch"
"""Spotify's, Apache-2.0: its wheel carries the net as ONNX. Its own code is never imported."""
INSTALL = "pip install --no-deps basic-pitch==0.4.0"
STRUCK = ("drums", "percussion")
"""Stems that are written on the drum channel, without a net."""
_NET = "basic_pitch/saved_models/icassp_2022/nmp.onnx"


def is_wanted(spec: RenderSpec) -> bool:
    """Whether notes are to be heard: other verbs write down what they play."""
    return spec.midi and spec.verb is Verb.EXTRACT


def net_path() -> Path | None:
    """Where the package's net is; None where it is not installed."""
    try:
        carrier = distribution(PACKAGE)
    except PackageNotFoundError:
        return None
    path = Path(str(carrier.locate_file(_NET)))
    return path if path.is_file() else None


def require(spec: RenderSpec) -> None:
    """Raise Unsupported where a stem that is asked for cannot be written down on this machine."""
    pitched = [track for track in spec.tracks or () if track not in (*STRUCK, RESIDUAL)]
    if pitched and net_path() is None:
        raise Unsupported(
            f"midi: the notes of {', '.join(pitched)} are found with the net of {PACKAGE}: {INSTALL}; "
            f"without it only {' and '.join(STRUCK)} are written"
        )
