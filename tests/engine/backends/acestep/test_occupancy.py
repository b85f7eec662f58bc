"""Modules come and go as the plan says, and a job that runs out of memory is rendered once more with fewer of them."""

from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the neural engine's tests need torch")

from engine.backends.acestep.backend import AceStep  # noqa: E402
from engine.backends.acestep.occupancy import PARTS, TRANSFORMER, Occupancy  # noqa: E402
from engine.backends.acestep.tiers import Residency  # noqa: E402
from engine.backends.base import MIX, Heard, Span  # noqa: E402
from engine.errors import OutOfMemory  # noqa: E402
from engine.spec import RenderSpec  # noqa: E402
from engine.units import Frames, SampleRate, Seconds, Seed  # noqa: E402

pytestmark = pytest.mark.neural
RATE = 48000
CARD = torch.device("cuda")


class Placed:
    """A module that only knows where it was put: there is no second device here to put a real one on."""

    def __init__(self):
        self.on = "cpu"

    def to(self, device):
        self.on = torch.device(device).type


@pytest.fixture
def modules():
    return SimpleNamespace(**{part: Placed() for part in PARTS})


def there(modules):
    return {part for part in PARTS if getattr(modules, part).on == "cuda"}


@pytest.mark.parametrize(
    ("residency", "stay"),
    [(Residency.KEEP, set(PARTS)), (Residency.ONE_AT_A_TIME, {TRANSFORMER}), (Residency.OFFLOAD, set())],
)
def test_what_does_not_stay_comes_for_its_work_and_leaves_however_that_ends(modules, residency, stay):
    occupancy = Occupancy(modules, CARD, residency)
    assert there(modules) == stay
    with occupancy.present("vae"):
        assert there(modules) == stay | {"vae"}
    assert there(modules) == stay

    def work():
        with occupancy.present(TRANSFORMER, "text_encoder"):
            assert there(modules) == stay | {TRANSFORMER, "text_encoder"}
            raise MemoryError

    with pytest.raises(MemoryError):
        work()
    assert there(modules) == stay


def test_each_time_it_is_tightened_less_stays_until_nothing_does(modules):
    occupancy = Occupancy(modules, CARD, Residency.KEEP)
    assert occupancy.tightened() is Residency.ONE_AT_A_TIME
    assert there(modules) == {TRANSFORMER}
    assert occupancy.tightened() is Residency.OFFLOAD
    assert there(modules) == set()
    assert occupancy.tightened() is None


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_where_the_memory_is_the_machines_nothing_can_leave(modules, device):
    assert Occupancy(modules, torch.device(device), Residency.KEEP).tightened() is None


# A whole render


@pytest.fixture
def engine(monkeypatch, tmp_path):
    monkeypatch.setenv("PUNCHIN_CACHE", str(tmp_path))
    return AceStep()


def rendered(engine, model):
    spec = RenderSpec.parse(
        {"verb": "generate", "prompt": "x", "length": 10, "steps": 3, "engine": "acestep", "model": str(model)}
    )
    heard = Heard(np.zeros((2, 10 * RATE), np.float32), SampleRate(RATE), Seconds(0.0), Span(Frames(0), Frames(0)), ())
    return engine.render(spec, heard, Seed(3), lambda *_: None)


def fail_once(engine, at_pass=1):
    """Lets one forward of the loaded transformer run out of memory; returns how often it was called."""
    calls = []

    def fail(*_):
        calls.append(1)
        if len(calls) == at_pass:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    engine._session.modules.transformer.register_forward_pre_hook(fail)
    return calls


@pytest.mark.parametrize("at_pass", [1, 2])
def test_a_job_that_ran_out_of_memory_is_rendered_again_and_says_so(engine, checkpoints, monkeypatch, at_pass):
    undisturbed = rendered(engine, checkpoints["turbo"])
    calls = fail_once(engine, at_pass)

    def tightened(occupancy):
        """As on a card: the machine's own processor has nowhere to put what leaves it."""
        occupancy._residency = Residency.ONE_AT_A_TIME
        occupancy._settle()
        return occupancy._residency

    monkeypatch.setattr(Occupancy, "tightened", tightened)
    again = rendered(engine, checkpoints["turbo"])
    assert len(calls) == at_pass + 3
    assert np.array_equal(again.tracks[MIX], undisturbed.tracks[MIX])
    assert "memory ran out: rendered again with modules one at a time" in again.note
    assert "memory" not in rendered(engine, checkpoints["turbo"]).note


def test_with_nothing_left_to_move_the_job_fails_in_words_and_the_next_one_does_not(engine, checkpoints):
    undisturbed = rendered(engine, checkpoints["turbo"])
    fail_once(engine)
    with pytest.raises(OutOfMemory, match="shorter selection"):
        rendered(engine, checkpoints["turbo"])
    assert np.array_equal(rendered(engine, checkpoints["turbo"]).tracks[MIX], undisturbed.tracks[MIX])
