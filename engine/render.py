"""From a spec to clips on disk, inside the worker: read, let the backend render, place, check, write."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from engine import audio, gate, riff, transcription
from engine.analysis import beat_error_ms
from engine.audio import Clip
from engine.backends.base import Backend, Description, Report, Stage
from engine.files import remove_temporaries, temporary_lrc_path, temporary_midi_path, temporary_path
from engine.jobs import ClipFile
from engine.pieces import Piece, check, pieces_of
from engine.progress import shared
from engine.spec import RESIDUAL, RenderSpec, Verb
from engine.transcription.writing import Transcriber, midi_file
from engine.units import Bpm, Frames, JobId

WRITING_SHARE, TRANSCRIBING_SHARE = 0.1, 0.8
"""The part of the progress bar that belongs to writing, without notes to be found and with them."""


def render(
    job_id: JobId, spec: RenderSpec, directory: Path, description: Description, backend: Backend, report: Report
) -> tuple[ClipFile, ...]:
    """Render one job and write its clips under temporary names into `directory`.

    Raises a PunchinError with the job's code; then no file of the job is left.
    """
    report(0.0, Stage.READING)
    transcriber = Transcriber() if transcription.is_wanted(spec) else None
    writing_share = TRANSCRIBING_SHARE if transcriber else WRITING_SHARE
    while_rendering = shared(report, 0.0, 1.0 - writing_share)
    pieces = pieces_of(spec, description, backend, while_rendering)
    while_writing = shared(report, 1.0 - writing_share, 1.0)
    clips: list[ClipFile] = []
    try:
        for number, piece in enumerate(pieces):
            share = shared(while_writing, number / len(pieces), (number + 1) / len(pieces))
            share(0.0, Stage.WRITING)
            temporary = temporary_path(directory, job_id, number)
            clips.append(_written(piece, temporary, directory, spec, description))
            if piece.lines:
                clips[-1] = _with_lyrics(clips[-1], piece, temporary_lrc_path(directory, job_id, number))
            notes = _heard_notes(clips[-1], piece, spec, transcriber, share) if transcriber else piece.midi
            if notes:
                clips[-1] = _with_notes(clips[-1], notes, temporary_midi_path(directory, job_id, number))
        while_writing(1.0, Stage.WRITING)
    except BaseException:
        remove_temporaries(directory, job_id)
        raise
    return tuple(clips)


def _written(piece: Piece, temporary: Path, directory: Path, spec: RenderSpec, description: Description) -> ClipFile:
    check(piece, spec)
    clip = Clip(piece.samples, piece.rate)
    audio.write(temporary, clip, spec.format, _metadata(piece, spec, description))
    suffix = ".flac" if spec.format == "flac" else ".wav"
    return ClipFile(
        path=directory / f"{_stem_name(spec)}_{piece.label}{suffix}",
        temporary=temporary,
        take=piece.take,
        track=piece.track,
        start=piece.start,
        frames=clip.frames,
        sample_rate=clip.rate,
        channels=clip.channels,
        seed=piece.seed,
        peak_db=audio.peak_db(clip.samples),
        lufs=audio.loudness(clip.samples, clip.rate),
        beat_error_ms=_beat_error(piece, spec),
        silent=gate.is_silent(clip.samples),
        compute_seconds=piece.compute_seconds,
        note=piece.note,
        score=piece.score,
    )


def _heard_notes(clip: ClipFile, piece: Piece, spec: RenderSpec, transcriber: Transcriber, report: Report) -> bytes:
    """A stem as a MIDI file; nothing where it holds no notes. A residual has none."""
    if piece.track == RESIDUAL or clip.silent:
        return b""
    notes = transcriber.notes(piece.track, piece.samples, piece.rate, partial(_while_writing, report))
    return midi_file(piece.track, notes, piece.frames / piece.rate, spec) if notes else b""


def _with_notes(clip: ClipFile, notes: bytes, temporary: Path) -> ClipFile:
    """The clip with a MIDI file beside it."""
    with audio.whole_file(temporary) as file:
        file.write(notes)
    return replace(clip, midi=clip.path.with_suffix(".mid"), midi_temporary=temporary)


def _with_lyrics(clip: ClipFile, piece: Piece, temporary: Path) -> ClipFile:
    """The clip with an LRC file beside it: `[mm:ss.xx]line`, in the order of time."""
    text = "".join(f"[{int(at // 60):02d}:{at % 60:05.2f}]{line}\n" for at, line in piece.lines)
    with audio.whole_file(temporary) as file:
        file.write(text.encode())
    return replace(clip, lrc=clip.path.with_suffix(".lrc"), lrc_temporary=temporary)


def _while_writing(report: Report, fraction: float) -> None:
    report(fraction, Stage.WRITING)


def _beat_error(piece: Piece, spec: RenderSpec) -> float:
    """Distance of the clip's onsets from the project's grid; -1 where its tempo or its first beat is not known."""
    at_zero = 0.0 if spec.verb is Verb.GENERATE else spec.position
    if spec.verb is Verb.EXTRACT or spec.bpm is None or spec.tempo_map is not None or at_zero is None:
        return -1.0
    beat = 60 / spec.bpm * piece.rate
    first = -((at_zero + piece.start) * piece.rate % beat)
    return beat_error_ms(piece.samples, piece.rate, np.arange(first, piece.frames + 2 * beat, beat))


def _stem_name(spec: RenderSpec) -> str:
    return spec.name or (f"{spec.source.stem}_{spec.verb}" if spec.source else f"punchin_{spec.verb}")


def _metadata(piece: Piece, spec: RenderSpec, description: Description) -> riff.Metadata:
    position = None if spec.position is None else Frames(round((spec.position + piece.start) * piece.rate))
    beats = None if spec.bpm is None else piece.frames / piece.rate * spec.bpm / 60
    return riff.Metadata(
        description=f"{spec.verb}: {spec.prompt}" if spec.prompt else str(spec.verb),
        originator="punchin",
        originator_reference=f"{description.name} {piece.seed} take {piece.take}",
        time_reference=position,
        tempo=None if spec.bpm is None else Bpm(spec.bpm),
        beats=beats,
        meter=spec.meter_parts,
        is_loop=spec.loop,
        markers=piece.markers,
        prompt=spec.prompt,
        seed=piece.seed,
        engine=description.name,
        model=spec.model,
        verb=str(spec.verb),
        take=piece.take,
        track=piece.track,
        note=piece.note,
    )
