"""The gain of a clip: raw 0 to 1 of the Live API, and the decibels it stands for (measured on Live 12.4.6)."""

import math


def decibels(raw):
    """-inf for what is as good as zero; 0.4 is 0 dB."""
    above = raw - 0.4
    if above >= 0:
        return 40 * above
    if raw >= 0.03:
        return 42 * above - 200 * above * above
    return -math.inf if raw <= 0 else (42 * -0.37 - 200 * 0.37 * 0.37) + 20 * math.log10(raw / 0.03)


def shown(raw):
    level = decibels(raw)
    return "-inf dB" if level == -math.inf else f"{level:.1f} dB"


def factor(raw):
    level = decibels(raw)
    return 0.0 if level == -math.inf else 10 ** (level / 20)
