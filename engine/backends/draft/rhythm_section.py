"""Drums and bass."""

from collections.abc import Iterator
from random import Random

from engine.backends.draft.form import Bar, Form, Harmony
from engine.backends.draft.harmony import nearest
from engine.backends.draft.meter import Meter, beat_starts
from engine.backends.draft.patterns import hits, tail
from engine.backends.draft.score import Note
from engine.backends.draft.stylebook import DRUM_NOTES, Drums, Voice

HIT_BEATS = 0.25
"""Written length of a drum hit; drums sound as long as they sound."""
BASS_INTERVALS = {"3": 4, "5": 7, "7": 10, "8": 12}
"""What a digit asks for over the root, in semitones; the chord's own third, fifth or seventh is taken."""


def drum_notes(drums: Drums, form: Form, written: Meter, rng: Random) -> Iterator[Note]:
    """A groove for each kind of section, a fill before something new, a crash where it begins."""
    grooves = rng.sample(drums.patterns, len(drums.patterns))
    for bar in form.bars:
        if bar.energy < drums.enter:
            continue
        if bar.closes:
            yield from (_drum(lane, bar.start, 0.9) for lane in ("kick", "crash"))
            continue
        groove = grooves[bar.theme % len(grooves)]
        fill = rng.choice(drums.fills) if bar.fills and drums.fills else {}
        begins = min((tail(pattern, bar, written)[0] for pattern in fill.values()), default=bar.end)
        for lane, pattern in groove.items():
            for hit in hits(pattern, bar, written, lane):
                # A fill takes the sticks away from everything but the kick.
                if lane == "kick" or hit.start < begins - 1e-6:
                    yield _drum(lane, hit.start, hit.strength * rng.uniform(0.88, 1.0))
        for lane, pattern in fill.items():
            yield from (
                _drum(lane, hit.start, hit.strength * rng.uniform(0.88, 1.0)) for hit in tail(pattern, bar, written)[1]
            )
        if bar.opens and drums.fills:
            yield _drum("crash", bar.start, 0.7)


def _drum(lane: str, start: float, velocity: float) -> Note:
    return Note(start, HIT_BEATS, DRUM_NOTES[lane], velocity)


def bass_notes(voice: Voice, form: Form, written: Meter, rng: Random) -> Iterator[Note]:
    """Roots, fifths, octaves and approach notes after a pattern."""
    chosen = rng.sample(voice.patterns, len(voice.patterns))
    for bar in form.bars:
        if bar.energy < voice.enter:
            continue
        if bar.closes:
            yield _held_root(voice, bar)
            continue
        for hit in hits(chosen[bar.theme % len(chosen)], bar, written):
            harmony = form.harmony_at(hit.start)
            root = nearest(harmony.chord.root, voice.centre)
            pitch = _approach(form, harmony, voice, 1) if hit.symbol == "n" else root + _interval(harmony, hit.symbol)
            length = min(hit.length, harmony.end - hit.start)
            yield Note(hit.start, length * 0.95, pitch, 0.9 if hit.on_beat else 0.75)


def walking_notes(voice: Voice, form: Form, rng: Random) -> Iterator[Note]:
    """A note a beat: root, chord notes, then a step into the next root."""
    for bar in form.bars:
        if bar.energy < voice.enter:
            continue
        if bar.closes:
            yield _held_root(voice, bar)
            continue
        for harmony in bar.harmonies:
            beats = [bar.start + beat for beat in beat_starts(bar.meter)]
            yield from _walk(harmony, [harmony.start, *(b for b in beats if b > harmony.start)], voice, form, rng)


def _walk(harmony: Harmony, beats: list[float], voice: Voice, form: Form, rng: Random) -> Iterator[Note]:
    starts = [beat for beat in beats if beat < harmony.end - 1e-6]
    pitch, last = nearest(harmony.chord.root, voice.centre), -1
    for start, end in zip(starts, [*starts[1:], harmony.end], strict=True):
        if start > harmony.start:
            choices = [nearest(each, pitch + rng.choice((-3, 3))) for each in harmony.chord.pitch_classes]
            pitch = rng.choice([each for each in choices if each != last and abs(each - voice.centre) < 11] or [pitch])
            if start == starts[-1]:
                pitch = _approach(form, harmony, voice, rng.choice((-1, 1)))
        yield Note(start, (end - start) * 0.92, pitch, 0.85)
        last = pitch


def _interval(harmony: Harmony, symbol: str) -> int:
    wanted = BASS_INTERVALS.get(symbol, 0)
    if wanted in (0, 12):
        return wanted
    return min(harmony.chord.intervals[1:], key=lambda interval: abs(interval - wanted))


def _approach(form: Form, harmony: Harmony, voice: Voice, side: int) -> int:
    """A scale step below (1) or above (-1) the next chord's root."""
    following = nearest(form.harmony_at(harmony.end).chord.root, voice.centre)
    return form.key.step(following, -side)


def _held_root(voice: Voice, bar: Bar) -> Note:
    return Note(bar.start, (bar.end - bar.start) * 0.8, nearest(bar.harmonies[0].chord.root, voice.centre), 0.85)
