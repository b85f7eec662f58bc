"""Progress of a part of the work as progress of the whole."""

from engine.backends.base import Report, Stage


def shared(report: Report, begin: float, end: float) -> Report:
    """A report whose 0 to 1 is a part of the whole."""

    def within(fraction: float, stage: Stage) -> None:
        report(begin + fraction * (end - begin), stage)

    return within
