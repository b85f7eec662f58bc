"""Chords: comping, strumming, power chords, arpeggios and pads, with voice leading."""

from collections.abc import Iterator
from random import Random

from engine.backends.draft.form import Bar, Form, Harmony
from engine.backends.draft.harmony import OCTAVE, Chord, nearest, voicing
from engine.backends.draft.meter import Meter
from engine.backends.draft.patterns import hits
from engine.backends.draft.score import Note
from engine.backends.draft.stylebook import Voice

STRUM_BEATS = 0.02
"""Time between the strings of a strum."""


def chord_notes(voice: Voice, form: Form, written: Meter, rng: Random) -> Iterator[Note]:
    """Chords in the rhythm of a pattern; `voice.role` is comp, strum, power, arp or pad."""
    chosen = rng.sample(voice.patterns, len(voice.patterns))
    voicings = dict(_led(voice, form))
    for bar in form.bars:
        if bar.energy < voice.enter:
            continue
        if bar.closes or voice.role == "pad":
            yield from _held(voice, bar, voicings)
            continue
        struck = hits(chosen[bar.theme % len(chosen)], bar, written)
        for place, hit in enumerate(struck):
            harmony = form.harmony_at(hit.start)
            pitches = voicings[harmony.start]
            length = min(hit.length, harmony.end - hit.start) * 0.95
            if voice.role == "arp":
                yield Note(hit.start, length, _rung(pitches, hit.symbol, place), 0.8 if hit.on_beat else 0.65)
            else:
                spread = STRUM_BEATS if voice.role == "strum" else 0.0
                yield from _struck(pitches, hit.start, length, hit.strength, spread, upward=place % 2 == 0)


def _led(voice: Voice, form: Form) -> Iterator[tuple[float, tuple[int, ...]]]:
    """The start of each chord, and its voicing led from the one before."""
    previous: tuple[int, ...] = ()
    for harmony in form.harmonies:
        if voice.role == "power":
            root = nearest(harmony.chord.root, voice.centre)
            yield harmony.start, (root, root + _fifth(harmony.chord), root + OCTAVE)
            continue
        previous = voicing(harmony.chord, previous, voice.centre)
        low = (nearest(harmony.chord.root, previous[0] - 7),) if voice.role == "strum" else ()
        yield harmony.start, (*low, *previous)


def _fifth(chord: Chord) -> int:
    return min(chord.intervals[1:], key=lambda interval: abs(interval - 7))


def _rung(pitches: tuple[int, ...], symbol: str, place: int) -> int:
    rung = int(symbol) - 1 if symbol.isdigit() else place
    return pitches[rung % len(pitches)] + OCTAVE * (rung // len(pitches) % 2)


def _held(voice: Voice, bar: Bar, voicings: dict[float, tuple[int, ...]]) -> Iterator[Note]:
    for harmony in bar.harmonies:
        length = (harmony.end - harmony.start) * (0.8 if bar.closes else 1.0)
        yield from _struck(voicings[harmony.start], harmony.start, length, 0.75, _spread(voice, harmony), upward=True)


def _spread(voice: Voice, harmony: Harmony) -> float:
    return min(STRUM_BEATS * 2, (harmony.end - harmony.start) / 16) if voice.role in {"strum", "arp"} else 0.0


def _struck(
    pitches: tuple[int, ...], start: float, length: float, velocity: float, spread: float, *, upward: bool
) -> Iterator[Note]:
    ordered = pitches if upward else pitches[::-1]
    spread = min(spread, length / (2 * len(ordered)))
    for string, pitch in enumerate(ordered):
        yield Note(start + string * spread, length - string * spread, pitch, velocity)
