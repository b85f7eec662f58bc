"""What can be read from audio without a model: onsets, tempo, beats, pitch classes, key. Only numpy, scipy and soxr."""

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

__all__ = [
    "TYPICAL_TEMPO",
    "Envelope",
    "TempoCurve",
    "beat_error_ms",
    "beat_grid",
    "beat_phase",
    "chroma",
    "estimate_key",
    "estimate_tempo",
    "onset_envelope",
    "onsets",
]
