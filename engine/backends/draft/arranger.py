"""From words to notes by rules. Pure: the same spec and seed give the same score, and nothing sounds."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random

from engine.backends.draft.band import Players, asked_band, named_band
from engine.backends.draft.form import Form, Palette, plan
from engine.backends.draft.harmony import OCTAVE, Key, parse_key
from engine.backends.draft.meter import bar_beats, read_meter
from engine.backends.draft.performance import play
from engine.backends.draft.prompt import NEUTRAL_STYLE, Wishes, read
from engine.backends.draft.score import Score
from engine.backends.draft.sections import laid_out
from engine.backends.draft.stylebook import Style, load_styles, load_vocabulary
from engine.backends.draft.timing import Timing, constant, mapped, measures
from engine.spec import RenderSpec


def arrange(spec: RenderSpec, seed: int) -> Score:
    """Write a piece of exactly `spec.seconds`; raises EngineError when a style file is broken.

    What the spec says of tempo, meter and key wins over the prompt, the prompt wins over the style.
    """
    styles = load_styles()
    wishes = read(spec.prompt, styles, load_vocabulary())
    style = wishes.style
    meter = read_meter(spec.meter or style.meter)
    bpm = _tempo(spec, wishes, bar_beats(meter), Random(f"{seed} tempo"))
    key = _key(spec, wishes, Random(f"{seed} key"))
    timing = mapped(spec.tempo_map) if spec.tempo_map else constant(bpm)
    bars = measures(timing.beat_at(spec.seconds), meter, timing, spec.tempo_map or ())
    form = plan(
        key,
        bars,
        laid_out(spec.lyrics, len(bars), style.section_bars, loop=spec.loop),
        _palette(style, key, wishes),
        loop=spec.loop,
        rng=Random(f"{seed} form"),
    )
    return _score(form, style, asked_band(wishes, styles), timing, seed)


def arrange_on(form: Form, spec: RenderSpec, seed: int, parts: Sequence[str]) -> Score:
    """Play exactly the given form with exactly the named tracks, e.g. to add them to a recording.

    The style is the prompt's, else a neutral one; tempo and meter are the spec's, else the prompt's tempo (or the
    middle of the style's) and the form's bar. Raises Unsupported for vocals, EngineError when a style file is broken.
    """
    styles = load_styles()
    wishes = read(spec.prompt, styles, load_vocabulary(), NEUTRAL_STYLE)
    bpm = spec.bpm or wishes.bpm or sum(wishes.style.tempo) / 2
    timing = mapped(spec.tempo_map) if spec.tempo_map else constant(bpm)
    if spec.meter and bar_beats(read_meter(spec.meter)) == form.bar_beats:
        # A length says how long a bar is, but not whether it is 3/4 or 6/8.
        form = replace(form, bars=tuple(replace(bar, meter=read_meter(spec.meter)) for bar in form.bars))
    return _score(form, wishes.style, named_band(parts, wishes, styles), timing, seed)


def _score(form: Form, style: Style, players: Players, timing: Timing, seed: int) -> Score:
    meters = [(bar.start, bar.meter) for bar in form.bars]
    changes = [after for before, after in pairwise(meters) if before[1] != after[1]]
    return Score(
        style=style.name,
        bpm=timing.points[0].bpm,
        meter=form.bars[0].meter,
        key=form.key.name,
        parts=tuple(play(track, player, form, style, timing, seed) for track, player in players.items()),
        beats=form.beats,
        room=style.room,
        timing=timing,
        meters=tuple(changes),
        chords=form.harmonies,
    )


def _palette(style: Style, key: Key, wishes: Wishes) -> Palette:
    """The style's harmony; a dark word borrows from minor, a bright one leads on with dominants."""
    return Palette(
        style.major_progressions if key.mode == "major" else style.minor_progressions,
        style.dominants + (0.08 if wishes.mode == "major" and style.dominants else 0.0),
        style.borrowed + (0.2 if wishes.mode == "minor" else 0.0),
    )


def _tempo(spec: RenderSpec, wishes: Wishes, bar_beats: float, rng: Random) -> float:
    """The tempo asked for, else one of the style's range at which the piece ends on a bar line."""
    if spec.bpm is not None:
        return spec.bpm
    if spec.tempo_map:
        return spec.tempo_map[0][1]
    if wishes.bpm is not None:
        return wishes.bpm
    low, high = wishes.style.tempo
    third = (high - low) / 3
    drawn = rng.uniform(*{"slow": (low, low + third), "fast": (high - third, high)}.get(wishes.pace or "", (low, high)))
    bar_at_one = bar_beats * 60 / spec.seconds
    fitting = [bars * bar_at_one for bars in (int(drawn / bar_at_one), int(drawn / bar_at_one) + 1)]
    return min((bpm for bpm in fitting if low <= bpm <= high), key=lambda bpm: abs(bpm - drawn), default=round(drawn))


def _key(spec: RenderSpec, wishes: Wishes, rng: Random) -> Key:
    tonic, minor = rng.randrange(OCTAVE), rng.random() < wishes.style.minor
    if spec.key is not None:
        return parse_key(spec.key)
    if wishes.key is not None:
        return wishes.key
    return Key(tonic, wishes.mode or ("minor" if minor else "major"))
