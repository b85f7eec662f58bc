"""A stem as a Standard MIDI File: time 0 is the stem's first frame."""

from collections.abc import Callable

from engine.audio import FloatArray
from engine.backends.draft.midi import standard_midi_file
from engine.backends.draft.score import Note, Part, Score
from engine.errors import Unsupported
from engine.spec import RenderSpec
from engine.transcription import INSTALL, PACKAGE, STRUCK, net_path
from engine.transcription.drums import hits
from engine.transcription.net import Net
from engine.transcription.notes import HeardNote, notes_of, one_at_a_time
from engine.units import SampleRate

DEFAULT_BPM = 120.0
"""The file's tempo where the request names none."""


class Transcriber:
    """Hears stems; the net is loaded with the first that needs it."""

    def __init__(self) -> None:
        self._net: Net | None = None

    def notes(
        self, track: str, samples: FloatArray, rate: SampleRate, advance: Callable[[float], object]
    ) -> tuple[HeardNote, ...]:
        """Notes or hits of [channels, frames]; `advance` is told how far it is. Raises Unsupported and BadModel."""
        if track in STRUCK:
            return hits(samples, rate, lambda: advance(0.5))
        found = notes_of(self._loaded().hear(samples, rate, advance))
        return one_at_a_time(found) if track == "bass" else found

    def _loaded(self) -> Net:
        if self._net is None:
            path = net_path()
            if path is None:
                raise Unsupported(f"midi: {PACKAGE} is gone: {INSTALL}")
            self._net = Net(path)
        return self._net


def midi_file(track: str, notes: tuple[HeardNote, ...], seconds: float, spec: RenderSpec) -> bytes:
    """The file's bytes, at the request's tempo, meter and key where it has them."""
    bpm = spec.bpm or DEFAULT_BPM
    beat = 60 / bpm
    part = Part(
        name=track,
        instrument=track,
        notes=tuple(
            Note(note.start / beat, (note.end - note.start) / beat, note.pitch, note.velocity) for note in notes
        ),
    )
    score = Score(
        style="punchin", bpm=bpm, meter=spec.meter_parts, key=spec.key or "", parts=(part,), beats=seconds / beat
    )
    return standard_midi_file(score)
