"""Which version of Live has what, as far as it came after 11.3.20. From stubs that were captured in each of them.

`create_audio_clip` came with 11.3.25, was not in 12.0.0 and is back since 12.0.5; it returned nothing for a track before 12.2.
"""

EARLIEST = (11, 3, 20)
SINCE = {
    "Application.Application.get_build_id": (12, 0, 0),
    "Application.Application.get_variant": (12, 0, 0),
    "Application.Application.show_on_the_fly_message": (12, 0, 0),
    "Clip.Clip.is_session_clip": (12, 2, 0),
    "Clip.Clip.is_take_lane_clip": (12, 2, 0),
    "ClipSlot.ClipSlot.create_audio_clip": (11, 3, 25),
    "Song.Song.file_path": (11, 3, 25),
    "Song.Song.name": (11, 3, 25),
    "Song.Song.scale_mode": (12, 0, 5),
    "TakeLane": (12, 2, 0),
    "Track.Track.create_audio_clip": (11, 3, 25),
    "Track.Track.create_take_lane": (12, 2, 0),
    "Track.Track.take_lanes": (12, 2, 0),
}
LACKED = {"ClipSlot.ClipSlot.create_audio_clip", "Track.Track.create_audio_clip"}
"""What 12.0.0 to 12.0.4 did not have although a version before them had it."""


def parsed(text):
    """(12, 2, 0) of `12.2`."""
    numbers = [int(part) for part in text.split(".")]
    version = tuple(numbers + [0] * (3 - len(numbers)))
    if len(version) != 3 or version < EARLIEST:
        raise ValueError(f"{text}: no version that is simulated")
    return version


def has(name, version):
    """Whether a version has a member (`Song.Song.tempo`) or a module (`TakeLane`)."""
    if name in LACKED and (12, 0, 0) <= version < (12, 0, 5):
        return False
    return version >= SINCE.get(name, EARLIEST)
