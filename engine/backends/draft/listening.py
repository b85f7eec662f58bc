"""What a source plays, as far as somebody who joins in has to know: grid, chords, key, silences, loudness."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from engine.analysis.onsets import Envelope, flux
from engine.analysis.pitch import pitch_map
from engine.analysis.spectrum import DoubleArray, FloatArray, Tick, mono_copy
from engine.analysis.triads import harmonies
from engine.audio import loudness
from engine.backends.base import Heard
from engine.backends.draft.form import Form, Harmony, given
from engine.backends.draft.grid import Grid, grid_of
from engine.backends.draft.harmony import Chord, Key, parse_key
from engine.backends.draft.score import Note, Part, Score
from engine.spec import RenderSpec

LONG_SILENCE_SECONDS = 2.0
"""Silence in the source that lasts this long is kept by whoever joins in."""
_SILENT_DB = -55.0
_BELOW_LOUDNESS_DB = 45.0
_BLOCK_SECONDS = 0.05
_SURE = 0.3
_TRIADS = {"major": (0, 4, 7), "minor": (0, 3, 7)}
_HOME = Key(0, "major")


@dataclass(frozen=True, slots=True)
class Listening:
    """A source, understood."""

    mono: FloatArray
    """Its `mono_copy`."""
    rate: float
    """Of the mono copy."""
    seconds: float
    envelope: Envelope
    grid: Grid
    form: Form
    """Its bars and chords, from the bar line at or before its start."""
    silences: tuple[tuple[float, float], ...]
    """Long silences: start and end in seconds."""
    lufs: float
    note: str
    """What the user should know of how it was understood; may be empty."""

    def on_grid(self, score: Score) -> Score:
        """A score in the form's quarter notes as one in seconds (60 quarters a minute) from the source's start.

        Notes that begin in a long silence, or outside of the source, are left out.
        """
        return replace(
            score,
            bpm=60.0,
            timing=None,
            beats=self.seconds,
            parts=tuple(replace(part, notes=tuple(self._placed(part))) for part in score.parts),
        )

    def _placed(self, part: Part) -> Iterable[Note]:
        if not part.notes:
            return
        starts = self.grid.seconds(np.array([note.start for note in part.notes]))
        ends = self.grid.seconds(np.array([note.start + note.length for note in part.notes]))
        for note, start, end in zip(part.notes, starts.tolist(), ends.tolist(), strict=True):
            begin = start
            if start < 0 < end - 0.1 and part.name not in {"drums", "percussion"}:
                begin = 0.0
            if not 0 <= begin < self.seconds:
                continue
            stop = next((low for low, high in self.silences if low <= end and high > begin), end)
            if stop > begin:
                yield Note(begin, max(0.02, min(end, stop) - begin), note.pitch, note.velocity)


def listen(heard: Heard, spec: RenderSpec, tick: Tick) -> Listening:
    """Understand a whole source; what the spec says of tempo, meter, position and key is believed."""
    mono, rate = mono_copy(heard.samples, heard.rate, tick)
    envelope = flux(mono, rate, tick)
    pitches = pitch_map(mono, rate, tick)
    grid = grid_of(mono, rate, envelope, pitches, spec, tick)
    tick()
    seconds = heard.samples.shape[1] / heard.rate
    lines = grid.bars(seconds)
    found = harmonies(pitches, np.clip(lines, 0.0, max(seconds, 0.01)))
    tick()
    sure = found.chords and float(np.median([span.confidence for span in found.chords])) >= _SURE
    named = spec.key or (found.key if sure else None)
    key = parse_key(named) if named else _HOME
    spans = found.chords if sure else ()
    edges = grid.beats(np.array([[span.start, span.end] for span in spans]).reshape(-1, 2)).tolist()
    chords = [
        Harmony(start, end, Chord(span.root, _TRIADS[span.quality]))
        for (start, end), span in zip(edges, spans, strict=True)
    ]
    length = float(grid.beats(np.array([seconds]))[0])
    length = max(length, 1e-3)
    if not chords:
        chords = [Harmony(0.0, length, Chord(key.tonic, _TRIADS[key.mode]))]
    lufs = float(loudness(heard.samples, heard.rate))
    return Listening(
        mono=mono,
        rate=rate,
        seconds=seconds,
        envelope=envelope,
        grid=grid,
        form=given(key, grid.bar_beats, length, chords),
        silences=tuple(_silences(mono, rate, lufs)),
        lufs=lufs,
        note="" if sure else f"no clear chords are heard in the source: the part stays on {key.name}",
    )


def _silences(mono: FloatArray, rate: float, lufs: float) -> Iterable[tuple[float, float]]:
    block = max(1, round(_BLOCK_SECONDS * rate))
    padded = np.pad(mono, (0, -len(mono) % block)).reshape(-1, block)
    level = 10 * np.log10(np.mean(np.square(padded), axis=1, dtype=np.float64) + 1e-12)
    silent = level < max(_SILENT_DB, lufs - _BELOW_LOUDNESS_DB)
    edges = np.flatnonzero(np.diff(silent.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    for first, end in edges.tolist():
        if (end - first) * block / rate >= LONG_SILENCE_SECONDS:
            yield first * block / rate, min(len(mono), end * block) / rate


def loudness_of_bars(listening: Listening) -> DoubleArray:
    """RMS of each bar of the form, 1 for the loudest tenth of them: [bars]."""
    lines = np.clip(
        listening.grid.seconds(np.array([bar.start for bar in listening.form.bars] + [listening.form.beats])), 0, None
    )
    energy = np.concatenate([[0.0], np.cumsum(np.square(listening.mono, dtype=np.float64))])
    frames = np.clip(np.round(lines * listening.rate).astype(np.intp), 0, len(listening.mono))
    rms = np.sqrt(np.diff(energy[frames]) / np.maximum(1, np.diff(frames)))
    loud = float(np.percentile(rms, 90)) if len(rms) else 0.0
    return np.asarray(np.clip(rms / max(loud, 1e-9), 0, 1), np.float64)
