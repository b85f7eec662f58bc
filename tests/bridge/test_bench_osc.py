import json
import subprocess
import sys

from bridge.bench.osc import Answers, Result, _answers, _table


def test_each_situation_is_measured_beside_the_echo():
    command = [sys.executable, "-m", "bridge", "bench", "osc", "--seconds", "0.5", "--json"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert told.returncode == 0, told.stderr
    rows = json.loads(told.stdout)
    assert [row["situation"] for row in rows] == ["idle", "during a render", "10000 messages/s"]
    for row in rows:
        for side in ("daemon", "echo"):
            assert row[side]["pings"] == 50
            assert 0 < row[side]["p50"] <= row[side]["p99"] <= row[side]["longest"]
        assert row["ratio"]["p99"] == row["daemon"]["p99"] / row["echo"]["p99"]
    assert [row["flood"] > 100 for row in rows] == [False, False, True]


def test_percentiles_are_milliseconds_and_lost_pings_count_as_a_second():
    assert _answers([0.001] * 98 + [0.002] * 2) == Answers(100, 0, 1.0, 2.0, 2.0)
    assert _answers([0.001, 1.0, 1.0]) == Answers(3, 2, 1000.0, 1000.0, 1000.0)


def test_the_table_has_the_ratio_of_both():
    result = Result("idle", Answers(100, 0, 0.3, 0.9, 2.0), Answers(100, 1, 0.1, 0.3, 1000.0), 0.0)
    ratios = [list(column.cells)[2] for column in _table([result]).columns]
    assert ratios[1:4] == ["ratio", "3.00", "3.00"]
