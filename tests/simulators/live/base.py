"""`Live.Base`."""

from live.lom import Vector, converted


class FloatVector(Vector):
    pass


class IntVector(Vector):
    pass


class IntU64Vector(Vector):
    pass


class StringVector(Vector):
    pass


class ObjectVector(Vector):
    pass


class LimitationError(Exception):
    pass


class Timer:
    """Calls back on the main thread. An exception that leaves the callback stops it for good."""

    _sim = None

    def __init__(self, callback, interval, repeat=False, start=False):
        self._sim_callback = converted(object, callback, "Timer")
        self._sim_interval = max(converted(int, interval, "Timer"), 10)
        self._sim_repeat = converted(bool, repeat, "Timer")
        self._sim_due = None
        self._sim.timers.append(self)
        if converted(bool, start, "Timer"):
            self.start()

    @property
    def running(self):
        return self._sim_due is not None

    def start(self):
        self._sim_due = self._sim.now + self._sim_interval

    def restart(self):
        self.start()

    def stop(self):
        self._sim_due = None

    def _sim_fire(self):
        if self._sim_due is None or self._sim.now < self._sim_due:
            return
        self._sim_due = self._sim.now + self._sim_interval if self._sim_repeat else None
        if not self._sim.entered("Timer", self._sim_callback):
            self._sim_due = None
