"""The wall clock jumps, as after a sleep or by NTP: nothing times out, nothing is lost."""

import ctypes.util
import glob
from datetime import datetime, timedelta

import pytest
from rig import Daemon, PlainClient

HOUR = timedelta(hours=1)


def preloaded():
    """The library that shifts a program's wall clock and leaves its monotonic clock alone."""
    found = [ctypes.util.find_library("faketimeMT"), *glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")]
    library = next(filter(None, found), None)
    if library is None:
        pytest.skip("libfaketime is not installed (Debian: faketime)")
    return library


def logged_at(daemon, job_id):
    """When the daemon thinks that a job ended."""
    log = (daemon.state / "logs" / "punchin.log").read_text("utf-8")
    line = next(line for line in log.splitlines() if f"job {job_id} " in line)
    return datetime.fromisoformat(line[:23])


def test_jobs_and_deliveries_go_on_when_the_clock_jumps_an_hour(tmp_path, monkeypatch):
    offset = tmp_path / "offset"
    offset.write_text("+0")
    for name, value in {
        "LD_PRELOAD": preloaded(),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }.items():
        monkeypatch.setenv(name, value)
    state = tmp_path / "state"
    state.mkdir()
    daemon = Daemon(state)
    client = PlainClient(daemon.port)
    try:
        client.send("/punchin/generate", "r-1", "prompt", "house", "length", 20.0)
        first = client.listen("/punchin/accepted")[-1].params[1]
        client.listen("/punchin/progress")
        offset.write_text("+1h")
        got = client.listen("/punchin/done", "/punchin/failed")
        assert got[-1].params[:2] == [first, 1]
        offset.write_text("-1h")
        # Not confirmed, it comes again without another word from the client: lease and pauses are not of this clock.
        assert client.listen("/punchin/done", count=2)[-1].params[:2] == [first, 1]
        client.send("/punchin/received", first)
        client.send("/punchin/generate", "r-2", "prompt", "house", "length", 1.0)
        second = client.listen("/punchin/accepted")[-1].params[1]
        while client.listen("/punchin/done", "/punchin/failed")[-1].params[0] != second:
            pass
        passed = logged_at(daemon, second) - logged_at(daemon, first)
        assert -2 * HOUR < passed < -HOUR, "the daemon saw both jumps"
    finally:
        client.close()
        daemon.stop()
