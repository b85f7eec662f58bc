"""Many jobs, one after another: neither daemon nor worker grows."""

import numpy as np
import psutil
import pytest
import soundfile
from rig import PlainClient

JOBS_TO_WARM_UP = 100
JOBS = 300


def size_of(process):
    """File descriptors, threads and bytes of memory."""
    return np.array([process.num_fds(), process.num_threads(), process.memory_info().rss])


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_three_hundred_jobs_leave_daemon_and_worker_as_they_were(daemon, tmp_path):
    source = tmp_path / "tone.wav"
    soundfile.write(source, (0.2 * np.sin(np.arange(44100) / 20)).astype(np.float32), 44100, subtype="FLOAT")
    processes = {}
    sizes = {}
    for number in range(1, JOBS_TO_WARM_UP + JOBS + 1):
        # Every job is of a new client, as with `punchin send`.
        client = PlainClient(daemon.port)
        client.send("/punchin/repaint", f"r-{number}", "source", str(source), "start", 0.3, "end", 0.8, "seed", number)
        done = client.listen("/punchin/done", "/punchin/failed")[-1]
        assert done.address == "/punchin/done", done.params
        client.send("/punchin/received", done.params[0])
        client.close()
        if number == 1:
            processes = {"daemon": psutil.Process(daemon.process.pid), "worker": daemon.worker()}
        if number in {JOBS_TO_WARM_UP, JOBS_TO_WARM_UP + JOBS}:
            sizes[number] = {name: size_of(process) for name, process in processes.items()}
    before, after = sizes.values()
    for name in processes:
        assert (after[name][:2] <= before[name][:2]).all(), (name, before[name], after[name])
        assert after[name][2] <= 1.05 * before[name][2], (name, before[name], after[name])
