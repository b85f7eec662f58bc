"""What a trigger does that needs no DAW: takes are heard, all is stopped, and without a DAW the last job is meant."""

import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from bridge.presets import Preset
from bridge.protocol import messages as m
from bridge.protocol.codec import decode
from engine import Studio
from engine.errors import NotFound
from engine.jobs import Job, JobState, Origin
from engine.spec import Verb
from engine.units import ClientId, JobId, RequestId

NO_DAW = "no DAW is connected: run a punchin script in the DAW first"
_UNFINISHED = (JobState.QUEUED, JobState.RENDERING, JobState.INTERRUPTED)
_LOOKED_AT = 200
_STEPS = {"audition": 0, "audition_next": 1, "audition_previous": -1}


class _Heard(NamedTuple):
    job: JobId
    take: int
    track: str | None


class Triggers:
    """Does what the daemon can do of a trigger itself. Knows which take was asked for last, by whatever way."""

    def __init__(self, studio: Studio, presets: Mapping[str, Preset]) -> None:
        self._studio = studio
        self._presets = presets
        self._heard: _Heard | None = None

    def own(self, trigger: m.Trigger, client: ClientId, reply_to: str, *, has_daw: bool) -> Job | m.Request | None:
        """A job that was made for a trigger, or the request to answer in its place; None where it is the DAW's.

        Raises NotFound where there is neither a DAW nor a job that it could mean, and what the request raises.
        """
        if trigger.action in _STEPS:
            return self._audition(trigger, _STEPS[trigger.action])
        if has_daw:
            return None
        # Surfaces with a fixed layout send every trigger under the same id; each makes a job of its own all the same.
        origin = Origin(client, RequestId(secrets.token_hex(8)), reply_to)
        match trigger.action:
            case "more_takes":
                return self._more_takes(trigger, origin)
            case "generate":
                return self._generate(trigger, origin)
            case "cancel":
                return m.Cancel(request_id=trigger.request_id, job=self._unfinished().id)
        raise NotFound(f"{trigger.action}: {NO_DAW}")

    def for_daw(self, trigger: m.Trigger) -> dict[str, Any]:
        """What the DAW is told with a trigger; to `keep` is the take that was asked for last."""
        if trigger.action == "keep" and self._heard:
            return {"job": self._heard.job, "take": self._heard.take, **trigger.parameters}
        return trigger.parameters

    def heard(self, job: Job, take: int, track: str | None) -> None:
        """A take is played: `keep` means it from now on, and the next one is beside it. The original, 0, is no take."""
        if take:
            self._heard = _Heard(job.id, take, track if job.spec.verb is Verb.EXTRACT else None)

    def panic(self) -> None:
        """Cancel every job that has not ended."""
        for job in self._studio.store.in_state(*_UNFINISHED):
            self._studio.cancel(job.id)

    def _audition(self, trigger: m.Trigger, step: int) -> m.Request:
        """The newest result, or the take beside the one asked for last; behind the last take comes the first.

        Stems are heard one after the other.
        """
        job = self._rendered()
        if job.spec.verb is Verb.EXTRACT:
            choices = [_Heard(job.id, clip.take, clip.track) for clip in job.clips]
        else:
            choices = [_Heard(job.id, take, None) for take in sorted({clip.take for clip in job.clips})]
        before = next((each for each in choices if each == self._heard), None)
        chosen = choices[(choices.index(before) + step) % len(choices)] if before else choices[0]
        own = {"take": chosen.take} | ({"track": chosen.track} if chosen.track else {})
        return m.Audition.model_validate({**own, **trigger.parameters, "request_id": trigger.request_id, "job": job.id})

    def _more_takes(self, trigger: m.Trigger, origin: Origin) -> Job:
        """The last job again, its seeds counted on; the takes of a DAW's job belong to that DAW."""
        job = self._rendered()
        changes = {"seed": max(clip.seed for clip in job.clips) + 1, **trigger.parameters}
        daws = {name for name, _, role in self._studio.store.clients() if role == "daw"}
        owner = job.origin.client if job.origin.client in daws else origin.client
        return self._studio.retry(job.id, changes, Origin(owner, origin.request_id, origin.reply_to))

    def _generate(self, trigger: m.Trigger, origin: Origin) -> Job:
        arguments = [trigger.request_id, *(part for pair in trigger.parameters.items() for part in pair)]
        request = decode(f"/punchin/{Verb.GENERATE}", arguments, self._presets)
        assert isinstance(request, m.Render)
        return self._studio.submit(request.spec, origin)

    def _rendered(self) -> Job:
        found = [job for job in self._studio.store.latest(_LOOKED_AT) if job.clips and job.state.is_final]
        if not found:
            raise NotFound("there is no result yet that this could mean")
        return found[-1]

    def _unfinished(self) -> Job:
        """The job that renders, else the newest of those that wait."""
        found = self._studio.store.in_state(*_UNFINISHED)
        if not found:
            raise NotFound("nothing is being rendered that could be cancelled")
        return next((job for job in found if job.state is JobState.RENDERING), found[-1])
