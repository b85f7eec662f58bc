"""Which clips an audition means."""

import math
from collections.abc import Iterable

from bridge.audition.orders import Output, Part, Play
from bridge.protocol.messages import Audition
from engine.backends.base import MIX
from engine.errors import InvalidSpec, NotFound
from engine.explain import listed
from engine.jobs import ClipFile, Job
from engine.spec import Verb

_BESIDE = {Verb.LEGO, Verb.COMPLETE}
"""Verbs whose clips sound together with the source, not in its place."""


def order(number: int, job: Job, request: Audition, output: Output) -> Play:
    """What the player is to do; raises InvalidSpec and NotFound in words."""
    if not job.clips:
        raise NotFound(f"job: {job.id} is {job.state} and has no clips to play")
    takes = sorted({clip.take for clip in job.clips})
    if request.take and request.take not in takes:
        raise NotFound(f"take: job {job.id} has {_counted(takes)}, take {request.take} came")
    if job.spec.source is None and not request.take:
        raise InvalidSpec(f"take: 0 is the original, and {job.spec.verb} has none")
    if job.spec.source is None and request.mode == "context":
        raise InvalidSpec(f"mode: {job.spec.verb} has no surroundings, mode solo plays it alone")
    if request.match and request.mode == "context":
        raise InvalidSpec("match: goes with mode solo; in context a take is as loud as it will be on the track")
    clips = _clips(job, request)
    tempo = {} if request.bpm is None else {"bpm": request.bpm, "tempo_map": None}
    values = {
        "number": number,
        "job": job.id,
        "take": request.take,
        "spec": job.spec.model_dump(exclude_unset=True) | tempo,
        "parts": [Part(path=clip.path, start=clip.start) for clip in clips if clip.take == (request.take or takes[0])],
        "context": request.mode == "context",
        "loop": request.loop,
        "around": request.around,
        "output": output,
    }
    if request.match:
        loud = {take: loudness([clip for clip in clips if clip.take == take]) for take in takes}
        values |= {"own_lufs": loud.get(request.take), "rivals": tuple(loud.values())}
    return Play.model_validate(values)


def is_beside(verb: Verb) -> bool:
    """Whether clips of this verb are heard together with the source."""
    return verb in _BESIDE


def loudness(clips: Iterable[ClipFile]) -> float:
    """LUFS of several clips as of one: the mean of their powers, by their lengths."""
    clips = list(clips)
    power = sum(clip.frames * 10 ** (clip.lufs / 10) for clip in clips) / sum(clip.frames for clip in clips)
    return 10 * math.log10(power)


def _clips(job: Job, request: Audition) -> list[ClipFile]:
    """The clips of the track that is meant: unless one is named, the mix, or of `complete` all tracks together."""
    tracks = list(dict.fromkeys(clip.track for clip in job.clips))
    if request.track is None:
        if len(tracks) > 1 and job.spec.verb is Verb.EXTRACT:
            raise InvalidSpec(f"track: job {job.id} has {listed(tracks)}; say which one")
        return [clip for clip in job.clips if clip.track == MIX or not job.spec.stems]
    if request.track not in tracks:
        raise NotFound(f"track: job {job.id} has {listed(tracks)}, {request.track!r} came")
    return [clip for clip in job.clips if clip.track == request.track]


def _counted(takes: list[int]) -> str:
    return "take 1 only" if takes == [1] else f"takes {takes[0]} to {takes[-1]}"
