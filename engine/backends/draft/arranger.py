"""From words to notes by rules. Pure: the same spec and seed give the same score, and nothing sounds."""

from collections.abc import Sequence
from random import Random

from engine.backends.draft.band import Players, asked_band, named_band
from engine.backends.draft.form import Form, plan
from engine.backends.draft.harmony import OCTAVE, Key, parse_key
from engine.backends.draft.performance import play
from engine.backends.draft.prompt import NEUTRAL_STYLE, Wishes, read
from engine.backends.draft.score import Score
from engine.backends.draft.stylebook import Style, load_styles, load_vocabulary
from engine.spec import RenderSpec


def arrange(spec: RenderSpec, seed: int) -> Score:
    """Write a piece of exactly `spec.seconds`; raises EngineError when a style file is broken.

    What the spec says of tempo, meter and key wins over the prompt, the prompt wins over the style.
    """
    styles = load_styles()
    wishes = read(spec.prompt, styles, load_vocabulary())
    style = wishes.style
    meter = _meter(spec.meter or style.meter)
    bar_beats = meter[0] * 4 / meter[1]
    bpm = _tempo(spec, wishes, bar_beats, Random(f"{seed} tempo"))
    key = _key(spec, wishes, Random(f"{seed} key"))
    progressions = style.major_progressions if key.mode == "major" else style.minor_progressions
    form = plan(key, bar_beats, spec.seconds * bpm / 60, progressions, loop=spec.loop, rng=Random(f"{seed} form"))
    return _score(form, style, asked_band(wishes, styles), bpm, meter, seed)


def arrange_on(form: Form, spec: RenderSpec, seed: int, parts: Sequence[str]) -> Score:
    """Play exactly the given form with exactly the named tracks, e.g. to add them to a recording.

    The style is the prompt's, else a neutral one; tempo and meter are the spec's, else the prompt's tempo (or the
    middle of the style's) and the form's bar. Raises Unsupported for vocals, EngineError when a style file is broken.
    """
    styles = load_styles()
    wishes = read(spec.prompt, styles, load_vocabulary(), NEUTRAL_STYLE)
    first = spec.tempo_map[0][1] if spec.tempo_map else None
    bpm = spec.bpm or first or wishes.bpm or sum(wishes.style.tempo) / 2
    meter = _meter(spec.meter) if spec.meter else _meter_of(form.bar_beats)
    return _score(form, wishes.style, named_band(parts, wishes, styles), bpm, meter, seed)


def _score(form: Form, style: Style, players: Players, bpm: float, meter: tuple[int, int], seed: int) -> Score:
    parts = tuple(play(track, player, form, style, bpm, seed) for track, player in players.items())
    return Score(style.name, bpm, meter, form.key.name, parts, form.beats, style.room)


def _meter(text: str) -> tuple[int, int]:
    beats, value = text.split("/")
    return int(beats), int(value)


def _meter_of(bar_beats: float) -> tuple[int, int]:
    """The simplest time signature of a bar so many quarter notes long."""
    value = next((value for value in (4, 8, 16) if (bar_beats * value / 4).is_integer()), 32)
    return max(1, round(bar_beats * value / 4)), value


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
