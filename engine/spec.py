"""RenderSpec: what is asked for, validated once, immutable.

Field names are the keys of the wire. Every constraint lives here, in the field's annotation, and `explain` turns a violation
into one sentence that names the key, says what is legal and what came.
"""

import json
import math
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias

from annotated_types import Ge, Le
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from engine.errors import InvalidSpec
from engine.expert import Expert
from engine.explain import explain, listed
from engine.units import Seconds

MAX_SECONDS = 600.0
"""The longest selection, source or piece that one job renders."""
MAX_POSITION_SECONDS = 7 * 24 * 3600.0
"""Bound of every position: a week of audio is more than a project holds."""
MIN_SECONDS = 0.01
"""The shortest selection."""
RANDOM_SEED = -1
MAX_TAKES = 8

INSTRUMENTS = (
    "woodwinds", "brass", "fx", "synth", "strings", "percussion",
    "keyboard", "guitar", "bass", "drums", "backing_vocals", "vocals",
)  # fmt: skip
OTHER, RESIDUAL, ALL = "other", "residual", "all"
STEMS = (*INSTRUMENTS, OTHER, RESIDUAL, ALL)


class Verb(StrEnum):
    """What a job renders; `understand` renders nothing, it describes."""

    GENERATE = "generate"
    CONTINUE = "continue"
    REPAINT = "repaint"
    COVER = "cover"
    EXTRACT = "extract"
    LEGO = "lego"
    COMPLETE = "complete"
    UNDERSTAND = "understand"


NEEDS: dict[Verb, tuple[str, ...]] = {
    Verb.GENERATE: ("prompt",),
    Verb.CONTINUE: ("source", "start", "end"),
    Verb.REPAINT: ("source",),
    Verb.COVER: ("source", "prompt"),
    Verb.EXTRACT: ("source", "tracks"),
    Verb.LEGO: ("source", "track"),
    Verb.COMPLETE: ("source", "tracks"),
    Verb.UNDERSTAND: ("source",),
}


# How values come in: from Python, JSON or OSC, whose clients may only know floats


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a number")  # noqa: TRY004  pydantic takes ValueError for what is not legal
    if not math.isfinite(value):
        raise ValueError("a finite number")
    return float(value)


def _whole(value: Any) -> int:
    number = _number(value)
    if number != int(number):
        raise ValueError("a whole number")
    return int(value)


def _switch(value: Any) -> bool:
    if value not in (0, 1):
        raise ValueError("true or false (1 or 0)")
    return bool(value)


def _path(value: Any) -> Any:
    if not isinstance(value, str | Path) or "\0" in str(value) or not Path(value).is_absolute():
        raise ValueError("an absolute path")
    return value


def _names(value: Any) -> Any:
    return tuple(name.strip() for name in value.split(",")) if isinstance(value, str) else value


_RANGE = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*-\s*(-?\d+(?:\.\d+)?)\s*")


def _ranges(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    matches = [_RANGE.fullmatch(part) for part in value.split(",")]
    if None in matches:
        raise ValueError("seconds as in 4.0-6.0,10.5-12.0")
    return tuple((float(match[1]), float(match[2])) for match in matches if match)


def _tempo_map(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError("a JSON list of [seconds, bpm, numerator, denominator]") from None


def _json_object(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError('a JSON object, e.g. {"sampler": "heun"}') from None


Number: TypeAlias = Annotated[float, BeforeValidator(_number)]
Whole: TypeAlias = Annotated[int, BeforeValidator(_whole)]
Switch: TypeAlias = Annotated[bool, BeforeValidator(_switch)]
FilePath: TypeAlias = Annotated[Path, BeforeValidator(_path)]
Position: TypeAlias = Annotated[Number, Ge(-MAX_POSITION_SECONDS), Le(MAX_POSITION_SECONDS)]
FromZero: TypeAlias = Annotated[Number, Ge(0), Le(MAX_POSITION_SECONDS)]
Length: TypeAlias = Annotated[Number, Ge(MIN_SECONDS), Le(MAX_SECONDS)]
Fraction: TypeAlias = Annotated[Number, Ge(0), Le(1)]
Tempo: TypeAlias = Annotated[Number, Ge(30), Le(300)]
TempoChange: TypeAlias = tuple[Position, Tempo, Annotated[Whole, Ge(1), Le(32)], Annotated[Whole, Ge(1), Le(32)]]
Text: TypeAlias = Annotated[str, StringConstraints(max_length=4096)]
FileName: TypeAlias = Annotated[
    str,
    StringConstraints(
        max_length=100, pattern=r'^[^\x00-\x1f/\\:*?"<>|. ]([^\x00-\x1f/\\:*?"<>|]*[^\x00-\x1f/\\:*?"<>|. ])?$'
    ),
]
Meter: TypeAlias = Annotated[str, StringConstraints(pattern=r"^([1-9]|[12][0-9]|3[0-2])/(1|2|4|8|16|32)$")]
Key: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-G][#b♯♭]? (major|minor)$")]
Track: TypeAlias = Literal[INSTRUMENTS]  # type: ignore[valid-type]
Stem: TypeAlias = Literal[STEMS]  # type: ignore[valid-type]
PlannerUse: TypeAlias = Literal["auto", "on", "off", "inspire", "rewrite"]
FileFormat: TypeAlias = Literal["wav32f", "wav24", "flac"]


class RenderSpec(BaseModel):
    """What is asked for. Times are seconds from `source_start` unless said otherwise; raises InvalidSpec through `parse`."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    verb: Verb
    prompt: Annotated[Text, Field(description="caption: style, instruments, mood")] = ""
    lyrics: Annotated[Text, Field(description="lyrics, with [Verse] and [Chorus] tags")] = ""
    language: Annotated[
        str, StringConstraints(pattern=r"^([a-z]{2,3}|unknown)$"), Field(description="ISO code of the lyrics' language")
    ] = "unknown"
    bpm: Annotated[Tempo, Field(description="tempo in quarter notes a minute, as the project has it")] | None = None
    meter: Annotated[Meter, Field(description="time signature")] | None = None
    key: Annotated[Key, Field(description="key, e.g. C minor")] | None = None
    tempo_map: Annotated[
        tuple[TempoChange, ...] | None,
        BeforeValidator(_tempo_map),
        Field(description="JSON list of [seconds, bpm, numerator, denominator] where the tempo is not constant"),
    ] = None
    source: Annotated[FilePath, Field(description="absolute path of the audio file to work on")] | None = None
    source_start: Annotated[FromZero, Field(description="where in the file the source begins")] = 0.0
    source_length: Annotated[Length, Field(description="how much of the file is the source; default: all")] | None = (
        None
    )
    start: Annotated[Position, Field(description="start of the selection")] | None = None
    end: Annotated[Position, Field(description="end of the selection")] | None = None
    ranges: Annotated[
        tuple[tuple[Position, Position], ...] | None,
        BeforeValidator(_ranges),
        Field(description="several selections, e.g. 4.0-6.0,10.5-12.0", min_length=1, max_length=64),
    ] = None
    length: Annotated[Length, Field(description="length of a new piece")] | None = None
    bars: Annotated[Whole, Ge(1), Le(999), Field(description="length of a new piece in bars; goes with bpm")] | None = (
        None
    )
    context_before: Annotated[Number, Ge(0), Le(MAX_SECONDS), Field(description="seconds the engine hears before")] = (
        20.0
    )
    context_after: Annotated[Number, Ge(0), Le(MAX_SECONDS), Field(description="seconds the engine hears after")] = 20.0
    reference: Annotated[FilePath, Field(description="audio file whose timbre is followed")] | None = None
    track: Annotated[Track, Field(description="instrument to add")] | None = None
    tracks: Annotated[
        tuple[Stem, ...] | None,
        BeforeValidator(_names),
        Field(description="stems or instruments, comma separated", min_length=1, max_length=len(STEMS)),
    ] = None
    strength: (
        Annotated[Fraction, Field(description="how closely a cover keeps to the source, how much a repaint may change")]
        | None
    ) = None
    seed: Annotated[Whole, Ge(RANDOM_SEED), Le(2**32 - 1), Field(description="first seed; -1: random")] = RANDOM_SEED
    takes: Annotated[Whole, Ge(1), Le(MAX_TAKES), Field(description="how many takes, seeds counted up")] = 1
    preset: Annotated[Text, Field(description="named preset")] = ""
    engine: Annotated[
        str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$"), Field(description="draft, acestep or auto")
    ] = "auto"
    model: Annotated[Text, Field(description="checkpoint name")] = ""
    lora: Annotated[Text, Field(description="adapters, e.g. name:0.8,other:1.0")] = ""
    planner: Annotated[
        PlannerUse,
        Field(
            description="plan the music with a language model first: auto where memory allows, on, off; inspire writes words "
            "from a short prompt, rewrite makes yours better"
        ),
    ] = "auto"
    lrc: Annotated[Switch, Field(description="with each new piece an LRC file of when its lyrics are sung")] = False
    rank: Annotated[Switch, Field(description="takes are scored by the planner, and the best comes first")] = False
    steps: Annotated[Whole, Ge(1), Le(200), Field(description="diffusion steps")] | None = None
    guidance: Annotated[Number, Ge(0), Le(30), Field(description="guidance scale")] | None = None
    shift: Annotated[Number, Ge(0.1), Le(10), Field(description="timestep shift")] | None = None
    expert: Annotated[
        Expert | None,
        BeforeValidator(_json_object),
        Field(description="JSON object of further diffusion settings: " + ", ".join(Expert.model_fields)),
    ] = None
    sample_rate: (
        Annotated[Whole, Ge(8000), Le(384000), Field(description="of the clips; default: the source's, else 48000")]
        | None
    ) = None
    format: Annotated[FileFormat, Field(description="file format of the clips")] = "wav32f"
    crossfade: Annotated[Number, Ge(0), Le(5), Field(description="seconds of cross-fade at each seam")] = 0.03
    handles: Annotated[Number, Ge(0), Le(10), Field(description="extra seconds before and after the selection")] = 0.0
    whole: Annotated[
        Switch,
        Field(description="repaint, continue: the clip is the whole source, with what was rendered in its place"),
    ] = False
    loop: Annotated[Switch, Field(description="the clip loops: its end flows into its start")] = False
    stems: Annotated[Switch, Field(description="generate, cover: beside the mix each part that plays in it")] = False
    midi: Annotated[
        Switch, Field(description="with each clip a MIDI file of its notes: as played, or of extract as heard")
    ] = False
    directory: Annotated[FilePath, Field(description="existing folder for the clips")] | None = None
    name: Annotated[FileName, Field(description="stem of the clips' file names")] | None = None
    position: Annotated[Position, Field(description="project seconds of the source's start")] | None = None
    cookie: Annotated[str, StringConstraints(max_length=1024), Field(description="echoed with every reply")] = ""

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Validate keys and values from the outside; raises InvalidSpec with a sentence for the user."""
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise InvalidSpec(explain(error, cls, KEYS)) from None

    @property
    def meter_parts(self) -> tuple[int, int]:
        """Beats a bar and the note value of a beat; 4/4 unless said otherwise."""
        beats, value = (self.meter or "4/4").split("/")
        return int(beats), int(value)

    @property
    def seconds(self) -> Seconds:
        """Length of a new piece."""
        if self.length is not None:
            return Seconds(self.length)
        assert self.bars is not None
        assert self.bpm is not None
        beats, value = self.meter_parts
        return Seconds(self.bars * beats * 4 / value * 60 / self.bpm)

    @property
    def selections(self) -> tuple[tuple[Seconds, Seconds], ...]:
        """Start and end of each selection, in order of time."""
        if self.ranges is not None:
            return tuple((Seconds(start), Seconds(end)) for start, end in sorted(self.ranges))
        if self.start is None or self.end is None:
            return ()
        return ((Seconds(self.start), Seconds(self.end)),)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        missing = [key for key in NEEDS[self.verb] if getattr(self, key) in (None, "")]
        if missing:
            raise ValueError(f"{self.verb} needs {listed(NEEDS[self.verb])}; {listed(missing)} did not come")
        return self

    @model_validator(mode="after")
    def _length_of_a_new_piece(self) -> Self:
        if self.verb is not Verb.GENERATE:
            if self.loop:
                raise ValueError(f"loop: only generate makes loops, this is {self.verb}")
            return self
        if self.length is None and (self.bars is None or self.bpm is None):
            raise ValueError("generate needs length, or bars and bpm; neither came")
        if self.length is not None and self.bars is not None:
            raise ValueError("length and bars both came: give one of them")
        if not MIN_SECONDS <= self.seconds <= MAX_SECONDS:
            raise ValueError(
                f"bars: the piece must last {MIN_SECONDS:g}-{MAX_SECONDS:g} seconds, {self.bars} bars last {self.seconds:g}"
            )
        return self

    @model_validator(mode="after")
    def _selections_are_legal(self) -> Self:
        if self.ranges is not None and (self.start is not None or self.end is not None):
            raise ValueError("ranges came beside start or end: give one of them")
        if self.ranges is not None and self.verb is not Verb.REPAINT:
            raise ValueError(f"ranges: only repaint takes several selections, this is {self.verb}")
        if (self.start is None) != (self.end is None):
            raise ValueError("start and end go together; only one of them came")
        if self.verb is Verb.REPAINT and not self.selections:
            raise ValueError("repaint needs start and end, or ranges; neither came")
        for start, end in self.selections:
            if not MIN_SECONDS <= round(end - start, 9) <= MAX_SECONDS and self.verb is not Verb.CONTINUE:
                raise ValueError(
                    f"end: a selection lasts {MIN_SECONDS:g}-{MAX_SECONDS:g} seconds, {start:g} to {end:g} lasts {end - start:g}"
                )
            if end <= start:
                raise ValueError(f"end: must lie after start, {start:g} to {end:g} came")
        pairs = zip(self.selections, self.selections[1:], strict=False)
        for (first, end), (start, last) in pairs:
            if start < end:
                raise ValueError(f"ranges: {first:g}-{end:g} and {start:g}-{last:g} overlap")
        return self

    @model_validator(mode="after")
    def _whole_source_is_legal(self) -> Self:
        if self.whole and self.verb not in {Verb.REPAINT, Verb.CONTINUE}:
            raise ValueError(f"whole: only repaint and continue change a part of the source, this is {self.verb}")
        return self

    @model_validator(mode="after")
    def _tracks_are_legal(self) -> Self:
        stems_only = {OTHER, RESIDUAL, ALL}.intersection(self.tracks or ())
        if stems_only and self.verb is not Verb.EXTRACT:
            raise ValueError(f"tracks: {listed(sorted(stems_only))} goes with extract, this is {self.verb}")
        if self.stems and self.verb not in {Verb.GENERATE, Verb.COVER}:
            raise ValueError(f"stems: goes with generate and cover, this is {self.verb}")
        if self.midi and self.verb in {Verb.REPAINT, Verb.CONTINUE, Verb.UNDERSTAND}:
            raise ValueError(f"midi: goes with generate, cover, lego, complete and extract, this is {self.verb}")
        if self.verb in {Verb.EXTRACT, Verb.UNDERSTAND} and self.takes != 1:
            raise ValueError(f"takes: {self.verb} has one result, {self.takes} takes came")
        return self

    @model_validator(mode="after")
    def _planner_has_words(self) -> Self:
        if self.planner in {"inspire", "rewrite"} and self.verb is not Verb.GENERATE:
            raise ValueError(f"planner: {self.planner} goes with generate, this is {self.verb}")
        if self.lrc and (self.verb is not Verb.GENERATE or not (self.lyrics or self.planner == "inspire")):
            raise ValueError("lrc: goes with generate and lyrics")
        if self.rank and (self.verb is not Verb.GENERATE or self.planner == "off"):
            raise ValueError("rank: only the planner ranks takes, and only those of generate")
        return self

    @model_validator(mode="after")
    def _tempo_map_is_in_order(self) -> Self:
        times = [change[0] for change in self.tempo_map or ()]
        if times != sorted(set(times)):
            raise ValueError("tempo_map: its times must rise")
        return self


KEYS: tuple[str, ...] = tuple(key for key in RenderSpec.model_fields if key != "verb")
