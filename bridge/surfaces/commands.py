"""`punchin surfaces`."""

import sys

from bridge.shipped import shipped


def surfaces() -> None:
    """Say where the layouts for surfaces are."""
    sys.stdout.write(f"{shipped('presets') / 'surfaces'}\n")
