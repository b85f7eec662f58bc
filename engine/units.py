"""One type a unit, so that seconds are never taken for frames."""

from typing import NewType

Seconds = NewType("Seconds", float)
"""Time in seconds, float64. Used at the edges; inside, time is counted in Frames."""

Frames = NewType("Frames", int)
"""Samples a channel: one frame holds one sample of every channel."""

SampleRate = NewType("SampleRate", int)
"""Frames a second."""

Bpm = NewType("Bpm", float)
"""Quarter notes a minute, as DAWs count tempo."""

Decibels = NewType("Decibels", float)
"""Level relative to full scale (dBFS), or a ratio of two levels."""

Lufs = NewType("Lufs", float)
"""Integrated loudness after ITU-R BS.1770-4."""

Seed = NewType("Seed", int)
"""What a take's random choices start from, 0 to 2^32 - 1."""

JobId = NewType("JobId", str)
"""Names a job for as long as the state folder lives."""

ClientId = NewType("ClientId", str)
"""Names who asked: the name of a `hello`, or the address that a request came from."""

RequestId = NewType("RequestId", str)
"""Made by the client, unique per client: the same id is the same request."""
