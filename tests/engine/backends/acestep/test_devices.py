"""The machine's own processor is asked for what it is; cards are played, as none is in every machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch

from engine.backends.acestep import allocator, devices
from engine.backends.acestep.tiers import GIB, Processor, plan
from engine.errors import CannotStart

ROOT = Path(__file__).parents[4]
CARD = Processor("cuda", "a card", 24 * GIB, 20 * GIB, bfloat16=True)


@pytest.fixture
def only_a_processor(monkeypatch):
    for library in (torch.cuda, torch.mps, torch.xpu):
        monkeypatch.setattr(library, "is_available", lambda: False)


@pytest.fixture
def a_card(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (20 * GIB, 24 * GIB))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "a card")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: (8, 6))
    monkeypatch.setattr(torch.version, "hip", None)


def test_without_a_card_it_is_the_processor_with_the_machines_memory(only_a_processor):
    found = devices.best()
    assert (found.kind, found.total, found.simulated) == ("cpu", psutil.virtual_memory().total, False)
    assert 0 < found.free <= found.total
    assert found.name
    assert devices.torch_device(found) == torch.device("cpu")
    assert devices.free_bytes(torch.device("cpu")) <= found.total


def test_bfloat16_is_claimed_only_where_the_processor_has_it(monkeypatch, only_a_processor):
    for features, has in (({"avx2": True, "avx512_bf16": False}, False), ({"avx512_bf16": True}, True), ({}, False)):
        monkeypatch.setattr(devices, "_processor_features", lambda features=features: features)
        assert devices.best().bfloat16 is has


def test_a_card_goes_first(a_card):
    assert devices.best() == CARD
    assert devices.torch_device(CARD) == devices.torch_device(plan(CARD)) == torch.device("cuda")
    assert devices.chosen({"ACESTEP_DEVICE": "cpu"}).kind == "cpu"
    assert devices.chosen({"ACESTEP_DEVICE": "auto"}) == CARD


def test_a_card_before_ampere_has_no_bfloat16_and_amds_have(a_card, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: (7, 5))
    assert not devices.best().bfloat16
    assert plan(devices.best()).dtype == "float32"
    monkeypatch.setattr(torch.version, "hip", "6.4")
    assert (devices.best().kind, devices.best().bfloat16) == ("rocm", True)
    assert devices.torch_device(devices.best()) == torch.device("cuda")


def test_a_device_that_is_not_there_is_told(only_a_processor):
    for name in ("cuda", "mps", "xpu", "tpu"):
        with pytest.raises(CannotStart, match=f"no {name} here"):
            devices.chosen({"ACESTEP_DEVICE": name})


def test_a_simulated_card_is_never_rendered_on(only_a_processor):
    assert devices.chosen({"MAX_CUDA_VRAM": "8"}).kind == "cpu"


def test_a_real_card_is_kept_to_the_simulated_memory(a_card, monkeypatch):
    shares = []
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", shares.append)
    small = devices.chosen({"MAX_CUDA_VRAM": "8"})
    assert (small.total, small.free) == (8 * GIB, 7.5 * GIB)
    devices.limit_memory(small, {"MAX_CUDA_VRAM": "8"})
    assert shares == [pytest.approx(7.5 / 24)]
    devices.limit_memory(CARD, {})
    assert len(shares) == 1


def test_free_memory_counts_what_torch_holds_without_using_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (2 * GIB, 8 * GIB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda *_: 5 * GIB)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda *_: 4 * GIB)
    assert devices.free_bytes(torch.device("cuda")) == 3 * GIB


def test_the_allocators_are_understood():
    with pytest.raises(RuntimeError) as refused:
        torch.empty(1 << 50)
    assert devices.is_out_of_memory(refused.value)
    assert devices.is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"))
    assert devices.is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"))
    assert devices.is_out_of_memory(MemoryError())
    with pytest.raises(RuntimeError) as wrong:
        torch.ones(2) @ torch.ones(3)
    assert not devices.is_out_of_memory(wrong.value)
    assert not devices.is_out_of_memory(ValueError("out of memory"))


def test_memory_is_released_on_a_device_and_on_none(monkeypatch):
    emptied = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(1))
    devices.release_memory(torch.device("cpu"))
    assert emptied == []
    devices.release_memory(torch.device("cuda"))
    assert emptied == [1]


def test_a_process_of_its_own_tells_it_in_json():
    done = subprocess.run(
        [sys.executable, "-m", "engine.backends.acestep.devices"],
        cwd=ROOT,
        env={**os.environ, "ACESTEP_DEVICE": "cpu"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Processor(**json.loads(done.stdout)).kind == "cpu"


# the allocator


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_a_process_started_with_it_keeps_what_it_frees():
    code = (
        "import resource, torch; torch.set_num_threads(1)\n"
        "def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "for _ in range(20): torch.zeros(25_000_000)\n"
        "before = faults()\n"
        "for _ in range(4): torch.zeros(25_000_000)\n"
        "print(faults() - before)"
    )

    def pages(environment):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
        done = subprocess.run(
            [sys.executable, "-c", code], env={**clean, **environment}, capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    with_it, without = pages(allocator.environment()), pages({})
    assert with_it * 20 < without


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_what_is_kept_can_be_given_back():
    code = (
        "import os, torch; from engine.backends.acestep import allocator\n"
        "def held(): return int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGESIZE')\n"
        "torch.zeros(50_000_000)\n"
        "before = held(); allocator.give_back(); print(before - held())"
    )
    environment = {**os.environ, **allocator.environment()}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) > 150_000_000


def test_elsewhere_there_is_nothing_to_set(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    assert allocator.environment() == {}
    allocator.give_back()
