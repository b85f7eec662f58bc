"""Which Live this is, and whether it can do what is needed."""

from __future__ import annotations

import Live

from .refused import Refused


def name() -> str:
    """As in 12.1.5."""
    live = Live.Application.get_application()
    numbers = (live.get_major_version(), live.get_minor_version(), live.get_bugfix_version())
    return "%d.%d.%d" % numbers


def can_insert() -> bool:
    """Whether scripts may make clips from audio files: from 11.3.25 on, but not before 12.0.5 in Live 12."""
    return hasattr(Live.ClipSlot.ClipSlot, "create_audio_clip")


def require_inserting() -> None:
    """Raise Refused where they may not."""
    if not can_insert():
        raise Refused(
            "This is Live %s: clips can be made by scripts from 11.3.25 and from 12.0.5 on. Update Live." % name()
        )


def has_take_lanes() -> bool:
    """Whether scripts may make take lanes, from 12.2 on."""
    return hasattr(Live.Track.Track, "create_take_lane")
