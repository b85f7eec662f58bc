"""Rules for the whole run: nothing is skipped where all can run, and no process is left behind."""

import os
import time
import uuid

import psutil
import pytest

RUN_MARK = "PUNCHIN_TEST_RUN"


def pytest_report_header():
    """These are not collected, rather than skipped: what they need has gigabytes, or is no longer to be had everywhere."""
    missing = []
    if not os.environ.get("PUNCHIN_WEIGHTS"):
        missing.append("not run: test_golden.py, for which PUNCHIN_WEIGHTS would name a folder with real checkpoints")
    if not os.environ.get("PUNCHIN_PYTHON37"):
        missing.append(
            "not run: test_live_old_python.py, for which PUNCHIN_PYTHON37 would name a CPython 3.7 with pytest"
        )
    return missing


@pytest.fixture(scope="session", autouse=True)
def no_process_is_left_behind():
    """Every process started in this run inherits a mark; at its end none but this one may carry it."""
    os.environ[RUN_MARK] = uuid.uuid4().hex
    yield
    deadline = time.monotonic() + 10
    while (stray := _marked(os.environ[RUN_MARK])) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert stray == []


def _marked(mark):
    found = []
    for process in psutil.process_iter():
        try:
            # Python's own resource tracker lives as long as the process that it serves.
            is_tracker = "resource_tracker" in " ".join(process.cmdline())
            if process.pid != os.getpid() and process.environ().get(RUN_MARK) == mark and not is_tracker:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    """In CI everything can run: a test that is skipped there hides something."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped") and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line("skipped tests count as failures in CI", red=True)
