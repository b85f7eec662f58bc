"""Wishes followed in audio: what re-use found is split, thinned, re-timed and added to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.analysis import beat_grid
from engine.analysis.spectrum import DoubleArray, FloatArray
from engine.backends.base import MIX, PLAIN, Heard, Rendering, Report, Span
from engine.backends.draft.addition import Stems, prepared
from engine.backends.draft.drumfill import drum_fill
from engine.backends.draft.mixing import held_under
from engine.backends.draft.progress import Ticks
from engine.backends.draft.reuse import beats_a_bar, known
from engine.backends.draft.riser import riser
from engine.backends.draft.samples import Pack
from engine.backends.draft.separate import BASS, DRUMS, separate
from engine.backends.draft.separator.masks import Separator
from engine.backends.draft.slices import doubled, halved
from engine.backends.draft.splice import MARGIN_SECONDS
from engine.backends.draft.wishes import Wish
from engine.progress import shared
from engine.spec import OTHER, RenderSpec
from engine.units import Frames, SampleRate, Seed

_AROUND_SECONDS = 1.0
"""Separation hears this much on each side."""
_STEP_DB = 6.0
_FADE_SECONDS = 0.01
_CEILING = 0.98
_LISTENING_SHARE = 0.3
_RISER_BARS = 4
_EARLY_SECONDS = 0.03
"""A selection may begin or end this far off the beat that it means."""
_ADDED = "added"
_FILL_GAIN = 1.25
"""A fill is a little more than the groove it leads out of."""
_LEAST_FILL = 0.3
"""What a fill has of the mix where the mix has no drums."""
_OF_STEMS = {Wish.NO_DRUMS, Wish.NO_BASS, Wish.DRUMS_ONLY, Wish.BASS_ONLY}
_OF_DRUMS = {Wish.HALF_TIME, Wish.DOUBLE_TIME, Wish.FILL}
_OF_GRID = {*_OF_DRUMS, Wish.RISER, Wish.STOP}
_BEFORE_NEW_PARTS = {*_OF_STEMS, Wish.HALF_TIME, Wish.DOUBLE_TIME}
"""What is left out or re-timed is the old music; what comes after is done to the new parts as well."""
_KEPT = {Wish.DRUMS_ONLY: DRUMS, Wish.BASS_ONLY: BASS}
_LEFT_OUT = {Wish.NO_DRUMS: DRUMS, Wish.NO_BASS: BASS}


@dataclass(frozen=True, slots=True)
class _Take:
    """One span's audio in parts that add up to it; frames are counted from where the parts begin."""

    stems: dict[str, FloatArray]
    span: Span
    beats: DoubleArray
    """Frames of the quarter notes in and around the span; empty where no wish needs them."""
    bar: int
    """Beats a bar."""
    rate: SampleRate
    seed: Sequence[int]
    pack: Pack

    def mix(self) -> FloatArray:
        return np.asarray(sum(self.stems.values()), np.float32)

    def last_bar(self) -> DoubleArray:
        """The beats of the last bar that ends in the span, its end included; fewer where the span is shorter than it."""
        early = _EARLY_SECONDS * self.rate
        inside = self.beats[(self.beats >= self.span.first - early) & (self.beats <= self.span.end + early)]
        return inside[-self.bar - 1 :]


def needs_stems(wishes: Sequence[Wish]) -> bool:
    """Whether wishes can only be followed in stems."""
    return not (_OF_STEMS | _OF_DRUMS).isdisjoint(wishes)


def shaped(
    rendering: Rendering,
    heard: Heard,
    spec: RenderSpec,
    wishes: Sequence[Wish],
    tracks: tuple[str, ...],
    seed: Seed,
    report: Report,
    pack: Pack,
    net: Separator | None = None,
) -> Rendering:
    """Follow wishes in every span of what re-use rendered, and tell which in the note; a wish that has no room is not told.

    New parts for `tracks` play along; they and fills are played on the samples of `pack`. Stems are split with `net` where
    there is one. The mix before the wishes is kept as the track `plain`, so that what is quieter on purpose stays so.
    """
    mix = rendering.tracks[MIX]
    if not (wishes or tracks) or not np.any(mix):
        return rendering
    source = known(heard)
    margin, around = round(MARGIN_SECONDS * heard.rate), round(_AROUND_SECONDS * heard.rate)
    places = [(max(0, span.first - margin), min(mix.shape[1], span.end + margin)) for span in heard.spans]
    addition, share = None, 0.0
    if tracks:
        music, share = source.copy(), _LISTENING_SHARE
        for first, end in places:
            music[:, first:end] = mix[:, first:end]
        addition = prepared(music, heard, spec, tracks, seed, shared(report, 0.0, share))
    beats = np.zeros(0)
    if _OF_GRID.intersection(wishes):
        tick = Ticks(shared(report, share, share))
        beats = beat_grid(source, heard.rate, spec.bpm, spec.tempo_map, heard.start, tick)
    made = mix.copy()
    followed: set[str] = set()
    for index, (span, (first, end)) in enumerate(zip(heard.spans, places, strict=True)):
        low, high = max(0, span.first - around), min(mix.shape[1], span.end + around)
        piece = source[:, low:high].copy()
        piece[:, first - low : end - low] = mix[:, first:end]
        done, part = share + (1 - share) * index / len(heard.spans), (1 - share) / len(heard.spans)
        stems = {OTHER: piece}
        if needs_stems(wishes):
            stems = separate(piece, heard.rate, shared(report, done, done + part / 2), net)
        joining: Stems = {}
        if addition:
            inside = Span(Frames(first - low), Frames(end - first))
            joining = addition.stems(piece, heard.rate, low, inside, pack, shared(report, done + part / 2, done + part))
        bar = max(1, round(beats_a_bar(spec)))
        take = _Take(
            stems, Span(Frames(span.first - low), span.frames), beats - low, bar, heard.rate, (seed, index), pack
        )
        followed.update(wish for wish in wishes if wish in _BEFORE_NEW_PARTS and _follow(wish, take))
        for track, stem in joining.items():
            take.stems[track] = take.stems.get(track, np.float32(0)) + stem
            followed.add(f"add {track}")
        followed.update(wish for wish in wishes if wish not in _BEFORE_NEW_PARTS and _follow(wish, take))
        made[:, first:end] = _kept_under(take.mix()[:, first - low : end - low], mix[:, first:end], heard.rate)
    told = ", ".join(name for name in (*wishes, *(f"add {track}" for track in tracks)) if name in followed)
    if not told:
        return rendering
    understood = addition.note if addition else ""
    note = "; ".join(part for part in (rendering.note, f"followed: {told}", understood) if part)
    return Rendering({**rendering.tracks, MIX: made, PLAIN: mix}, note)


def _kept_under(samples: FloatArray, plain: FloatArray, rate: SampleRate) -> FloatArray:
    """What was added must not clip where the mix before it did not."""
    ceiling = max(_CEILING, _peak(plain))
    return samples if _peak(samples) <= ceiling else held_under(samples, ceiling, rate)


def _follow(wish: Wish, take: _Take) -> bool:
    """Follow one wish in a take, in place; False where there is no room for it."""
    if wish in _KEPT or wish in _LEFT_OUT:
        for name, stem in take.stems.items():
            if (wish in _KEPT and name != _KEPT[wish]) or name == _LEFT_OUT.get(wish):
                stem[:] = 0
        return True
    match wish:
        case Wish.HALF_TIME:
            return halved(take.stems[DRUMS], take.span, take.beats, take.rate)
        case Wish.DOUBLE_TIME:
            return doubled(take.stems[DRUMS], take.span, take.beats, take.rate)
        case Wish.FILL:
            return _fill(take)
        case Wish.RISER:
            return _rise(take)
        case Wish.STOP:
            return _stop(take)
        case _:
            gain = np.float32(10 ** ((_STEP_DB if wish is Wish.LOUDER else -_STEP_DB) / 20))
            for stem in take.stems.values():
                np.multiply(stem, gain, out=stem)
            return True


def _fill(take: _Take) -> bool:
    """A drum fill instead of the last bar's own drums, no louder than those drums at its peaks, and a little on average."""
    beats = take.last_bar()
    if len(beats) < 2:
        return False
    first, end = round(beats[0]), min(round(beats[-1]), take.span.end)
    drums, mix = take.stems[DRUMS], take.mix()
    inside = slice(take.span.first, take.span.end)
    peak = max(_peak(drums[:, inside]), _LEAST_FILL * _peak(mix[:, inside]))
    level = max(_FILL_GAIN * _rms(drums[:, inside]), _LEAST_FILL * _rms(mix[:, inside]))
    hits = drum_fill(beats - first, end - first, take.rate, take.seed, take.pack)
    _silence(drums, first, end, take.rate)
    added = take.stems.setdefault(_ADDED, np.zeros_like(drums))
    added[:, first:end] += hits * min(peak / max(1e-9, _peak(hits)), level / max(1e-9, _rms(hits)))
    return True


def _rise(take: _Take) -> bool:
    """A riser over the last bars, as loud at its end as the music is on average."""
    beat = float(np.median(np.diff(take.beats))) if len(take.beats) > 1 else take.rate / 2.0
    frames = min(take.span.frames, round(_RISER_BARS * take.bar * beat))
    if frames < beat / 2:
        return False
    mix = take.mix()
    level = _rms(mix[:, take.span.first : take.span.end])
    added = take.stems.setdefault(_ADDED, np.zeros_like(mix))
    added[:, take.span.end - frames : take.span.end] += level * riser(len(mix), frames, take.rate, take.seed)
    return True


def _stop(take: _Take) -> bool:
    """Silence on the last beat."""
    beats = take.last_bar()
    first = round(beats[-2]) if len(beats) > 2 else take.span.first + take.span.frames // 2
    for stem in take.stems.values():
        _silence(stem, first, take.span.end, take.rate)
    return True


def _peak(samples: FloatArray) -> float:
    return float(np.abs(samples).max(initial=0.0))


def _rms(samples: FloatArray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def _silence(stem: FloatArray, first: int, end: int, rate: SampleRate) -> None:
    """Fade out before a frame, and be silent up to another one."""
    fade = min(first, round(_FADE_SECONDS * rate))
    stem[:, first - fade : first] *= np.linspace(1, 0, fade, dtype=np.float32)
    stem[:, first:end] = 0
