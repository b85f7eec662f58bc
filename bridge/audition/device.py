"""The sound device, through PortAudio. Imported in the player's process alone."""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bridge.audition.orders import Output
from bridge.audition.tape import Tape
from engine import audio
from engine.audio import FloatArray
from engine.errors import Unsupported
from engine.units import SampleRate

LONGEST_LATENCY = 10.0
"""What a system claims beyond this many seconds is no latency."""


@dataclass(frozen=True, slots=True)
class Device:
    """An output as PortAudio names it."""

    index: int
    name: str
    channels: int
    rate: SampleRate
    """The rate that it prefers."""


class Speaker:
    """A device that plays one tape. `ended` is called from the sound system's thread."""

    def __init__(
        self, device: Device, tape: Tape, rate: SampleRate, buffer_ms: float, ended: Callable[[], None]
    ) -> None:
        sounddevice = _portaudio()

        def fill(out: FloatArray, _frames: int, _time: Any, status: Any) -> None:
            self.underruns += bool(status.output_underflow)
            if tape.fill(out):
                raise sounddevice.CallbackStop

        self.underruns = 0
        self.device = device
        try:
            self._stream = sounddevice.OutputStream(
                samplerate=rate,
                device=device.index,
                channels=tape.samples.shape[1],
                dtype="float32",
                latency=buffer_ms / 1000 if buffer_ms else "high",
                callback=fill,
                finished_callback=ended,
            )
            self._stream.start()
        except sounddevice.PortAudioError as error:
            raise _unusable(device.name, error) from None

    @property
    def latency(self) -> float:
        """Seconds from the tape to the output, as the system tells; -1 where it tells nothing sensible."""
        latency = float(self._stream.latency)
        return latency if math.isfinite(latency) and 0 <= latency < LONGEST_LATENCY else -1.0

    def close(self) -> None:
        """Let the device go, at once."""
        self._stream.close(ignore_errors=True)


def chosen(output: Output) -> Device:
    """The device that the settings name, or the system's own choice; raises Unsupported in words."""
    sounddevice = _portaudio()
    outputs = [
        Device(number, str(known["name"]), known["max_output_channels"], SampleRate(round(known["default_samplerate"])))
        for number, known in enumerate(sounddevice.query_devices())
        if known["max_output_channels"] > 0
    ]
    if not outputs:
        raise Unsupported("there is no sound device to play on: connect or switch on an audio interface, or start JACK")
    if not output.device:
        default = sounddevice.default.device[1]
        return next((device for device in outputs if device.index == default), outputs[0])
    wanted = output.device.casefold()
    for matches in (
        lambda device: str(device.index) == wanted,
        lambda device: device.name.casefold() == wanted,
        lambda device: wanted in device.name.casefold(),
    ):
        found = next(filter(matches, outputs), None)
        if found:
            return found
    names = ", ".join(f"{device.index} {device.name}" for device in outputs)
    raise Unsupported(
        f"no output device is called {output.device!r} (audio_device in the settings); there are: {names}"
    )


def fitted(samples: FloatArray, rate: SampleRate, device: Device) -> tuple[FloatArray, SampleRate]:
    """[channels, frames] as [frames, channels] that the device takes, and its rate; untouched where it takes them as they are.

    Raises Unsupported where it takes neither the rate of the audio nor its own.
    """
    shaped = _channels(samples, device.channels)
    refusal = _refusal(device, len(shaped), rate)
    if refusal is None:
        return np.ascontiguousarray(shaped.T), rate
    if _refusal(device, len(shaped), device.rate):
        raise refusal
    return np.ascontiguousarray(audio.resample(shaped, rate, device.rate).T), device.rate


def _refusal(device: Device, channels: int, rate: SampleRate) -> Unsupported | None:
    sounddevice = _portaudio()
    try:
        sounddevice.check_output_settings(device.index, channels, "float32", samplerate=rate)
    except sounddevice.PortAudioError as error:
        return _unusable(device.name, error)
    return None


def _channels(samples: FloatArray, available: int) -> FloatArray:
    """Mono on both sides of a stereo device; channels that a device has not are folded into those it has."""
    count = len(samples)
    if count == 1 and available > 1:
        return np.repeat(samples, 2, axis=0)
    if count <= available:
        return samples
    return np.stack([samples[side::available].mean(axis=0) for side in range(available)])


def _unusable(name: str, error: Exception) -> Unsupported:
    reason = str(error.args[0] if error.args else error)
    return Unsupported(f"the sound device {name} cannot be used: {reason}; choose another with audio_device")


def _portaudio() -> Any:
    try:
        import sounddevice  # noqa: PLC0415  loads PortAudio, which may not be there
    except (ImportError, OSError) as error:
        from bridge.install.doctor import portaudio_remedy  # noqa: PLC0415  needed in this case alone

        raise Unsupported(f"no sound system: {error}. {portaudio_remedy(sys.platform)}") from None
    return sounddevice
