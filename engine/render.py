"""From a spec to clips on disk, inside the worker: read, let the backend render, place, check, write."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np

from engine import audio, gate, placement, riff
from engine.analysis import beat_error_ms
from engine.audio import Clip, FloatArray
from engine.backends.adapt import rendered
from engine.backends.base import MIX, PLAIN, Backend, Description, Heard, Rendering, Report, Span, Stage
from engine.errors import BadSource, TooLarge
from engine.files import remove_temporaries, temporary_lrc_path, temporary_midi_path, temporary_path
from engine.jobs import ClipFile
from engine.placement import Part
from engine.progress import shared
from engine.source import Source
from engine.spec import ALL, MAX_SECONDS, RESIDUAL, RenderSpec, Verb
from engine.transcription.writing import Transcriber, midi_file
from engine.units import Bpm, Frames, JobId, SampleRate, Seconds, Seed

NEW_PIECE_RATE = SampleRate(48000)
NEW_PIECE_CHANNELS = 2
SEED_COUNT = 2**32
WRITING_SHARE, TRANSCRIBING_SHARE = 0.1, 0.8
"""The part of the progress bar that belongs to writing, without notes to be found and with them."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One finished piece of audio and where it belongs."""

    samples: FloatArray
    rate: SampleRate
    frames: Frames
    """How many frames were promised."""
    start: Seconds
    take: int
    seed: Seed
    track: str
    label: str
    """What sets its file name apart from the job's other files."""
    note: str
    compute_seconds: Seconds
    judged_against: FloatArray | None = None
    """The audio it stands in for or was taken from."""
    markers: tuple[tuple[Frames, str], ...] = ()
    score: float | None = None
    lines: tuple[tuple[Seconds, str], ...] = ()


def render(
    job_id: JobId, spec: RenderSpec, directory: Path, description: Description, backend: Backend, report: Report
) -> tuple[ClipFile, ...]:
    """Render one job and write its clips under temporary names into `directory`.

    Raises a PunchinError with the job's code; then no file of the job is left.
    """
    shapes = {Verb.GENERATE: _new_pieces, Verb.CONTINUE: _placed_pieces, Verb.REPAINT: _placed_pieces}
    report(0.0, Stage.READING)
    writing_share = TRANSCRIBING_SHARE if spec.midi else WRITING_SHARE
    while_rendering = shared(report, 0.0, 1.0 - writing_share)
    pieces = list(shapes.get(spec.verb, _parallel_pieces)(_Job(spec, description, backend, while_rendering)))
    if spec.whole:
        pieces = list(_in_whole_source(spec, pieces))
    if spec.rank:
        pieces.sort(key=lambda piece: piece.score or 0.0, reverse=True)
    while_writing = shared(report, 1.0 - writing_share, 1.0)
    transcriber = Transcriber() if spec.midi else None
    clips: list[ClipFile] = []
    try:
        for number, piece in enumerate(pieces):
            share = shared(while_writing, number / len(pieces), (number + 1) / len(pieces))
            share(0.0, Stage.WRITING)
            temporary = temporary_path(directory, job_id, number)
            clips.append(_written(piece, temporary, directory, spec, description))
            if piece.lines:
                clips[-1] = _with_lyrics(clips[-1], piece, temporary_lrc_path(directory, job_id, number))
            if transcriber:
                midi = temporary_midi_path(directory, job_id, number)
                clips[-1] = _transcribed(clips[-1], piece, midi, spec, transcriber, share)
        while_writing(1.0, Stage.WRITING)
    except BaseException:
        remove_temporaries(directory, job_id)
        raise
    return tuple(clips)


@dataclass(frozen=True, slots=True)
class _Job:
    spec: RenderSpec
    description: Description
    backend: Backend
    report: Report

    def takes(self) -> Iterator[tuple[int, Seed, Report]]:
        """Number from 1, seed and share of the progress of each take."""
        for number in range(self.spec.takes):
            seed = Seed((self.spec.seed + number) % SEED_COUNT)
            yield number + 1, seed, shared(self.report, number / self.spec.takes, (number + 1) / self.spec.takes)

    def render(self, heard: Heard, seed: Seed, report: Report) -> tuple[Rendering, Seconds]:
        """One take of one window, and seconds of compute."""
        started = time.perf_counter()
        rendering = rendered(self.backend, self.description, self.spec, heard, seed, report)
        return rendering, Seconds(time.perf_counter() - started)


# The three shapes of a job: a new piece, clips placed in a source, tracks that run beside it


def _new_pieces(job: _Job) -> Iterator[Piece]:
    rate = SampleRate(job.spec.sample_rate or NEW_PIECE_RATE)
    frames = Frames(round(job.spec.seconds * rate))
    nothing = Span(Frames(0), Frames(0))
    heard = Heard(
        np.zeros((NEW_PIECE_CHANNELS, frames), np.float32), rate, Seconds(0.0), nothing, (Span(Frames(0), frames),)
    )
    for take, seed, report in job.takes():
        made, seconds = job.render(heard, seed, report)
        label = f"{seed:08x}_t{take:02d}"
        yield Piece(
            made.tracks[MIX],
            rate,
            frames,
            Seconds(0.0),
            take,
            seed,
            MIX,
            label,
            made.note,
            seconds,
            score=made.score,
            lines=made.lines if job.spec.lrc else (),
        )


def _placed_pieces(job: _Job) -> Iterator[Piece]:
    spec, source = job.spec, Source.of(job.spec)
    rate = source.rate
    handles, crossfade = Frames(round(spec.handles * rate)), Frames(round(spec.crossfade * rate))
    before, after = Seconds(spec.context_before), Seconds(spec.context_after)
    selected = _selected(spec, source)
    windows = placement.windows(selected, source.frames, rate, before=before, after=after, handles=handles)
    longest = max(window.frames for window in windows)
    if longest > 2 * MAX_SECONDS * rate:
        raise TooLarge(f"selection and context span {longest / rate:.0f} s; {2 * MAX_SECONDS:.0f} s is the most")
    listened = [(window, source.hear(window)) for window in windows]
    for take, seed, report in job.takes():
        clip_number = 0
        for number, (window, heard) in enumerate(listened):
            share = shared(report, number / len(windows), (number + 1) / len(windows))
            made, seconds = job.render(heard, seed, share)
            for part in window.parts:
                clip_number += 1
                yield Piece(
                    placement.place(
                        heard,
                        made.tracks[MIX],
                        part,
                        crossfade=crossfade,
                        handles=handles,
                        plain=made.tracks.get(PLAIN),
                    ),
                    rate,
                    Frames(part.clip.frames + 2 * handles),
                    Seconds(window.start + (part.clip.first - handles) / rate),
                    take,
                    seed,
                    MIX,
                    f"{seed:08x}_t{take:02d}" + (f"_{clip_number}" if len(selected) > 1 else ""),
                    made.note,
                    Seconds(seconds / len(window.parts)),
                    heard.samples,
                    _selection_markers(part, handles),
                )


def _in_whole_source(spec: RenderSpec, pieces: list[Piece]) -> Iterator[Piece]:
    """One piece a take: the whole source, and what continues it, with each rendered piece in its place."""
    source = Source.of(spec)
    rate = source.rate
    if source.frames > 2 * MAX_SECONDS * rate:
        raise TooLarge(
            f"the source lasts {source.frames / rate:.0f} s; a whole one has {2 * MAX_SECONDS:.0f} s at most"
        )
    kept = source.hear(placement.Window(0, source.frames, ())).samples
    for take, group in groupby(pieces, key=lambda piece: piece.take):
        placed = [(round(piece.start * rate), piece) for piece in group]
        first = min(0, *(at for at, _ in placed))
        end = max(source.frames, *(at + piece.frames for at, piece in placed))
        samples = np.zeros((source.channels, end - first), np.float32)
        samples[:, -first : source.frames - first] = kept
        for at, piece in placed:
            # the source around it would hide what is wrong with it
            _check(piece, spec)
            samples[:, at - first : at - first + piece.frames] = piece.samples
        _, one = placed[0]
        yield Piece(
            samples,
            rate,
            Frames(end - first),
            Seconds(first / rate),
            take,
            one.seed,
            one.track,
            f"{one.seed:08x}_t{take:02d}",
            one.note,
            Seconds(sum(piece.compute_seconds for _, piece in placed)),
            kept,
        )


def _selection_markers(part: Part, handles: Frames) -> tuple[tuple[Frames, str], ...]:
    if not handles:
        return ()
    return ((handles, "selection start"), (Frames(handles + part.clip.frames), "selection end"))


def _parallel_pieces(job: _Job) -> Iterator[Piece]:
    """Tracks that run beside the source, or beside the selected part of it, of which the engine hears the surroundings too."""
    spec, source = job.spec, Source.of(job.spec)
    window = source.beside(spec, before=Seconds(spec.context_before), after=Seconds(spec.context_after))
    heard = source.hear(window)
    clip = window.parts[0].clip
    start = Seconds(window.start + clip.first / source.rate)
    beside = heard.samples[:, clip.first : clip.end]
    for take, seed, report in job.takes():
        made, seconds = job.render(heard, seed, report)
        tracks = {name: samples[:, clip.first : clip.end] for name, samples in made.tracks.items()}
        if spec.verb is Verb.EXTRACT:
            tracks = _asked_for(spec, job.description, tracks, beside)
        for track, samples in tracks.items():
            label = track if spec.verb is Verb.EXTRACT else f"{track}_{seed:08x}_t{take:02d}"
            share = Seconds(seconds / len(tracks))
            yield Piece(samples, source.rate, clip.frames, start, take, seed, track, label, made.note, share, beside)


def _asked_for(
    spec: RenderSpec, description: Description, tracks: dict[str, FloatArray], source: FloatArray
) -> dict[str, FloatArray]:
    """The stems asked for, in the order asked for; the residual is what they leave of the source."""
    names = [name for asked in spec.tracks or () for name in (description.stems if asked == ALL else (asked,))]
    stems = {name: tracks[name] for name in names if name != RESIDUAL}
    if RESIDUAL in names:
        stems[RESIDUAL] = placement.residual(source, list(stems.values()))
    return stems


def _selected(spec: RenderSpec, source: Source) -> list[Span]:
    """The spans to render; raises BadSource where there is nothing to do in this source."""
    seconds = source.frames / source.rate
    if spec.verb is Verb.REPAINT:
        spans = [placement.span_of(start, end, source.rate) for start, end in spec.selections]
        for span, (start, end) in zip(spans, spec.selections, strict=True):
            if span.end <= 0 or span.first >= source.frames:
                raise BadSource(
                    f"{start:g}-{end:g} s lies outside of the source (0-{seconds:g} s): continue renders there"
                )
        return spans
    ((start, end),) = spec.selections
    spans = placement.outside(start, end, source.frames, source.rate)
    if not spans:
        raise BadSource(f"{start:g}-{end:g} s lies inside of the source (0-{seconds:g} s): repaint renders there")
    longest = max(span.frames for span in spans) / source.rate
    if longest > MAX_SECONDS:
        raise TooLarge(f"the continuation lasts {longest:.0f} s; {MAX_SECONDS:.0f} s is the most")
    return spans


# Files


def _written(piece: Piece, temporary: Path, directory: Path, spec: RenderSpec, description: Description) -> ClipFile:
    _check(piece, spec)
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


def _check(piece: Piece, spec: RenderSpec) -> None:
    gate.check(
        piece.samples,
        frames=piece.frames,
        rate=piece.rate,
        reference=piece.judged_against,
        sound_expected=spec.verb is not Verb.EXTRACT,
        file_format=spec.format,
    )


def _transcribed(
    clip: ClipFile, piece: Piece, temporary: Path, spec: RenderSpec, transcriber: Transcriber, report: Report
) -> ClipFile:
    """The clip with a MIDI file of its notes beside it, if there are any; a residual has none."""
    if piece.track == RESIDUAL or clip.silent:
        return clip
    advance = partial(_while_writing, report)
    notes = transcriber.notes(piece.track, piece.samples, piece.rate, advance)
    if not notes:
        return clip
    with audio.whole_file(temporary) as file:
        file.write(midi_file(piece.track, notes, piece.frames / piece.rate, spec))
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
