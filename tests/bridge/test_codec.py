"""Messages become OSC bytes and come back equal, through python-osc's own reader."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from pythonosc.osc_message import OscMessage

from bridge.osc.guard import messages
from bridge.presets import Preset
from bridge.protocol import messages as m
from bridge.protocol.codec import BadRequest, decode, decode_reply, encode, encode_request, reply_port
from bridge.protocol.table import TABLE
from engine.spec import KEYS, Verb

CLIP = m.ClipReady(
    job_id="j1",
    index=0,
    count=2,
    path=Path("/clips/a b.wav"),
    take=1,
    track="mix",
    start=-4.5,
    frames=2**40,
    sample_rate=44100,
    channels=2,
    seed=2**32 - 1,
    peak_db=-1.25,
    lufs=-16.0,
    beat_error_ms=-1.0,
    silent=False,
    engine="draft",
    compute_seconds=0.25,
    cookie="track {1F}",
)
REPLIES = [
    CLIP,
    CLIP.model_copy(update={"midi": Path("/clips/a b.mid")}),
    m.Described(job_id="j", engine="draft", chords="[]", lufs=-12.0, peak_db=-1.0, seconds=8.5),
    m.Described(
        job_id="j",
        engine="acestep",
        bpm=120.0,
        key="A minor",
        lyrics="[Verse]\nnach Süden",
        measured_bpm=119.9,
        chords='[[0.0,"Am"]]',
        lufs=-12.0,
        peak_db=-1.0,
        seconds=8.5,
        note="n",
        cookie="c",
    ),
    m.Accepted(request_id="r", job_id="j"),
    m.Rejected(request_id="r", code="invalid", message="bpm: must be 30 to 300, 500 came"),
    m.Progressed(job_id="j", fraction=0.5, stage="rendering", eta_seconds=-1.0),
    m.Done(job_id="j", count=3, cookie="ü"),
    m.Failed(job_id="j", code="disk_full", message="no room", cookie=""),
    m.Cancelled(job_id="j", cookie="c"),
    m.Welcome(request_id="r", protocol=1, version="0.1.0", engines="draft", state="/s"),
    m.Pong(request_id="r"),
    m.JobListed(job_id="j", verb="repaint", state="queued", fraction=0.0, stage="queued", prompt="x"),
    m.StatusEnd(request_id="r", count=1),
    m.PresetListed(name="n", verb="generate", description="d"),
    m.PresetsEnd(request_id="r", count=1),
    m.ModelListed(name="n", engine="draft", state="built in", size=2**33),
    m.ModelsEnd(request_id="r", count=1),
    m.PutOk(request_id="r", upload="0" * 64, received=2**40, total=2**41),
    m.Part(request_id="r", offset=0, total=2**33, checksum="f" * 64, data=b"\0\xff" * 3),
    m.Playing(job_id="j", take=0, device="d", latency=0.02, sample_rate=48000, seconds=2.0, gain_db=-1.5),
    m.Stopped(job_id="j", reason="ended", underruns=0),
    m.Run(trigger_id="t", action="repaint", parameters={"strength": 0.5, "preset": "x"}),
]


def arrived(packet):
    (message,) = messages(packet)
    return message.address, message.arguments


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: type(reply).__name__)
def test_every_reply_comes_back_equal(reply):
    assert decode_reply(*arrived(encode(reply))) == reply


def test_the_list_above_is_complete():
    assert {type(reply) for reply in REPLIES} == {row.model for row in TABLE.values() if issubclass(row.model, m.Reply)}


def test_times_travel_as_doubles_and_frames_as_64_bits():
    packet = encode(CLIP)
    tags = packet[packet.index(b",") : packet.index(b"\0", packet.index(b","))].decode()
    pairs = dict(zip(OscMessage(packet).params[4::2], tags[6::2], strict=True))
    assert tags[:5] == ",siis"
    assert (pairs["start"], pairs["frames"], pairs["seed"], pairs["sample_rate"], pairs["silent"]) == (
        "d",
        "h",
        "h",
        "i",
        "F",
    )


@pytest.mark.parametrize("verb", Verb)
def test_a_render_request_takes_every_key_of_the_spec(verb):
    row = TABLE[f"/punchin/{verb}"]
    assert [argument.name for argument in row.keys] == [*KEYS, "reply_port"]


def test_a_clip_on_another_machine_has_a_name_instead_of_a_path():
    told = CLIP.model_copy(update={"path": "remote:j1/0", "file": "a b.wav"})
    read = decode_reply(*arrived(encode(told)))
    assert (read.path.as_posix(), read.file) == ("remote:j1/0", "a b.wav")


@pytest.mark.parametrize("file", ["../a.wav", "/etc/passwd", "..", "a\\b.wav", "C:evil.wav", ".hidden"])
def test_a_file_name_of_a_reply_is_no_path(file):
    with pytest.raises(ValidationError):
        decode_reply(*arrived(encode(CLIP.model_copy(update={"file": file}))))


PIECE = {"upload": "a" * 64, "offset": 0, "total": 9, "checksum": "b" * 64, "data": b"x"}


def test_a_piece_of_a_file_is_bytes_within_bounds():
    put = decode(*arrived(encode(m.Put(request_id="r", **PIECE))), {})
    assert put == m.Put(request_id="r", **PIECE)
    for wrong in (
        {"upload": "../" + "a" * 61},
        {"upload": "A" * 64},
        {"checksum": ""},
        {"offset": -1},
        {"total": 0},
        {"data": b""},
        {"data": b"x" * (m.LARGEST_PIECE + 1)},
        {"data": "text"},
    ):
        code, message = refused("/punchin/put", "r", *(PIECE | wrong).values())[1:]
        assert code == "invalid"
        assert message.startswith((next(iter(wrong)), "argument 6"))


def test_binary_data_is_taken_nowhere_else():
    assert refused("/punchin/status", "r", "job", b"j")[1:] == ("invalid", "argument 3 cannot be binary data (a blob)")
    assert refused("/punchin/ping", b"r")[:2] == ("", "invalid")
    assert refused("/punchin/generate", "r", "prompt", b"x", "length", 4.0)[1] == "invalid"
    assert refused("/punchin/retry", "r", "job", "j", "prompt", b"x")[1] == "invalid"


def test_a_request_is_typed_and_keeps_what_came():
    packet = encode_request(
        "/punchin/repaint", "r-1", {"source": "/a.wav", "start": 4, "end": 8.5, "takes": 3, "loop": False}
    )
    request = decode(*arrived(packet), {})
    assert isinstance(request, m.Render)
    assert (request.request_id, request.spec.verb, request.spec.selections, request.spec.takes) == (
        "r-1",
        "repaint",
        ((4.0, 8.5),),
        3,
    )


def refused(address, *arguments, presets=None):
    with pytest.raises(BadRequest) as caught:
        decode(address, arguments, presets or {})
    return caught.value.request_id, caught.value.code, str(caught.value)


def test_what_is_not_legal_is_refused_in_words():
    assert refused("/punchin/ping") == ("", "invalid", "/punchin/ping begins with request_id, which did not come")
    assert refused("/punchin/status", "r", "job") == (
        "r",
        "invalid",
        "keys and values alternate; the last key, 'job', came without a value",
    )
    assert refused("/punchin/status", "r", 5, "x")[2] == "keys are text; 5 came where a key belongs"
    assert refused("/punchin/status", "r", "job", "a", "job", "b")[2] == "job: came twice"
    assert refused("/punchin/status", "r", "jop", "a")[2] == "jop: no such key; the keys are reply_port, job"
    assert refused("/punchin/cancel", "r")[2] == "job: is needed and did not come"
    assert refused("/punchin/ping", "x" * 65)[2].startswith("request_id: must be at most 64 characters")
    assert refused("/punchin/ping", "")[2].startswith("request_id: must be at least 1 character")
    assert refused("/punchin/ping", "r", "reply_port", 70000)[2] == "reply_port: must be 1 to 65535, 70000 came"
    assert (
        refused("/punchin/hello", "r", "client", "c", "role", "boss")[2]
        == "role: must be one of daw, surface or tool, 'boss' came"
    )
    assert refused("/punchin/generate", "r", "prompt", "x", "length", 4.0, "preset", "nope") == (
        "r",
        "not_found",
        "preset: there is no 'nope'; there are none",
    )


def test_addresses_that_clients_may_not_send_are_passed_over():
    assert decode("/punchin/done", ("j", 1, ""), {}) is None
    assert decode("/punchin/nonsense", ("r",), {}) is None
    assert decode("/other/ping", ("r",), {}) is None


def test_open_keys_of_retry_and_trigger_are_kept_apart():
    retry = decode("/punchin/retry", ("r", "job", "j", "seed", 5, "prompt", "more"), {})
    assert (retry.job, retry.changes) == ("j", {"seed": 5, "prompt": "more"})
    trigger = decode("/punchin/trigger", ("r", "action", "repaint", "strength", 0.5), {})
    assert (trigger.action, trigger.parameters) == ("repaint", {"strength": 0.5})


def test_the_reply_port_is_found_even_in_a_request_that_is_refused():
    assert reply_port("/punchin/generate", ("r", "bpm", 999, "reply_port", 9001)) == 9001
    assert reply_port("/punchin/generate", ("r", "reply_port", 9001.0)) == 9001
    for wrong in (0, 65536, "9001", True):
        assert reply_port("/punchin/generate", ("r", "reply_port", wrong)) is None


def test_a_preset_gives_what_the_request_does_not_say():
    known = {"loop": Preset("loop", Verb.GENERATE, "d", {"bars": 8, "bpm": 82, "loop": True, "prompt": "lofi"})}
    request = decode("/punchin/generate", ("r", "preset", "loop", "bpm", 90.0), known)
    assert (request.spec.bpm, request.spec.bars, request.spec.loop, request.spec.prompt) == (90.0, 8, True, "lofi")


def test_a_length_takes_the_place_of_the_bars_of_a_preset():
    known = {"loop": Preset("loop", Verb.GENERATE, "", {"prompt": "lofi", "bars": 8, "bpm": 82.0})}
    spec = decode("/punchin/generate", ("r", "preset", "loop", "length", 4.0), known).spec
    assert (spec.length, spec.bars, spec.bpm) == (4.0, None, 82.0)
