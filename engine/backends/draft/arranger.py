"""From words to notes by rules. Pure: the same spec and seed give the same score, and nothing sounds."""

from collections.abc import Iterable, Iterator
from random import Random

from engine.backends.draft.accompaniment import chord_notes
from engine.backends.draft.form import Form, plan
from engine.backends.draft.harmony import OCTAVE, Key, parse_key
from engine.backends.draft.melody import melody_notes
from engine.backends.draft.prompt import Wishes, read
from engine.backends.draft.rhythm_section import bass_notes, drum_notes, walking_notes
from engine.backends.draft.score import Note, Part, Score
from engine.backends.draft.stylebook import Drums, Strip, Style, Voice, load_styles, load_vocabulary
from engine.spec import RenderSpec

VELOCITY_STEPS = 12
"""Velocities are rounded to so many levels: a sound source renders each note of a level once."""


def arrange(spec: RenderSpec, seed: int) -> Score:
    """Write a piece of exactly `spec.seconds`; raises EngineError when a style file is broken.

    What the spec says of tempo, meter and key wins over the prompt, the prompt wins over the style.
    """
    styles = load_styles()
    wishes = read(spec.prompt, styles, load_vocabulary())
    style = wishes.style
    meter = spec.meter_parts if spec.meter else _meter(style.meter)
    bar_beats = meter[0] * 4 / meter[1]
    bpm = _tempo(spec, wishes, bar_beats, Random(f"{seed} tempo"))
    key = _key(spec, wishes, Random(f"{seed} key"))
    progressions = style.major_progressions if key.mode == "major" else style.minor_progressions
    form = plan(key, bar_beats, spec.seconds * bpm / 60, progressions, loop=spec.loop, rng=Random(f"{seed} form"))
    drums, voices = _band(wishes, styles)
    parts = [
        _part(voice.track, voice, _voice_notes(voice, form, style, seed), form, style, bpm, seed) for voice in voices
    ]
    if drums is not None:
        style_bar = _bar_beats(style.meter)
        parts.insert(
            0,
            _part("drums", drums, drum_notes(drums, form, style_bar, Random(f"{seed} drums")), form, style, bpm, seed),
        )
    return Score(style.name, bpm, meter, key.name, tuple(parts), form.beats, style.room)


def _meter(text: str) -> tuple[int, int]:
    beats, value = text.split("/")
    return int(beats), int(value)


def _bar_beats(text: str) -> float:
    beats, value = _meter(text)
    return beats * 4 / value


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


def _band(wishes: Wishes, styles: dict[str, Style]) -> tuple[Drums | None, list[Voice]]:
    """The style's players, with those that the prompt adds and without those that it sends home."""
    voices = {voice.track: voice for voice in wishes.style.voices}
    drums = wishes.style.drums
    for wanted in wishes.wanted:
        if wanted.track == "drums":
            drums = drums or next(style.drums for style in styles.values() if style.drums)
        elif wanted.track not in voices and wanted.voice:
            voices[wanted.track] = wanted.voice
        elif wanted.voice:
            old = voices[wanted.track]
            voices[wanted.track] = old.model_copy(update={"instrument": wanted.voice.instrument, "enter": 0.0})
    stay = (wishes.only or {"drums", *voices}) - wishes.unwanted
    kept = [voice for track, voice in voices.items() if track in stay]
    if drums is None or "drums" not in stay:
        # Somebody has to play, whatever the words send home.
        return None, kept or list(wishes.style.voices)
    return drums, kept


def _voice_notes(voice: Voice, form: Form, style: Style, seed: int) -> Iterator[Note]:
    rng, style_bar = Random(f"{seed} {voice.track}"), _bar_beats(style.meter)
    match voice.role:
        case "bass":
            return bass_notes(voice, form, style_bar, rng)
        case "walk":
            return walking_notes(voice, form, rng)
        case "melody":
            return melody_notes(voice, form, style_bar, rng)
        case _:
            return chord_notes(voice, form, style_bar, rng)


def _part(track: str, strip: Strip, notes: Iterable[Note], form: Form, style: Style, bpm: float, seed: int) -> Part:
    rng = Random(f"{seed} {track} timing")
    # Drums are the grid; only the others may lean on it.
    spread = 0.0 if track == "drums" else style.humanize * bpm / 60
    placed = [_placed(note, form.beats, style, rng.gauss(0.0, spread)) for note in notes]
    return Part(
        name=track,
        instrument=strip.instrument,
        notes=tuple(sorted(placed, key=lambda note: (note.start, note.pitch))),
        level=strip.level,
        pan=strip.pan,
        send=strip.send,
        duck=strip.duck,
    )


def _placed(note: Note, beats: float, style: Style, late: float) -> Note:
    start = min(max(_swung(note.start, style) + late, 0.0), max(beats - 1e-3, 0.0))
    velocity = max(1, round(note.velocity * VELOCITY_STEPS)) / VELOCITY_STEPS
    return Note(start, max(note.length, 1e-3), note.pitch, min(velocity, 1.0))


def _swung(beat: float, style: Style) -> float:
    """Stretch the first and squeeze the second of each pair of swung notes."""
    pair = 2 * style.swing_beats
    first = beat // pair * pair
    place = (beat - first) / pair
    warped = place * 2 * style.swing if place < 0.5 else style.swing + (place - 0.5) * 2 * (1 - style.swing)
    return first + warped * pair
