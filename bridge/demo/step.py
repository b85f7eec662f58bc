"""One request of the demo and what came of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bridge.protocol import messages as m
from engine import audio
from engine.errors import PunchinError
from engine.units import Seconds


@dataclass(slots=True)
class Step:
    """A request, how it should end, and how it did."""

    title: str
    verb: str
    values: dict[str, Any]
    expected: type[m.Message] = m.Done
    clips: list[m.ClipReady] = field(default_factory=list)
    description: m.Described | None = None
    outcome: m.Message | None = None
    seconds: float = 0.0

    @property
    def done(self) -> bool:
        """Whether it ended with clips."""
        return isinstance(self.outcome, m.Done)

    def project_time(self, clip: m.ClipReady) -> Seconds:
        """Where in the project a clip begins."""
        return Seconds(float(self.values["position"]) + clip.start)

    def told(self) -> dict[str, str]:
        """How it ended, in words."""
        match self.outcome:
            case m.Rejected(code=code, message=message) | m.Failed(code=code, message=message):
                return {"outcome": type(self.outcome).__name__.lower(), "code": code, "message": message}
            case None:
                return {"outcome": "none"}
            case m.Done() if self.description:
                return {"outcome": "done", "message": _in_words(self.description)}
            case outcome:
                return {"outcome": type(outcome).__name__.lower()}

    def problems(self) -> Iterable[str]:
        """What is not as it should be; nothing when all is well."""
        if not isinstance(self.outcome, self.expected):
            yield f"{self.title}: ended with {self.told()}"
        for clip in self.clips:
            try:
                written = audio.probe(clip.path)
            except PunchinError as error:
                yield f"{self.title}: {error}"
                continue
            if (written.frames, written.rate) != (clip.frames, clip.sample_rate):
                announced = f"announced were {clip.frames} at {clip.sample_rate}"
                yield f"{self.title}: {clip.path.name} has {written.frames} frames at {written.rate} Hz, {announced}"


def _in_words(heard: m.Described) -> str:
    tempo = f"{heard.measured_bpm:.1f} bpm" if heard.measured_bpm else "no tempo"
    return f"{tempo}, {heard.measured_meter or 'no meter'}, {heard.measured_key or 'no key'}, {heard.lufs:.1f} LUFS"
