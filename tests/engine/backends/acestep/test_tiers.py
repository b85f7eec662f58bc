import subprocess
import sys
from dataclasses import replace

import pytest

from engine.backends.acestep.tiers import (
    GIB,
    MemoryPlan,
    Processor,
    Residency,
    Wishes,
    plan,
    planner_dtype,
    simulated,
    takes_at_once,
    tier_of,
    wished,
)
from engine.errors import CannotStart

CPU = Processor("cpu", "a processor", 32 * GIB, 24 * GIB, bfloat16=False)


def card(gib, free=None, kind="cuda", *, bfloat16=True):
    return Processor(kind, "a card", int(gib * GIB), int((gib - 0.5 if free is None else free) * GIB), bfloat16)


@pytest.mark.parametrize(
    ("gib", "name"),
    [
        *((2, "1"), (4, "1"), (4.1, "2"), (6, "2"), (7.6, "3"), (8, "3"), (8.1, "4"), (12, "4"), (12.1, "5")),
        *((15.4, "5"), (15.5, "6a"), (16, "6a"), (19.9, "6a"), (20, "6b"), (23.9, "6b"), (24, "unlimited")),
        *((80, "unlimited"), (1000, "unlimited")),
    ],
)
def test_memory_decides_on_the_tier(gib, name):
    assert tier_of(card(gib)).name == name


def test_a_processor_is_of_the_first_tier_whatever_its_memory():
    assert tier_of(CPU).name == "1"


@pytest.mark.parametrize(
    ("gib", "residency", "seconds", "batch", "tile"),
    [
        (6, Residency.OFFLOAD, 600, 1, 128),
        (8, Residency.OFFLOAD, 600, 2, 128),
        (12, Residency.OFFLOAD, 600, 4, 128),
        (14, Residency.ONE_AT_A_TIME, 600, 4, 256),
        (16, Residency.ONE_AT_A_TIME, 600, 8, 256),
        (22, Residency.KEEP, 480, 8, 384),
        (24.5, Residency.KEEP, 600, 8, 512),
        (80, Residency.KEEP, 600, 8, 512),
    ],
)
def test_a_card_for_itself_gets_what_its_tier_gives(gib, residency, seconds, batch, tile):
    made = plan(card(gib))
    assert (made.residency, made.max_seconds, made.batch, made.vae_tile_frames) == (residency, seconds, batch, tile)
    assert (made.fits, made.int8, made.compile) == (True, False, False)
    assert (made.dtype, made.vae_dtype) == ("bfloat16", "bfloat16")


def test_beside_a_planner_there_is_less():
    alone, beside = plan(card(16)), plan(card(16), planner="1.7B")
    assert (alone.max_seconds, alone.batch) == (600, 8)
    assert (beside.max_seconds, beside.batch) == (480, 4)
    assert beside.needed > alone.needed
    assert any("too large for this tier" in reason for reason in plan(card(16), planner="4B").reasons)


def test_a_larger_model_moves_before_it_shrinks_and_shrinks_before_it_gives_up():
    roomy, moved, shrunk, refused = (plan(card(gib), "xl") for gib in (24, 12, 8, 4))
    assert (roomy.residency, roomy.int8, roomy.fits) == (Residency.KEEP, False, True)
    assert (moved.residency, moved.int8, moved.fits) == (Residency.OFFLOAD, False, True)
    assert (shrunk.residency, shrunk.int8, shrunk.fits) == (Residency.OFFLOAD, True, True)
    assert (refused.residency, refused.int8, refused.fits) == (Residency.OFFLOAD, True, False)
    assert any("in 8 bits" in reason for reason in shrunk.reasons)
    assert any("the xl model needs" in reason for reason in refused.reasons)
    taken = plan(card(24, free=10.5), "xl")
    assert (taken.residency, taken.fits) == (Residency.ONE_AT_A_TIME, True)
    assert any("one at a time" in reason for reason in taken.reasons)


def test_eight_bits_are_taken_or_left_when_asked_for():
    assert plan(card(80), wishes=Wishes(int8=True)).int8
    kept = plan(card(8), "xl", wishes=Wishes(int8=False))
    assert (kept.int8, kept.fits) == (False, False)


def test_without_a_library_for_eight_bits_the_plan_says_what_it_would_take():
    for wishes, gib in ((Wishes(int8=True), 80), (None, 8)):
        made = plan(card(gib), "xl", wishes=wishes, can_quantise=False)
        assert not made.int8
        assert any("punchin[int8]" in reason for reason in made.reasons)
    for wishes, gib in ((Wishes(int8=False), 8), (None, 24)):
        assert "int8" not in str(plan(card(gib), "xl", wishes=wishes, can_quantise=False).reasons)


def test_what_is_planned_fits():
    for gib in (3, 4, 6, 8, 10, 12, 14, 16, 20, 24, 48):
        for family in ("2b", "xl"):
            for guided in (False, True):
                made = plan(card(gib), family, guided=guided)
                assert made.fits == (made.needed <= made.free)
                assert takes_at_once(made, 60, guided=guided) == made.batch
                assert 1 <= takes_at_once(made, made.max_seconds, guided=guided) <= made.batch
                assert 60 <= made.max_seconds <= 600


def test_guidance_and_length_cost_takes():
    assert (plan(card(16, free=12)).batch, plan(card(16, free=12), guided=True).batch) == (8, 5)
    made = plan(card(16))
    assert [takes_at_once(made, seconds) for seconds in (10, 60, 240, 600)] == [8, 8, 8, 4]
    short = plan(card(6), guided=True)
    assert 60 <= short.max_seconds < 600
    assert any(f"at most {short.max_seconds} s" in reason for reason in short.reasons)


def test_types_follow_the_device():
    assert (plan(CPU).dtype, plan(CPU).vae_dtype) == ("float32", "float32")
    assert (plan(replace(CPU, bfloat16=True)).dtype, plan(replace(CPU, bfloat16=True)).vae_dtype) == (
        "bfloat16",
        "float32",
    )
    old = plan(card(24, bfloat16=False))
    assert (old.dtype, old.vae_dtype) == ("float32", "float32")
    assert any("float32" in reason for reason in old.reasons)
    assert plan(card(24, kind="mps", bfloat16=False)).dtype == "float16"
    assert plan(card(24), wishes=Wishes(dtype="float32")).dtype == "float32"


def test_a_planner_beside_a_model_in_float16_is_kept_in_float32():
    assert planner_dtype("float16") == "float32"
    assert planner_dtype("bfloat16") == "bfloat16"
    larger = plan(card(24, kind="mps"), planner="1.7B").needed - plan(card(24, kind="mps")).needed
    assert larger == pytest.approx(2 * 4.4e9)


def test_where_memory_is_shared_nothing_moves():
    apple = plan(card(12, kind="mps"))
    assert (apple.residency, apple.int8, apple.vae_tile_frames) == (Residency.KEEP, False, 32)
    assert not plan(card(24, kind="mps"), wishes=Wishes(compile=True)).compile
    assert plan(CPU).residency is Residency.KEEP
    assert plan(CPU).tier == "1"
    assert (plan(CPU).max_seconds, plan(CPU).batch) == (360, 1)


# simulation and wishes


def test_a_variable_gives_a_card_that_is_not_there():
    made = simulated({"MAX_CUDA_VRAM": "8"}, CPU)
    assert (made.kind, made.total, made.free, made.simulated) == ("cuda", 8 * GIB, 7.5 * GIB, True)
    assert plan(made).tier == "3"
    assert simulated({"MAX_MPS_VRAM": "16"}, CPU).kind == "mps"
    assert simulated({"MAX_CUDA_VRAM": " "}, CPU) is CPU
    assert simulated({}, CPU) is CPU


def test_a_variable_makes_a_real_card_smaller_never_larger():
    real = card(24, free=23)
    small = simulated({"MAX_CUDA_VRAM": "8"}, real)
    assert (small.total, small.free, small.simulated, small.name) == (8 * GIB, 7.5 * GIB, False, "a card")
    assert simulated({"MAX_CUDA_VRAM": "80"}, real) == real
    assert simulated({"MAX_CUDA_VRAM": "8"}, card(24, kind="rocm")).kind == "rocm"


@pytest.mark.parametrize("text", ["eight", "0", "-8", "nan", "inf", "8GB"])
def test_a_variable_that_is_no_size_is_told(text):
    with pytest.raises(CannotStart, match="MAX_CUDA_VRAM"):
        simulated({"MAX_CUDA_VRAM": text}, CPU)


def test_the_reference_variables_are_wishes():
    assert wished({}) == Wishes()
    told = {"ACESTEP_DTYPE": "float32", "ACESTEP_QUANTIZATION": "int8_weight_only", "ACESTEP_COMPILE_MODEL": "true"}
    assert wished(told) == Wishes("float32", int8=True, compile=True)
    assert wished({"ACESTEP_QUANTIZATION": "none"}) == Wishes(int8=False)
    with pytest.raises(CannotStart, match="ACESTEP_DTYPE"):
        wished({"ACESTEP_DTYPE": "float8"})
    with pytest.raises(CannotStart, match="ACESTEP_QUANTIZATION"):
        wished({"ACESTEP_QUANTIZATION": "int3"})


def test_a_plan_costs_no_torch():
    code = (
        "import sys; from engine.backends.acestep import tiers;"
        "print(sorted({'torch', 'numpy', 'diffusers', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert isinstance(plan(CPU), MemoryPlan)
