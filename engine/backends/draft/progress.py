"""Progress of work whose length is not known beforehand."""

from engine.backends.base import Report, Stage


class Ticks:
    """Turns ticks into reports; nobody knows beforehand how many there will be, so the fraction nears one."""

    def __init__(self, report: Report, stage: Stage = Stage.RENDERING) -> None:
        self._report = report
        self._stage = stage
        self._count = 0

    def __call__(self) -> None:
        """Report one more piece of work done."""
        self._count += 1
        self._report(self._count / (self._count + 50), self._stage)
