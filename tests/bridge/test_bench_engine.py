"""The benchmark of the neural engine, on a song of seconds instead of minutes."""

import pytest

pytest.importorskip("torch", reason="the neural engine's tests need torch")

from bridge.bench import engine as bench
from engine.backends.acestep import benchmark
from engine.backends.acestep.tiny import make_tiny

pytestmark = pytest.mark.neural


@pytest.fixture
def parts(tmp_path, monkeypatch):
    monkeypatch.setenv("PUNCHIN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ACESTEP_DTYPE", "float32")
    for name, seconds in {
        "SONG_SECONDS": 20,
        "SELECTION_SECONDS": 2,
        "CONTEXT_SECONDS": 5,
        "MUSIC_SECONDS": 12,
    }.items():
        monkeypatch.setattr(benchmark, name, seconds)
    checkpoint = make_tiny(tmp_path, layout="diffusers")
    return {case: benchmark.CASES[case](checkpoint) for case in bench._CASES}


def test_every_case_is_measured_and_the_stages_add_up(parts):
    for case in ("repaint", "music"):
        measured = parts[case]
        assert set(measured["parts"]) >= {"reading", "rendering", "decoding"}
        assert sum(measured["parts"].values()) == pytest.approx(measured["seconds"], rel=0.05)
        assert measured["second_take"]["parts"]["reading"] < measured["parts"]["reading"]
    assert set(bench.ratios(parts)) == {"repaint_8s_in_240s", "second_take", "text2music", "peak_memory"}
    assert all(ratio > 0 for name, ratio in bench.ratios(parts).items() if name != "peak_memory")
    assert bench.rates(parts["music"])["steps_a_second"] > 0
