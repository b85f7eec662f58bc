"""punchin for Ableton Live: select, name what you want, and the take is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .script import Script

if TYPE_CHECKING:
    from .script import CInstance


def create_instance(c_instance: CInstance) -> Script:
    """Live calls this for each row of its settings in which the script is chosen."""
    return Script(c_instance)
