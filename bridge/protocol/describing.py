"""What a client is told of a source that was understood, within what one datagram carries."""

import json
from collections.abc import Iterator

from bridge.protocol.codec import encode
from bridge.protocol.messages import Described
from engine.jobs import Job
from engine.understanding import Understanding

LARGEST_DESCRIPTION = 8 * 1024
"""Bytes of the message: clients need not take longer datagrams."""
_TEXTS = {"chords": "the later chords", "lyrics": "the end of the lyrics", "caption": "the end of the caption"}


def description(job: Job, found: Understanding) -> Described:
    """The message; what is too long for it is cut, chords first, and its note says so."""
    return next(message for message in _shorter(_whole(job, found)) if len(encode(message)) <= LARGEST_DESCRIPTION)


def _whole(job: Job, found: Understanding) -> Described:
    told, measured = found.told, found.measured
    return Described(
        job_id=job.id,
        engine=job.engine,
        bpm=told.bpm,
        key=told.key,
        meter=told.meter,
        language=told.language,
        caption=told.caption,
        lyrics=told.lyrics,
        tempo_map=_json(told.tempo_map) if told.tempo_map else None,
        measured_bpm=measured.bpm,
        measured_key=measured.key,
        measured_meter=measured.meter,
        chords=_json(measured.chords),
        lufs=measured.lufs,
        peak_db=measured.peak_db,
        seconds=measured.seconds,
        note=told.note or None,
        cookie=job.spec.cookie,
    )


def _shorter(message: Described) -> Iterator[Described]:
    """The message, and then ever less of what may be long."""
    yield message
    for key, what in _TEXTS.items():
        text = getattr(message, key) or ""
        note = "; ".join(filter(None, (message.note, f"{what} did not fit into one message")))
        for tenths in range(9, -1, -1):
            yield message.model_copy(update={key: _first(key, text, tenths), "note": note})
        message = message.model_copy(update={key: _first(key, text, 0), "note": note})


def _first(key: str, text: str, tenths: int) -> str:
    if key != "chords":
        return text[: len(text) * tenths // 10]
    changes = json.loads(text)
    return _json(changes[: len(changes) * tenths // 10])


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
