"""What a job renders, piece by piece, before it is written: new music, clips placed in a source, tracks beside it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from engine import gate, placement
from engine.audio import FloatArray
from engine.backends.adapt import rendered
from engine.backends.base import MIX, PLAIN, Backend, Description, Heard, Rendering, Report, Span
from engine.errors import BadSource, TooLarge
from engine.placement import Part
from engine.progress import shared
from engine.source import Source
from engine.spec import ALL, MAX_SECONDS, RESIDUAL, RenderSpec, Verb
from engine.units import Frames, SampleRate, Seconds, Seed

NEW_PIECE_RATE = SampleRate(48000)
NEW_PIECE_CHANNELS = 2
SEED_COUNT = 2**32


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
    midi: bytes = b""


def pieces_of(spec: RenderSpec, description: Description, backend: Backend, report: Report) -> list[Piece]:
    """Render all pieces of a job, in the order of its clips.

    Raises a PunchinError with the job's code.
    """
    shapes = {Verb.GENERATE: _new_pieces, Verb.CONTINUE: _placed_pieces, Verb.REPAINT: _placed_pieces}
    pieces = list(shapes.get(spec.verb, _parallel_pieces)(_Job(spec, description, backend, report)))
    if spec.whole:
        pieces = list(_in_whole_source(spec, pieces))
    if spec.rank:
        pieces.sort(key=lambda piece: piece.score or 0.0, reverse=True)
    return pieces


def check(piece: Piece, spec: RenderSpec) -> None:
    """Raise BadOutput for what nobody would want on a track."""
    gate.check(
        piece.samples,
        frames=piece.frames,
        rate=piece.rate,
        reference=piece.judged_against,
        sound_expected=spec.verb is not Verb.EXTRACT,
        file_format=spec.format,
    )


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


def _new_pieces(job: _Job) -> Iterator[Piece]:
    rate = SampleRate(job.spec.sample_rate or NEW_PIECE_RATE)
    frames = Frames(round(job.spec.seconds * rate))
    nothing = Span(Frames(0), Frames(0))
    heard = Heard(
        np.zeros((NEW_PIECE_CHANNELS, frames), np.float32), rate, Seconds(0.0), nothing, (Span(Frames(0), frames),)
    )
    for take, seed, report in job.takes():
        made, seconds = job.render(heard, seed, report)
        tracks = _wanted(job.spec, made.tracks)
        for track, samples in tracks.items():
            is_mix = track == MIX
            yield Piece(
                samples,
                rate,
                frames,
                Seconds(0.0),
                take,
                seed,
                track,
                ("" if is_mix else f"{track}_") + f"{seed:08x}_t{take:02d}",
                made.note,
                Seconds(seconds / len(tracks)),
                score=made.score,
                lines=made.lines if is_mix and job.spec.lrc else (),
                midi=made.midi.get(track, b""),
            )


def _wanted(spec: RenderSpec, tracks: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """The mix, and with `stems` those of its parts that come in before it ends."""
    parts = {track: samples for track, samples in tracks.items() if spec.stems and not gate.is_silent(samples)}
    return {MIX: tracks[MIX]} | parts


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
            check(piece, spec)
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
        if spec.verb is Verb.COVER:
            tracks = _wanted(spec, tracks)
        if spec.verb is Verb.EXTRACT:
            tracks = _asked_for(spec, job.description, tracks, beside)
        for track, samples in tracks.items():
            label = track if spec.verb is Verb.EXTRACT else f"{track}_{seed:08x}_t{take:02d}"
            share = Seconds(seconds / len(tracks))
            yield Piece(
                samples,
                source.rate,
                clip.frames,
                start,
                take,
                seed,
                track,
                label,
                made.note,
                share,
                beside,
                midi=made.midi.get(track, b""),
            )


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
