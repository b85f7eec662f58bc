"""What can be read from audio without a model: onsets, tempo, beats, bars, chords, key, melody. Only numpy, scipy and soxr."""

from engine.analysis.bars import downbeats
from engine.analysis.lead import MelodyNote, melody
from engine.analysis.onsets import Envelope, onset_envelope, onsets
from engine.analysis.rhythm import (
    TYPICAL_TEMPO,
    TempoCurve,
    beat_error_ms,
    beat_grid,
    beat_phase,
    estimate_tempo,
)
from engine.analysis.tonality import chroma, estimate_key
from engine.analysis.triads import ChordSpan, chords

__all__ = [
    "TYPICAL_TEMPO",
    "ChordSpan",
    "Envelope",
    "MelodyNote",
    "TempoCurve",
    "beat_error_ms",
    "beat_grid",
    "beat_phase",
    "chords",
    "chroma",
    "downbeats",
    "estimate_key",
    "estimate_tempo",
    "melody",
    "onset_envelope",
    "onsets",
]
