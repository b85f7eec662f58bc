"""Every address of the protocol as a typed message; `bridge.protocol.table` is made from these classes.

Fields named in `positional` stand first, in that order; the others travel as key and value, and only when they are set.
"""

import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from engine.spec import FileName, FilePath, Number, RenderSpec, Switch, Tempo, Whole


class Tag(NamedTuple):
    """The OSC type tag of a field whose Python type leaves a choice."""

    osc: str


Long = Annotated[Whole, Tag("h")]
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Port = Annotated[Whole, Field(ge=1, le=65535)]

LARGEST_PIECE = 64 * 1024
"""Bytes of a file that one message carries."""
LARGEST_GET = 8 * LARGEST_PIECE
"""Bytes that one request fetches."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_REMOTE_CLIP = re.compile(r"remote:[^/\\]{1,64}/\d{1,4}")


def _digest(value: Any) -> Any:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise ValueError("a SHA-256 in 64 hexadecimal digits")
    return value


def _remote_clip(value: Any) -> Any:
    if not _REMOTE_CLIP.fullmatch(str(value)):
        raise ValueError("remote:<job>/<index>")
    return value


def _piece(value: Any) -> Any:
    if not isinstance(value, bytes) or not 1 <= len(value) <= LARGEST_PIECE:
        raise ValueError(f"1 to {LARGEST_PIECE} bytes")
    return value


Digest = Annotated[str, BeforeValidator(_digest)]
ClipPath = FilePath | Annotated[Path, BeforeValidator(_remote_clip)]
"""Where a clip is; on another machine a name that is no path."""
Piece = Annotated[bytes, BeforeValidator(_piece)]


class Message(BaseModel):
    """One OSC message."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    address: ClassVar[str]
    positional: ClassVar[tuple[str, ...]] = ()


class Request(Message):
    """From a client to the daemon."""

    positional: ClassVar[tuple[str, ...]] = ("request_id",)
    replies: ClassVar[tuple[str, ...]] = ()

    request_id: Annotated[Identifier, Field(description="made by the client, unique per client")]
    reply_port: Annotated[Port, Field(description="UDP port of the same host that replies go to")] | None = None


class Reply(Message):
    """From the daemon to a client."""


# Requests that render


class Render(Request):
    """Render clips, or describe a source."""

    replies = ("accepted", "rejected", "progress", "clip", "done", "failed", "cancelled")
    spec: RenderSpec


# Requests of other kinds


class Hello(Request):
    """Says who the client is; what it has not received comes again, in order."""

    address = "/punchin/hello"
    replies = ("welcome", "rejected")
    client: Annotated[Identifier, Field(description="a name that stays the same over restarts")]
    role: Annotated[Literal["daw", "surface", "tool"], Field(description="what kind of client")] = "tool"
    daw: Annotated[str, Field(description="reaper, live, ardour, …")] | None = None
    version: Annotated[str, Field(description="of the client")] | None = None
    project: Annotated[str, Field(description="name of the open project")] | None = None
    token: Annotated[str, Field(description="needed off loopback only")] | None = None


class Ping(Request):
    """Asks whether the daemon is there, and whether rendering is paused."""

    address = "/punchin/ping"
    replies = ("pong",)


class Status(Request):
    """Lists one job, or the newest; queued ones last, the next one first. A finished job named here comes with its results."""

    address = "/punchin/status"
    replies = ("job", "status_end", "rejected")
    job: Annotated[Identifier, Field(description="job id")] | None = None


class Cancel(Request):
    """Stops a job."""

    address = "/punchin/cancel"
    replies = ("accepted", "rejected", "cancelled")
    job: Annotated[Identifier, Field(description="job id")]


class Retry(Request):
    """Renders a job's spec again as a new job; further keys change the spec."""

    address = "/punchin/retry"
    replies = ("accepted", "rejected")
    job: Annotated[Identifier, Field(description="job id")]
    changes: dict[str, Any] = {}


class Received(Message):
    """The client has the result: it is not sent again."""

    address = "/punchin/received"
    positional = ("job_id",)
    job_id: Annotated[Identifier, Field(description="job id")]
    reply_port: Port | None = None


class Pause(Request):
    """Stops rendering and frees the engines' memory, until resume; the job in the middle is queued again, new ones wait."""

    address = "/punchin/pause"
    replies = ("accepted", "rejected")


class Resume(Request):
    """Renders what is queued."""

    address = "/punchin/resume"
    replies = ("accepted", "rejected")


class Subscribe(Request):
    """Asks for a copy of every job's progress, done, failed and cancelled; where each stands now comes at once."""

    address = "/punchin/subscribe"
    replies = ("accepted",)


class Unsubscribe(Request):
    """Ends a subscription."""

    address = "/punchin/unsubscribe"
    replies = ("accepted",)


class Presets(Request):
    """Lists the presets."""

    address = "/punchin/presets"
    replies = ("preset", "presets_end")


class Models(Request):
    """Lists the models of all engines."""

    address = "/punchin/models"
    replies = ("model", "models_end")


class Trigger(Request):
    """A pad or key: passed as `run` to the focused DAW client, which adds its selection; without one the last job is meant."""

    address = "/punchin/trigger"
    replies = ("accepted", "rejected")
    action: Annotated[Identifier, Field(description="what to do, e.g. repaint")]
    parameters: dict[str, Any] = {}


class Focus(Request):
    """Makes this DAW client the one that triggers go to."""

    address = "/punchin/focus"
    replies = ("accepted", "rejected")


class Audition(Request):
    """Plays a take on the audio device of the daemon's machine, in place of what plays; in a loop at the same beat."""

    address = "/punchin/audition"
    replies = ("accepted", "rejected", "playing", "stopped")
    job: Annotated[Identifier, Field(description="job id; default: the last that was rendered")] | None = None
    take: Annotated[Whole, Field(ge=0, le=8, description="take number; 0: the original")] = 1
    track: Annotated[str, Field(description="which stem or instrument, of a job with several")] | None = None
    mode: Annotated[Literal["solo", "context"], Field(description="alone or in its surroundings")] = "solo"
    loop: Annotated[Switch, Field(description="again and again, in whole bars")] = False
    bpm: Annotated[Tempo, Field(description="tempo of the bars; default: that of the job")] | None = None
    match: Annotated[Switch, Field(description="takes and original equally loud; with solo")] = False
    around: (
        Annotated[
            Number, Field(ge=0, le=60, description="seconds of surroundings on each side; default: two bars or 4")
        ]
        | None
    ) = None


class Put(Request):
    """Brings a piece of a file, in order. Once the whole has the SHA-256 that names it, `source upload:<SHA-256>` is legal."""

    address = "/punchin/put"
    positional = ("request_id", "upload", "offset", "total", "checksum", "data")
    replies = ("put_ok", "rejected")
    upload: Annotated[Digest, Field(description="SHA-256 of the whole file")]
    offset: Annotated[Long, Field(ge=0)]
    total: Annotated[Long, Field(ge=1)]
    checksum: Annotated[Digest, Field(description="SHA-256 of the piece")]
    data: Piece


class Get(Request):
    """Fetches a stretch of a clip's file, at most 524288 bytes, in pieces of at most 65536."""

    address = "/punchin/get"
    positional = ("request_id", "job", "index", "offset", "length")
    replies = ("part", "rejected")
    job: Identifier
    index: Annotated[Whole, Field(ge=0, le=9999)]
    offset: Annotated[Long, Field(ge=0)]
    length: Annotated[Long, Field(ge=1, le=LARGEST_GET)]


class Stop(Request):
    """Ends an audition."""

    address = "/punchin/stop"
    replies = ("accepted", "rejected")


# Replies


class Accepted(Reply):
    """The request is taken; a job is stored on disk. Requests that make no job answer with an empty job id."""

    address = "/punchin/accepted"
    positional = ("request_id", "job_id")
    request_id: str
    job_id: str


class Rejected(Reply):
    """Nothing was stored; the message says what was wrong and what is legal."""

    address = "/punchin/rejected"
    positional = ("request_id", "code", "message")
    request_id: str
    code: str
    message: str


class Progressed(Reply):
    """How far a job is; at least once a second until it ends. `eta_seconds`: until it is done, jobs before it included."""

    address = "/punchin/progress"
    positional = ("job_id", "fraction", "stage", "eta_seconds")
    job_id: str
    fraction: Number
    stage: str
    eta_seconds: Number


class ClipReady(Reply):
    """A clip is complete under its final name."""

    address = "/punchin/clip"
    positional = ("job_id", "index", "count", "path")
    job_id: str
    index: Whole
    count: Whole
    path: ClipPath
    take: Annotated[Whole, Field(description="take number, from 1")]
    track: Annotated[str, Field(description="stem or instrument; mix for a single result")]
    start: Annotated[Number, Field(description="seconds from source_start of the first frame")]
    frames: Annotated[Long, Field(description="length in frames")]
    sample_rate: Annotated[Whole, Field(description="frames a second")]
    channels: Annotated[Whole, Field(description="channel count")]
    seed: Annotated[Long, Field(description="seed of this take")]
    peak_db: Annotated[Number, Field(description="highest sample, dBFS")]
    lufs: Annotated[Number, Field(description="integrated loudness")]
    beat_error_ms: Annotated[Number, Field(description="median distance of onsets from the grid; -1 unknown")]
    silent: Annotated[Switch, Field(description="nothing to hear, as in the stem of an absent instrument")]
    engine: Annotated[str, Field(description="which engine rendered it")]
    compute_seconds: Annotated[Number, Field(description="how long the engine took")]
    position: Annotated[Number, Field(description="echoed: project seconds of the source's start")] | None = None
    score: (
        Annotated[Number, Field(description="how well the take does what was asked for, 0 to 1, with rank")] | None
    ) = None
    note: Annotated[str, Field(description="what to know of how it was made")] | None = None
    lrc: Annotated[FilePath, Field(description="LRC file: when each line of the lyrics is sung")] | None = None
    midi: Annotated[FilePath, Field(description="MIDI file of its notes; time 0 is the clip's first frame")] | None = (
        None
    )
    file: Annotated[FileName, Field(description="name of the file, told to another machine")] | None = None
    cookie: Annotated[str, Field(description="echoed from the request")] = ""


class Described(Reply):
    """What was heard in the source of `understand`. Keys without a value are left out: what the engine does not know."""

    address = "/punchin/description"
    positional = ("job_id",)
    job_id: str
    engine: Annotated[str, Field(description="which engine described it")]
    bpm: Annotated[Number, Field(description="tempo, as the engine has it")] | None = None
    key: Annotated[str, Field(description="key, as the engine has it")] | None = None
    meter: Annotated[str, Field(description="time signature, as the engine has it")] | None = None
    language: Annotated[str, Field(description="ISO code of the lyrics' language")] | None = None
    caption: Annotated[str, Field(description="style, instruments, mood")] | None = None
    lyrics: Annotated[str, Field(description="lyrics, with tags")] | None = None
    tempo_map: (
        Annotated[str, Field(description="JSON list of [seconds, bpm, numerator, denominator], from source_start")]
        | None
    ) = None
    measured_bpm: Annotated[Number, Field(description="tempo, measured; missing where nothing repeats")] | None = None
    measured_key: Annotated[str, Field(description="key, measured; missing for silence")] | None = None
    measured_meter: Annotated[str, Field(description="3/4 or 4/4, measured; missing without a tempo")] | None = None
    chords: Annotated[
        str,
        Field(description="JSON list of [seconds from source_start, name], measured; N: none; empty where unclear"),
    ]
    lufs: Annotated[Number, Field(description="integrated loudness")]
    peak_db: Annotated[Number, Field(description="highest sample, dBFS")]
    seconds: Annotated[Number, Field(description="how much was heard")]
    note: Annotated[str, Field(description="what to know of how it was made")] | None = None
    cookie: Annotated[str, Field(description="echoed from the request")] = ""


class Done(Reply):
    """After the last clip of a job, or after its description; `count` counts clips."""

    address = "/punchin/done"
    positional = ("job_id", "count", "cookie")
    job_id: str
    count: Whole
    cookie: str = ""


class Failed(Reply):
    """The job ended without clips; the message says why and what to do."""

    address = "/punchin/failed"
    positional = ("job_id", "code", "message", "cookie")
    job_id: str
    code: str
    message: str
    cookie: str = ""


class Cancelled(Reply):
    """Compute has stopped."""

    address = "/punchin/cancelled"
    positional = ("job_id", "cookie")
    job_id: str
    cookie: str = ""


class Welcome(Reply):
    """Answer to hello."""

    address = "/punchin/welcome"
    positional = ("request_id", "protocol", "version", "engines", "state")
    request_id: str
    protocol: Whole
    version: str
    engines: str
    state: str


class Pong(Reply):
    """Answer to ping."""

    address = "/punchin/pong"
    positional = ("request_id",)
    request_id: str
    state: Annotated[str, Field(description="only while rendering is paused: what to do about it")] | None = None


class JobListed(Reply):
    """One job of a status."""

    address = "/punchin/job"
    positional = ("job_id", "verb", "state", "fraction", "stage", "prompt")
    job_id: str
    verb: str
    state: str
    fraction: Number
    stage: str
    prompt: str


class StatusEnd(Reply):
    """After the last job of a status."""

    address = "/punchin/status_end"
    positional = ("request_id", "count")
    request_id: str
    count: Whole


class PresetListed(Reply):
    """One preset."""

    address = "/punchin/preset"
    positional = ("name", "verb", "description")
    name: str
    verb: str
    description: str


class PresetsEnd(Reply):
    """After the last preset."""

    address = "/punchin/presets_end"
    positional = ("request_id", "count")
    request_id: str
    count: Whole


class ModelListed(Reply):
    """One model."""

    address = "/punchin/model"
    positional = ("name", "engine", "state", "size")
    name: str
    engine: str
    state: str
    size: Long


class ModelsEnd(Reply):
    """After the last model."""

    address = "/punchin/models_end"
    positional = ("request_id", "count")
    request_id: str
    count: Whole


class PutOk(Reply):
    """The daemon has so many bytes of an upload and goes on there; with all of them it is complete and verified."""

    address = "/punchin/put_ok"
    positional = ("request_id", "upload", "received", "total")
    request_id: str
    upload: Digest
    received: Long
    total: Long


class Part(Reply):
    """A piece of a clip's file."""

    address = "/punchin/part"
    positional = ("request_id", "offset", "total", "checksum", "data")
    request_id: str
    offset: Long
    total: Annotated[Long, Field(description="bytes of the whole file")]
    checksum: Digest
    data: Piece


class Playing(Reply):
    """A take is heard from now on: to who asked, and to subscribers."""

    address = "/punchin/playing"
    positional = ("job_id", "take")
    job_id: str
    take: Whole
    device: Annotated[str, Field(description="name of the device")]
    latency: Annotated[Number, Field(description="seconds to the device's output, as the system tells; -1 unknown")]
    sample_rate: Annotated[Whole, Field(description="of the device")]
    seconds: Annotated[Number, Field(description="length, of one round of a loop")]
    gain_db: Annotated[Number, Field(description="by which the take was changed to match the others")]


class Stopped(Reply):
    """A take is not heard any more. Reasons: ended, stopped, replaced, device_lost."""

    address = "/punchin/stopped"
    positional = ("job_id", "reason")
    job_id: str
    reason: str
    underruns: Annotated[Whole, Field(description="how often the device waited for audio in vain")]


class Run(Reply):
    """A trigger, for the DAW client that has the focus."""

    address = "/punchin/run"
    positional = ("trigger_id", "action")
    trigger_id: str
    action: str
    parameters: dict[str, Any] = {}
