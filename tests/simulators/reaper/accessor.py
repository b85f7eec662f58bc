"""What a track audio accessor gives: the items of a track mixed, before effects, at any rate."""

from functools import lru_cache

import numpy as np
import soundfile
import soxr

from reaper.api import Fault
from reaper.model import Pointer

FADED = ("D_FADEINLEN", "D_FADEOUTLEN")


class Accessor(Pointer):
    def __init__(self, track):
        self.track = track
        self.rates = {}
        """The mix of the whole track by rate, made at the first read."""

    def read(self, rate, channels, start, frames):
        """float64 [frames, channels], or None where no item plays."""
        if (rate, channels) not in self.rates:
            self.rates[rate, channels] = _mixed(self.track, rate, channels)
        mix = self.rates[rate, channels]
        first = round(start * rate)
        playing = any(item.start * rate < first + frames and item.end * rate > first for item in _heard(self.track))
        if not playing:
            return None
        block = np.zeros((frames, channels))
        low, high = max(first, 0), min(first + frames, len(mix))
        if high > low:
            block[low - first : high - first] = mix[low:high]
        return block


def _heard(track):
    def plays(item):
        lane = f"C_LANEPLAYS:{int(item.values['I_FIXEDLANE'])}"
        return track.values["I_FREEMODE"] != 2 or track.values[lane] > 0

    return [i for i in track.items if not i.values["B_MUTE"] and i.take and i.take.source.path and plays(i)]


def _mixed(track, rate, channels):
    items = _heard(track)
    mix = np.zeros((max((round(item.end * rate) for item in items), default=0), channels))
    for item in items:
        first = round(item.start * rate)
        stretch = _played(item, rate, channels)
        mix[first : first + len(stretch)] += stretch[: len(mix) - first]
    return mix


def _played(item, rate, channels):
    """[frames, channels] of one item."""
    take, frames = item.take, round(item.length * rate)
    if take.values["D_PITCH"] or (take.stretch_markers and take.values["D_PLAYRATE"] != 1):
        raise Fault("rig: pitch, and stretch markers at another rate, are not modelled in accessors")
    samples, file_rate = sound(take.source.path)
    if take.stretch_markers:
        return _loud(_stretched(take, samples, file_rate, frames, rate), item, rate, channels)
    file_rate *= take.values["D_PLAYRATE"]
    first = round(take.values["D_STARTOFFS"] * file_rate / take.values["D_PLAYRATE"])
    count = int(np.ceil(frames * file_rate / rate)) + 1
    places = np.arange(first, first + count)
    if item.values["B_LOOPSRC"]:
        places %= len(samples)
    there = (places >= 0) & (places < len(samples))
    stretch = np.zeros((count, samples.shape[1]))
    stretch[there] = samples[places[there]]
    if file_rate != rate:
        stretch = soxr.resample(stretch, file_rate, rate)
    stretch = np.pad(stretch, ((0, max(frames - len(stretch), 0)), (0, 0)))[:frames]
    return _loud(stretch, item, rate, channels)


def _stretched(take, samples, file_rate, frames, rate):
    """What stands at the markers plays at their times; how it sounds between them is nobody's promise here."""
    times, places = np.array(sorted(take.stretch_markers)).T
    wanted = np.interp(np.arange(frames) / rate, times, places) * file_rate
    return samples[np.clip(np.round(wanted).astype(int), 0, len(samples) - 1)]


def _loud(stretch, item, rate, channels):
    """With the volumes, the pan of the take and the fades of the item."""
    values = item.take.values
    stretch = stretch * item.values["D_VOL"] * values["D_VOL"] * _fades(item, rate, len(stretch))[:, None]
    stretch = np.repeat(stretch, channels, axis=1) if stretch.shape[1] == 1 else stretch[:, :channels]
    if channels == 2:
        stretch = stretch * np.minimum([1 - values["D_PAN"], 1 + values["D_PAN"]], 1)
    return stretch


def _fades(item, rate, frames):
    gain = np.ones(frames)
    for name in FADED:
        automatic = item.values[f"{name}_AUTO"]
        length = min(round((automatic if automatic >= 0 else item.values[name]) * rate), frames)
        ramp = np.arange(length) / max(length, 1)
        if name == "D_FADEINLEN":
            gain[:length] *= ramp
        elif length:
            gain[-length:] *= ramp[::-1]
    return gain


@lru_cache(maxsize=64)
def sound(path):
    """Samples [frames, channels] and rate of a file."""
    samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
    return samples, rate
