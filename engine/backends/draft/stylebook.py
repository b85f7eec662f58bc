"""Styles and vocabulary: data files that a musician can edit, read and checked here."""

import tomllib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Literal, Self, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.backends.draft.harmony import SYMBOL
from engine.errors import EngineError
from engine.spec import Meter, Track

DRUM_NOTES = {
    "kick": 36, "rim": 37, "snare": 38, "clap": 39, "low_tom": 45, "mid_tom": 47, "high_tom": 50,
    "hat": 42, "open_hat": 46, "crash": 49, "ride": 51, "shaker": 70, "cowbell": 56, "floor_tom": 41,
    "foot_hat": 44, "tambourine": 54, "high_bongo": 60, "low_bongo": 61, "mute_conga": 62, "high_conga": 63,
    "low_conga": 64, "high_timbale": 65, "low_timbale": 66, "high_agogo": 67, "low_agogo": 68, "cabasa": 69,
    "guiro": 73, "claves": 75, "wood_block": 76, "triangle": 81,
}  # fmt: skip
"""Lanes of a drum pattern to the General MIDI drum map."""

Model = TypeVar("Model", bound=BaseModel)


def _pattern(text: str) -> str:
    steps = text.replace(" ", "").replace("|", "")
    if not steps or set(steps) - set("xXort.-123456789n"):
        raise ValueError("a pattern of x X o r t . - 1-9 n")
    return steps


def _progression(text: str) -> str:
    for symbol in text.replace(",", " ").split():
        if not SYMBOL.fullmatch(symbol):
            raise ValueError(f"{symbol} is no chord symbol such as I, vi7 or bVII")
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]
Progression = Annotated[str, AfterValidator(_progression)]
Lane: TypeAlias = Literal[tuple(DRUM_NOTES)]  # type: ignore[valid-type]
Role = Literal["bass", "walk", "comp", "strum", "power", "arp", "pad", "melody", "fx"]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Strip(_Data):
    """How a part sits in the mix, and from which energy of a section on it plays."""

    instrument: str
    level: float = 0.0
    pan: Annotated[float, Field(ge=-1, le=1)] = 0.0
    send: Annotated[float, Field(ge=0, le=1)] = 0.15
    duck: Annotated[float, Field(ge=0, le=1)] = 0.0
    enter: Annotated[float, Field(ge=0, le=1)] = 0.0


class Drums(Strip):
    """Grooves and fills: lanes to patterns of the style's meter, one or more bars long."""

    patterns: tuple[dict[Lane, Pattern], ...]
    fills: tuple[dict[Lane, Pattern], ...] = ()


class Voice(Strip):
    """One pitched part: what it does (role), how (patterns) and where (centre, a MIDI note)."""

    track: Track
    role: Role
    patterns: tuple[Pattern, ...] = ()
    centre: Annotated[float, Field(ge=24, le=96)] = 60.0

    @model_validator(mode="after")
    def _has_patterns(self) -> Self:
        if not self.patterns and self.role not in {"pad", "walk", "fx"}:
            raise ValueError(f"{self.track}: the role {self.role} needs patterns")
        return self


class Style(_Data):
    """One style of music."""

    name: str
    words: tuple[str, ...]
    tempo: tuple[float, float]
    meter: Meter = "4/4"
    section_bars: Annotated[int, Field(ge=4, le=16)] | None = None
    """Bars of a section where a form says so, as in the blues; else eight, or four in short pieces."""
    minor: Annotated[float, Field(ge=0, le=1)] = 0.5
    """How often a piece is in minor where nothing says so."""
    swing: Annotated[float, Field(ge=0.5, lt=0.75)] = 0.5
    """Where the off-beat of a pair lies: 0.5 straight, 0.667 triplets."""
    swing_beats: float = 0.5
    """Length of the swung note in quarter notes."""
    humanize: Annotated[float, Field(ge=0, le=0.004)] = 0.0
    """Standard deviation of the pitched parts' timing, in seconds: small, so that the beat stays the beat."""
    room: Annotated[float, Field(ge=0.1, le=6)] = 1.0
    dominants: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """How often a chord is led into by its own dominant."""
    borrowed: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """How often a chord of the parallel key follows: iv in major, V in minor."""
    major_progressions: tuple[Progression, ...]
    minor_progressions: tuple[Progression, ...]
    drums: Drums | None = None
    percussion: Drums | None = None
    """Hand drums and shakers, a track of their own beside the drum kit."""
    voices: tuple[Voice, ...]

    @model_validator(mode="after")
    def _one_voice_a_track(self) -> Self:
        tracks = [voice.track for voice in self.voices]
        if len(set(tracks)) != len(tracks) or {"drums", "percussion"} & set(tracks):
            raise ValueError("each track has one voice; drums and percussion have their own tables")
        return self


class Instrument(_Data):
    """Words of a prompt that call for an instrument, and the voice it gets where the style has none on that track."""

    words: tuple[str, ...]
    track: Track
    voice: Voice | None = None
    """None: the track as the style (or the first style that has it) plays it."""


class Vocabulary(_Data):
    """Words of a prompt beside styles."""

    minor: tuple[str, ...]
    major: tuple[str, ...]
    slow: tuple[str, ...]
    fast: tuple[str, ...]
    instruments: tuple[Instrument, ...]


@cache
def load_styles() -> dict[str, Style]:
    """All styles that are shipped, by name; they are read once, so an edited file counts from the next start on."""
    return read_styles(files("engine.backends.draft").joinpath("styles"))


def read_styles(folder: Traversable) -> dict[str, Style]:
    """All styles of a folder by name, in the order of their file names; raises EngineError for a file that is no style."""
    paths = sorted((path for path in folder.iterdir() if path.name.endswith(".toml")), key=lambda path: path.name)
    styles = [_read(path, Style) for path in paths]
    return {style.name: style for style in styles}


@cache
def load_vocabulary() -> Vocabulary:
    """What words mean; raises EngineError for a file that cannot be read as one."""
    return _read(files("engine.backends.draft").joinpath("vocabulary.toml"), Vocabulary)


def _read(path: Traversable, model: type[Model]) -> Model:
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise EngineError(f"{path.name}: {error}") from error
