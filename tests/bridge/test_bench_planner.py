"""The benchmark of the planner, on a model that is all vocabulary."""

import pytest

pytest.importorskip("torch", reason="the neural engine's tests need torch")

from bridge.bench import planner as bench
from bridge.bench.apart import measured
from engine.backends.acestep.planner import benchmark
from engine.backends.acestep.planner.tiny import make_planner
from engine.errors import EngineError

pytestmark = pytest.mark.neural


def test_every_case_is_measured_on_the_same_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "TOKENS", 6)
    rates = benchmark.measured(make_planner(tmp_path / "lm", layers=1), rounds=1)
    assert set(rates) == set(bench._CASES)
    assert all(rate > 0 for rate in rates.values())
    found = bench.ratios(rates)
    assert found["codes"] == pytest.approx(rates["codes"] / rates["transformers"])
    assert found["codes_guided"] == pytest.approx(rates["codes_guided"] / rates["transformers_guided"])
    assert "transformers" not in found


def test_a_measurement_that_fails_says_why(tmp_path, monkeypatch):
    with pytest.raises(EngineError, match=r"config\.json"):
        measured("engine.backends.acestep.planner.benchmark", tmp_path / "nothing")
    (tmp_path / "killed.py").write_text("import os\nos._exit(9)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(EngineError, match="killed failed: it was ended with code 9"):
        measured("killed")
