"""`lego` and `complete`: new parts that play along with a source, on its beats and chords and under its level."""

from collections.abc import Sequence

import numpy as np

from engine.analysis.spectrum import DoubleArray, FloatArray
from engine.audio import loudness
from engine.backends.base import Heard, Rendering, Report, Stage
from engine.backends.draft import DESCRIPTION
from engine.backends.draft.arranger import arrange_on
from engine.backends.draft.band import BEATEN
from engine.backends.draft.excerpt import excerpt
from engine.backends.draft.listening import Listening, listen
from engine.backends.draft.mixing import mix
from engine.backends.draft.notation import at_tempo, midi_files
from engine.backends.draft.progress import Ticks
from engine.backends.draft.samples import Pack
from engine.backends.draft.score import Score
from engine.backends.draft.synth import render
from engine.errors import Unsupported
from engine.progress import shared
from engine.spec import RenderSpec
from engine.units import SampleRate, Seed

BELOW_MIX_LU = {
    "drums": 9.0, "bass": 10.0, "guitar": 11.0, "keyboard": 11.0, "synth": 12.0, "woodwinds": 11.0,
    "brass": 11.5, "strings": 12.5, "percussion": 13.0, "fx": 14.0,
}  # fmt: skip
"""How far under the source's loudness (LUFS) each new part lies: about where such a part lies under a whole mix."""
HIGHEST_PEAK_DB = -1.0
FADE_SECONDS = (0.01, 0.4)
"""Coming in after a long silence of the source, and ringing out into one."""
SILENT_LUFS = -60.0
"""Below this there is nothing to play along with."""
_LISTENING_SHARE = 0.3
_SILENT = "the source is silent, and so is this"


def lego(heard: Heard, spec: RenderSpec, seed: Seed, report: Report, pack: Pack | None = None) -> Rendering:
    """Render one new part of the source's length; raises Unsupported for singing."""
    assert spec.track is not None
    return _played(heard, spec, seed, (spec.track,), report, pack)


def complete(heard: Heard, spec: RenderSpec, seed: Seed, report: Report, pack: Pack | None = None) -> Rendering:
    """Render a new part for each track of `spec.tracks`, each as long as the source; raises Unsupported for singing."""
    return _played(heard, spec, seed, tuple(dict.fromkeys(spec.tracks or ())), report, pack)


def _played(
    heard: Heard, spec: RenderSpec, seed: Seed, tracks: Sequence[str], report: Report, pack: Pack | None
) -> Rendering:
    refuse_singing(tracks)
    listening = listen(heard, spec, Ticks(shared(report, 0.0, _LISTENING_SHARE), Stage.PLANNING))
    frames = heard.samples.shape[1]
    if listening.lufs < SILENT_LUFS:
        return Rendering({track: np.zeros(heard.samples.shape, np.float32) for track in tracks}, _SILENT)
    score = arrange_on(listening.form, paced(spec, listening), seed, tracks)
    played = listening.on_grid(score)
    stems = rendered_stems(played, frames, heard.rate, shared(report, _LISTENING_SHARE, 1.0), pack)
    gain = presence(listening, frames, heard.rate)
    parts = {}
    for track in tracks:
        stem = folded(stems[track] * gain, len(heard.samples))
        parts[track] = stem * level_gain(stem, heard.rate, listening.lufs - BELOW_MIX_LU[track])
        report(1.0, Stage.RENDERING)
    beaten_only = all(track in BEATEN for track in tracks)
    return Rendering(parts, "" if beaten_only else listening.note, midi=notes_beside(played, heard, spec, listening))


def notes_beside(played: Score, heard: Heard, spec: RenderSpec, listening: Listening) -> dict[str, bytes]:
    """MIDI files of what plays in the span, at the project's tempo, else at the one that is heard; none if nobody asks."""
    if not spec.midi:
        return {}
    (span,) = heard.spans
    inside = excerpt(played, span.first / heard.rate, span.end / heard.rate)
    return midi_files(at_tempo(inside, spec.bpm or listening.grid.bpm))


def refuse_singing(tracks: Sequence[str]) -> None:
    """Raise Unsupported, with what is possible, for tracks that nobody here can play."""
    playable = DESCRIPTION.tracks or ()
    impossible = [track for track in tracks if track not in playable]
    if impossible:
        raise Unsupported(
            f"tracks: engine draft cannot play {', '.join(impossible)}; it can play {', '.join(playable)}"
        )


def paced(spec: RenderSpec, listening: Listening) -> RenderSpec:
    """The spec with the tempo that was heard: how far players lean on the beat depends on it."""
    return spec.model_copy(update={"bpm": float(np.clip(listening.grid.bpm, 30, 300)), "tempo_map": None})


def rendered_stems(score: Score, frames: int, rate: int, report: Report, pack: Pack | None) -> dict[str, FloatArray]:
    """Each part of a score in seconds, with its pan and room: float32 [2, frames]."""
    done = 0.0

    def rising(fraction: float) -> None:
        nonlocal done
        done = max(done, fraction)
        report(done, Stage.RENDERING)

    stems = render(score, frames, rate, loop=False, report=lambda part: rising(0.6 * part), pack=pack)
    if any(stem.any() for stem in stems.values()):
        stems, _ = mix(stems, score, rate, loop=False, report=lambda part: rising(0.6 + 0.4 * part))
    return stems


def presence(listening: Listening, frames: int, rate: int) -> FloatArray:
    """A gain that is 0 where the source is silent for long, with fades, and 1 elsewhere: float32 [frames]."""
    gain = np.ones(frames, np.float32)
    rise, fall = (round(seconds * rate) for seconds in FADE_SECONDS)
    for start, end in listening.silences:
        first, last = round(start * rate), min(frames, round(end * rate))
        ramp = np.linspace(1, 0, fall, dtype=np.float32)[: last - first]
        gain[first:last] = 0
        if first > 0:
            gain[first : first + len(ramp)] = ramp
        if last < frames:
            gain[max(first, last - rise) : last] = np.linspace(0, 1, rise, dtype=np.float32)[-(last - first) :]
    return gain


def folded(samples: FloatArray, channels: int) -> FloatArray:
    """Stereo to the source's channels: the mean for mono, front left and right where there are more than two."""
    if channels == 1:
        return np.asarray(samples.mean(axis=0, keepdims=True), np.float32)
    if channels == 2:
        return samples
    return np.pad(samples, ((0, channels - 2), (0, 0)))


def level_gain(samples: FloatArray, rate: SampleRate, lufs: float) -> np.float32:
    """What brings [channels, frames] to a loudness, less where the peak would pass -1 dBFS; 1 for silence."""
    peak = float(np.abs(samples).max(initial=0.0))
    if peak < 1e-6:
        return np.float32(1.0)
    return np.float32(min(10 ** ((lufs - float(loudness(samples, rate))) / 20), 10 ** (HIGHEST_PEAK_DB / 20) / peak))


def accents(listening: Listening, times: DoubleArray) -> DoubleArray:
    """How hard the source strikes at times in seconds, 0 to 1: the onset envelope's peak within 40 ms, ranked."""
    values = listening.envelope.values
    if not len(values) or values.max() <= 0:
        return np.ones(len(times))
    reach = max(1, round(0.04 * listening.envelope.rate))
    places = np.round(times * listening.envelope.rate).astype(np.intp)
    around = np.clip(places[:, None] + np.arange(-reach, reach + 1), 0, len(values) - 1)
    return np.asarray(np.clip(values[around].max(axis=1) / np.percentile(values[values > 0], 98), 0, 1), np.float64)
