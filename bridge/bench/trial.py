"""One trial: a hole or an end in a song, filled by an engine through the same steps as a user's request, and by rivals."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np

from bridge.bench.measures import alike, click_ratio, repeated
from bridge.bench.rivals import BEATS_A_BAR, CONTINUATIONS, HOLES, Rival
from bridge.bench.songs import Song
from engine.analysis import estimate_tempo
from engine.audio import FloatArray
from engine.backends.base import MIX, Backend, Heard, Span
from engine.placement import Part, Window, place, span_of, windows
from engine.spec import RenderSpec
from engine.units import Frames, Seconds, Seed

OURS = "punchin"
PLACES = (0.25, 0.35, 0.45, 0.55, 0.6, 0.7)
"""Where holes and ends lie, as shares of the song."""
CONTINUED_BARS = 8
CROSSFADE_SECONDS = 0.03


@dataclass(frozen=True, slots=True)
class Result:
    """What one method scored in one trial; a measure that does not apply is NaN."""

    song: str
    place: float
    context: float
    """Seconds the engine heard, the hole included."""
    length: float
    """Seconds that were rendered."""
    method: str
    chroma: float
    mel_db: float
    onsets: float
    click: float
    repeat: float
    """Share of a continuation that is one copy out of the last 8 bars."""
    seconds: float
    """Compute."""

    def row(self) -> dict[str, str | float]:
        """As a dictionary, for JSON."""
        return asdict(self)


def holes(song: Song, backend: Backend, seed: Seed, context: float, length: float) -> Iterator[Result]:
    """Repaint a hole of `length` seconds in the middle of `context` seconds, at every place where both fit."""
    for share in PLACES:
        start = round(share * song.frames / song.rate, 3)
        around = (context - length) / 2
        if start - around < 0 or start + length + around > song.frames / song.rate:
            continue
        yield from _trial(song, backend, seed, share, Seconds(start), length, (around, around), HOLES)


def continuations(song: Song, backend: Backend, seed: Seed, context: float) -> Iterator[Result]:
    """Go on for 8 bars after `context` seconds, at every place where both fit."""
    length = round(CONTINUED_BARS * BEATS_A_BAR * 60 / _bpm(song), 3)
    for share in PLACES:
        start = round(share * song.frames / song.rate, 3)
        if start - max(context, length) < 0 or start + length > song.frames / song.rate:
            continue
        yield from _trial(song, backend, seed, share, Seconds(start), length, (context, 0.0), CONTINUATIONS)


def _bpm(song: Song) -> float:
    return song.bpm or estimate_tempo(song.samples, song.rate)


def _trial(
    song: Song,
    backend: Backend,
    seed: Seed,
    share: float,
    start: Seconds,
    length: float,
    around: tuple[float, float],
    rivals: Mapping[str, Rival],
) -> Iterator[Result]:
    """Every method's result at one place.

    The engine gets the window with the hole zeroed. Only the cross-fades at its edges, at most 30 ms, use what is there in
    the song, as they do in a repaint; they are left out of the comparison, for all.
    """
    verb = "repaint" if around[1] else "continue"
    span = span_of(start, Seconds(start + length), song.rate)
    source = Frames(song.frames if around[1] else span.first)
    (window,) = windows(
        [span], source, song.rate, before=Seconds(around[0]), after=Seconds(around[1]), handles=Frames(0)
    )
    (part,) = window.parts
    first, end = part.clip.first, part.clip.end
    truth = song.samples[:, window.start * song.rate : window.start * song.rate + window.frames]
    heard = _heard(song, window, source)
    values = {"verb": verb, "source": song.path, "start": start, "end": start + length, "bpm": song.bpm}
    spec = RenderSpec.parse({key: value for key, value in values.items() if value is not None})
    beat = 60 / _bpm(song) * song.rate
    rng = np.random.default_rng([round(1000 * start), round(1000 * length)])
    made: dict[str, Callable[[], FloatArray]] = {OURS: lambda: _placed(heard, truth, part, backend, spec, seed)}
    for name, rival in rivals.items():
        made[name] = _by_hand(rival, heard.samples, first, end, beat, rng)
    seam = round(CROSSFADE_SECONDS * song.rate)
    last = heard.samples[:, max(0, first - round(CONTINUED_BARS * BEATS_A_BAR * beat)) : first]
    for name, make in made.items():
        began = time.perf_counter()
        clip = make()
        seconds = time.perf_counter() - began
        whole = heard.samples.copy()
        whole[:, first:end] = clip
        same = alike(truth[:, first + seam : end - seam], clip[:, seam:-seam], song.rate)
        edges = (first, end) if around[1] else (first,)
        repeat = float("nan") if around[1] else repeated(clip, last, song.rate, beat)
        click = click_ratio(whole, edges, song.rate)
        yield Result(
            song.name, share, sum(around) + (length if around[1] else 0), length, name,
            same.chroma, same.mel_db, same.onsets, click, repeat, seconds,
        )  # fmt: skip


def _by_hand(
    rival: Rival, window: FloatArray, first: int, end: int, beat: float, rng: np.random.Generator
) -> Callable[[], FloatArray]:
    return lambda: rival(window, first, end, beat, rng)


def _heard(song: Song, window: Window, source: Frames) -> Heard:
    """The window as an engine hears it, with zeros in what it is to render."""
    begin = window.start * song.rate
    samples = song.samples[:, begin : begin + window.frames].copy()
    for part in window.parts:
        samples[:, part.rendered.first : part.rendered.end] = 0
    inside = Span(Frames(0), Frames(min(window.frames, source - begin)))
    spans = tuple(part.rendered for part in window.parts)
    return Heard(samples, song.rate, Seconds(float(window.start)), inside, spans)


def _placed(heard: Heard, truth: FloatArray, part: Part, backend: Backend, spec: RenderSpec, seed: Seed) -> FloatArray:
    rendering = backend.render(spec, heard, seed, _silent)
    seam = round(CROSSFADE_SECONDS * heard.rate)
    shown = heard.samples.copy()
    for edge in (part.clip.first, part.clip.end - seam):
        shown[:, edge : edge + seam] = truth[:, edge : edge + seam]
    seen = Heard(shown, heard.rate, heard.start, heard.source, heard.spans)
    return place(seen, rendering.tracks[MIX], part, crossfade=Frames(seam), handles=Frames(0))


def _silent(_: float, __: object) -> None:
    """Nobody watches a bench's progress inside of a trial."""
