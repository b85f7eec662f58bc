"""What the daemon does with each request: one session layer above all transports.

Everything here runs in the event loop's thread; the studio's news come in through `on_change`.
"""

import contextlib
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from typing import Any

from loguru import logger

from bridge.audition.auditions import Auditions
from bridge.presets import Preset
from bridge.protocol import messages as m
from bridge.protocol.codec import BadRequest, decode, encode, reply_port
from bridge.protocol.delivery import Delivery, results
from bridge.protocol.peer import Peer
from bridge.protocol.triggers import NO_DAW, Triggers
from bridge.remote import names
from bridge.remote.transfers import Transfers
from engine import Studio
from engine.backends.base import Model
from engine.errors import Busy, InvalidSpec, NotFound, PunchinError, Unsupported
from engine.jobs import Job, JobState, Origin, Progress
from engine.pausing import PAUSED
from engine.units import ClientId, JobId, RequestId

PROTOCOL_VERSION = 1
PROGRESS_AT_LEAST_EVERY_SECONDS = 0.9
PROGRESS_AT_MOST_EVERY_SECONDS = 0.1
LISTED_JOBS = 200
SHOWN_PROMPT = 200


class Service:
    """Answers requests, passes jobs to the studio and their results to the clients that asked."""

    def __init__(
        self,
        studio: Studio,
        presets: Mapping[str, Preset],
        send: Callable[[Peer, bytes], None],
        clock: Callable[[], float] = time.monotonic,
        transfers: Transfers | None = None,
        auditions: Auditions | None = None,
    ) -> None:
        self._studio = studio
        self._transfers = transfers
        self._presets = presets
        self._transmit = send
        self._clock = clock
        self._delivery = Delivery(self._to_client)
        self._triggers = Triggers(studio, presets)
        self._peers: dict[ClientId, Peer] = {}
        self._names: dict[Peer, ClientId] = {}
        self._subscribers: set[ClientId] = set()
        self._focused: ClientId | None = None
        self._told: dict[JobId, tuple[float, str]] = {}
        """When, and in which stage, the progress of a job was last sent."""
        self._answers: dict[type[m.Request], Callable[[ClientId, Peer, Any], None]] = {
            m.Render: self._render,
            m.Retry: self._retry,
            m.Cancel: self._cancel,
            m.Pause: self._pause,
            m.Resume: self._go_on,
            m.Ping: self._ping,
            m.Hello: self._hello,
            m.Status: self._status,
            m.Presets: self._list_presets,
            m.Models: self._list_models,
            m.Subscribe: self._subscribe,
            m.Unsubscribe: self._unsubscribe,
            m.Focus: self._focus,
            m.Trigger: self._trigger,
        }
        if transfers:
            self._answers |= {m.Put: partial(self._put, transfers), m.Get: partial(self._get, transfers)}
        if auditions:
            self._answers |= {m.Audition: partial(self._audition, auditions), m.Stop: partial(self._stop, auditions)}

    def resume(self) -> None:
        """Take up the clients and results that an earlier daemon left."""
        now = self._clock()
        for name, address, _ in self._studio.store.clients():
            self._introduce(name, Peer.parse(address))
        for job in (
            *self._studio.store.undelivered(),
            *self._studio.store.in_state(JobState.QUEUED, JobState.RENDERING),
        ):
            self._peers.setdefault(job.origin.client, Peer.parse(job.origin.reply_to))
            self._delivery.heard(job.origin.client, now)
            if job.state.is_final:
                self._delivery.add(job, now)

    # In: requests

    def receive(self, sender: Peer, address: str, arguments: tuple[Any, ...]) -> None:
        """Answer one message. Never raises."""
        peer = sender.at_port(reply_port(address, arguments))
        client = self._names.get(peer) or ClientId(str(peer))
        self._peers[client] = peer
        self._delivery.heard(client, self._clock())
        try:
            uploaded = partial(self._transfers.uploads.path, client) if self._transfers else None
            arguments = names.with_paths(peer, address, arguments, uploaded)
            request = decode(address, arguments, self._presets)
            if request is None:
                return
            if isinstance(request, m.Received):
                self._received(client, JobId(request.job_id))
            else:
                self._answer(client, peer, request)
        except BadRequest as error:
            if address != m.Received.address:
                self._reply(peer, m.Rejected(request_id=error.request_id, code=error.code, message=str(error)))
        except PunchinError as error:
            self._reply(peer, m.Rejected(request_id=str(arguments[0]), code=error.code, message=str(error)))
        except Exception:  # noqa: BLE001  one request must not end the daemon
            logger.exception("request {} was dropped: an error in punchin itself", address)

    def refuse_flood(self, sender: Peer, arguments: tuple[Any, ...]) -> None:
        """Answer a source that sends more than anyone needs to."""
        request_id = arguments[0] if arguments and isinstance(arguments[0], str) else ""
        message = "too many messages at once: at most 200 a second are taken for long"
        self._reply(sender, m.Rejected(request_id=request_id, code=Busy.code, message=message))

    def _answer(self, client: ClientId, peer: Peer, request: m.Request) -> None:
        answer = self._answers.get(type(request))
        if answer is None:
            raise Unsupported(f"{request.address} is not in this version of punchin")
        job = getattr(request, "job", None)
        if job and peer.is_remote:
            names.require_seen(peer, self._studio.store.get(JobId(job)))
        answer(client, peer, request)

    def _accept(self, peer: Peer, request: m.Request, job_id: str = "") -> None:
        self._reply(peer, m.Accepted(request_id=request.request_id, job_id=job_id))

    def _render(self, client: ClientId, peer: Peer, request: m.Render) -> None:
        self._submitted(peer, request, self._studio.submit(request.spec, _origin(client, peer, request)))

    def _retry(self, client: ClientId, peer: Peer, request: m.Retry) -> None:
        job = self._studio.retry(JobId(request.job), request.changes, _origin(client, peer, request))
        self._submitted(peer, request, job)

    def _submitted(self, peer: Peer, request: m.Request, job: Job) -> None:
        """Accept a job; the same request again is told what its job has come to."""
        self._accept(peer, request, job.id)
        if job.state.is_final:
            for message in results(job):
                self._reply(peer, message)
        else:
            self._tell_progress(job, self._studio.progress(job.id), forced=True)

    def _cancel(self, _: ClientId, peer: Peer, request: m.Cancel) -> None:
        self._accept(peer, request, self._studio.cancel(JobId(request.job)).id)

    def _put(self, transfers: Transfers, client: ClientId, peer: Peer, request: m.Put) -> None:
        if peer not in self._names:
            raise InvalidSpec("say hello before you bring a file: it is kept under the client's name")
        transfers.put(client, request, partial(self._reply, peer))

    def _get(self, transfers: Transfers, _: ClientId, peer: Peer, request: m.Get) -> None:
        transfers.get(self._studio.store.get(JobId(request.job)), request, partial(self._reply, peer))

    def _ping(self, _: ClientId, peer: Peer, request: m.Ping) -> None:
        state = PAUSED if self._studio.paused else None
        self._reply(peer, m.Pong(request_id=request.request_id, state=state))

    def _pause(self, _: ClientId, peer: Peer, request: m.Pause) -> None:
        self._studio.pause()
        self._accept(peer, request)

    def _go_on(self, _: ClientId, peer: Peer, request: m.Resume) -> None:
        self._studio.resume()
        self._accept(peer, request)

    def _subscribe(self, client: ClientId, peer: Peer, request: m.Subscribe) -> None:
        self._subscribers.add(client)
        self._accept(peer, request)
        for job in self._studio.store.in_state(JobState.RENDERING, JobState.QUEUED):
            if names.may_see(peer, job.origin.client):
                self._reply(peer, _progressed(job, self._studio.progress(job.id)))

    def _unsubscribe(self, client: ClientId, peer: Peer, request: m.Unsubscribe) -> None:
        self._subscribers.discard(client)
        self._accept(peer, request)

    def _focus(self, client: ClientId, peer: Peer, request: m.Focus) -> None:
        self._focused = client
        self._accept(peer, request)

    def _received(self, client: ClientId, job_id: JobId) -> None:
        if self._studio.delivered(job_id, client):
            self._delivery.received(job_id)

    def _introduce(self, client: ClientId, peer: Peer) -> None:
        self._peers[client] = peer
        self._names = {known: name for known, name in self._names.items() if name != client} | {peer: client}

    def _hello(self, _: ClientId, peer: Peer, request: m.Hello) -> None:
        client = ClientId(request.client)
        role = "daw" if request.daw else request.role
        self._introduce(client, peer)
        self._studio.store.remember(client, str(peer), role)
        if role == "daw":
            self._focused = client
        self._reply(
            peer,
            m.Welcome(
                request_id=request.request_id,
                protocol=PROTOCOL_VERSION,
                version=version("punchin"),
                engines=",".join(self._studio.engines),
                state=str(self._studio.state),
            ),
        )
        self._delivery.heard(client, self._clock())
        self._delivery.again(client, self._clock())

    def _status(self, _: ClientId, peer: Peer, request: m.Status) -> None:
        known = [self._studio.store.get(JobId(request.job))] if request.job else self._listed()
        jobs = [job for job in known if names.may_see(peer, job.origin.client)]
        for job in jobs:
            progress = self._studio.progress(job.id)
            listed = m.JobListed(
                job_id=job.id,
                verb=job.spec.verb,
                state=job.state,
                fraction=progress.fraction,
                stage=progress.stage,
                prompt=job.spec.prompt[:SHOWN_PROMPT],
            )
            self._reply(peer, listed)
        self._reply(peer, m.StatusEnd(request_id=request.request_id, count=len(jobs)))
        if request.job:
            for message in results(jobs[0]):
                self._reply(peer, message)

    def _listed(self) -> list[Job]:
        """The newest jobs that have ended, in order of arrival; then all that have not, in the order of their turn."""
        store = self._studio.store
        going = store.in_state(JobState.RENDERING, JobState.INTERRUPTED, JobState.QUEUED)
        turns = {job.id: self._studio.progress(job.id).position for job in going}
        ended = [job for job in store.latest(LISTED_JOBS) if job.state.is_final]
        surplus = max(len(ended) + len(going) - LISTED_JOBS, 0)
        return [*ended[surplus:], *sorted(going, key=lambda job: turns[job.id])]

    def _list_presets(self, _: ClientId, peer: Peer, request: m.Presets) -> None:
        for preset in self._presets.values():
            self._reply(peer, m.PresetListed(name=preset.name, verb=preset.verb, description=preset.description))
        self._reply(peer, m.PresetsEnd(request_id=request.request_id, count=len(self._presets)))

    def _list_models(self, _: ClientId, peer: Peer, request: m.Models) -> None:
        """An engine without models of its own counts as one."""
        listed = [
            m.ModelListed(name=model.name, engine=name, state=model.state, size=model.size)
            for name, engine in self._studio.engines.items()
            for model in (engine.models() if engine.models else [Model(name, "built in", 0)])
        ]
        for reply in listed:
            self._reply(peer, reply)
        self._reply(peer, m.ModelsEnd(request_id=request.request_id, count=len(listed)))

    @property
    def has_daw(self) -> bool:
        """Whether a DAW is there for triggers to go to."""
        return self._focused is not None and self._delivery.is_live(self._focused, self._clock())

    def _trigger(self, client: ClientId, peer: Peer, request: m.Trigger) -> None:
        if request.action == "panic":
            self._triggers.panic()
            self._accept(peer, request)
            return
        own = None if peer.is_remote else self._triggers.own(request, client, str(peer), has_daw=self.has_daw)
        if isinstance(own, Job):
            self._submitted(peer, request, own)
        elif own:
            self._answer(client, peer, own)
        else:
            self._run(peer, request)

    def _run(self, peer: Peer, request: m.Trigger) -> None:
        """Pass a trigger on to the DAW."""
        if self._focused is None or not self.has_daw:
            raise NotFound(NO_DAW)
        parameters = self._triggers.for_daw(request)
        self._to_client(
            self._focused, m.Run(trigger_id=request.request_id, action=request.action, parameters=parameters)
        )
        self._accept(peer, request)

    def _audition(self, auditions: Auditions, client: ClientId, peer: Peer, request: m.Audition) -> None:
        job = self._studio.store.get(JobId(request.job)) if request.job else self._newest(peer)

        def tell(message: m.Message) -> None:
            self._reply(peer, message)
            if isinstance(message, m.Playing | m.Stopped):
                self._to_subscribers(job, message, told=client)

        auditions.play((client, request.request_id), job, request, tell)
        self._triggers.heard(job, request.take, request.track)

    def _stop(self, auditions: Auditions, _: ClientId, peer: Peer, request: m.Stop) -> None:
        auditions.stop()
        self._accept(peer, request)

    def _newest(self, peer: Peer) -> Job:
        """The last job whose clips a peer may hear."""
        jobs = reversed(self._studio.store.latest(LISTED_JOBS))
        found = next((job for job in jobs if job.clips and names.may_see(peer, job.origin.client)), None)
        if found is None:
            raise NotFound("job: nothing has been rendered yet")
        return found

    # Out: results and progress

    def on_change(self, job: Job, progress: Progress) -> None:
        """The studio has news of a job."""
        if job.state.is_final:
            self._told.pop(job.id, None)
            self._delivery.add(job, self._clock())
            self._to_subscribers(job, results(job)[-1], told=job.origin.client)
        else:
            self._tell_progress(job, progress)

    def tick(self) -> None:
        """Send what is due; called several times a second."""
        now = self._clock()
        self._delivery.tick(now)
        for job_id, (told_at, _) in list(self._told.items()):
            if now - told_at >= PROGRESS_AT_LEAST_EVERY_SECONDS:
                self._tell_progress(self._studio.store.get(job_id), self._studio.progress(job_id), forced=True)

    def _tell_progress(self, job: Job, progress: Progress, *, forced: bool = False) -> None:
        now = self._clock()
        told_at, stage = self._told.get(job.id, (0.0, ""))
        if not forced and stage == progress.stage and now - told_at < PROGRESS_AT_MOST_EVERY_SECONDS:
            return
        self._told[job.id] = (now, progress.stage)
        message = _progressed(job, progress)
        self._to_client(job.origin.client, message)
        self._to_subscribers(job, message, told=job.origin.client)

    def _to_subscribers(self, job: Job, message: m.Message, *, told: ClientId) -> None:
        for client in self._subscribers - {told}:
            if names.may_see(self._peers[client], job.origin.client) and self._delivery.is_live(client, self._clock()):
                self._to_client(client, message)

    def _to_client(self, client: ClientId, message: m.Message) -> None:
        peer = self._peers.get(client)
        if peer:
            self._reply(peer, message)

    def _reply(self, peer: Peer, message: m.Message) -> None:
        with contextlib.suppress(OSError):
            self._transmit(peer, encode(names.as_told(peer, message, self._studio.state)))


def _progressed(job: Job, progress: Progress) -> m.Progressed:
    return m.Progressed(job_id=job.id, fraction=progress.fraction, stage=progress.stage, eta_seconds=progress.eta)


def _origin(client: ClientId, peer: Peer, request: m.Request) -> Origin:
    return Origin(client, RequestId(request.request_id), str(peer))
