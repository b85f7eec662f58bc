"""Everything that can go wrong, one class a cause, each with the code it becomes on the wire."""

from typing import ClassVar


class PunchinError(Exception):
    """Base of all errors that are told to a user; the text says what happened and what to do."""

    code: ClassVar[str] = "engine_error"


# What ends a request before a job exists


class InvalidSpec(PunchinError):
    """A request asks for something that is not legal."""

    code = "invalid"


class NotFound(PunchinError):
    """A job, file, folder or preset that a request names does not exist."""

    code = "not_found"


class Unsupported(PunchinError):
    """No engine here can do what was asked for."""

    code = "unsupported"


class TooLarge(PunchinError):
    """More audio than an engine takes in one job."""

    code = "too_large"


class Busy(PunchinError):
    """Nothing can be taken right now; the same request may succeed later."""

    code = "busy"


class NoModel(PunchinError):
    """The engine is there, the model that it needs is not."""

    code = "no_model"


class BadModel(NoModel):
    """A model's files are damaged, unsafe to open, or not what they claim to be."""


class Unauthorized(PunchinError):
    """The token is missing or wrong."""

    code = "unauthorized"


# What ends a job


class EngineError(PunchinError):
    """The engine raised an error."""

    code = "engine_error"


class EngineDied(PunchinError):
    """The engine's process ended in the middle of a job."""

    code = "engine_died"


class OutOfMemory(PunchinError):
    """The job needs more memory than there is."""

    code = "out_of_memory"


class DiskFull(PunchinError):
    """A file could not be written for want of room."""

    code = "disk_full"


class BadOutput(PunchinError):
    """The engine returned audio that nobody would want on a track."""

    code = "bad_output"


class BadSource(PunchinError):
    """The source cannot be read, or does not hold what the selection needs."""

    code = "bad_source"


class TimedOut(PunchinError):
    """The engine made no progress for too long."""

    code = "timed_out"


class Interrupted(PunchinError):
    """The daemon died twice while it rendered the job."""

    code = "interrupted"


class Cancelled(PunchinError):
    """The user stopped the job: raised inside an engine to unwind it."""

    code = "cancelled"


# What keeps a daemon from starting


class CannotStart(PunchinError):
    """The daemon cannot start; the text names the reason and the remedy."""

    code = "cannot_start"


class NoDaemon(PunchinError):
    """Nobody answers at the daemon's address."""

    code = "no_daemon"
