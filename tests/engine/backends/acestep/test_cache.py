import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engine.backends.acestep.cache import Cache, fingerprint, key

ROOT = Path(__file__).parents[4]
KILO = 1000


def entry(seed, size=KILO):
    """An entry of `size` bytes."""
    numbers = torch.randint(0, 256, (size,), generator=torch.Generator().manual_seed(seed))
    return {"latents": numbers.to(torch.uint8)}


def same(found, wanted):
    return found is not None and found.keys() == wanted.keys() and all(torch.equal(found[k], wanted[k]) for k in wanted)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


# keys


def test_equal_ingredients_have_one_key():
    made = [key("source", "model", torch.arange(6.0).reshape(2, 3), 7, None) for _ in range(2)]
    assert made[0] == made[1]
    assert len(made[0]) == 64
    # what it looks like in memory does not matter
    assert made[0] == key("source", "model", torch.arange(6.0).reshape(2, 3).T.contiguous().T, 7, None)


def test_whatever_differs_has_another_key():
    tensor = torch.arange(6.0)
    changed = tensor.clone()
    changed[3] += 1e-6
    keys = [
        key("a"),
        key("b"),
        key("a", ""),
        key("a", None),
        key("a", "None"),
        key("a", "1"),
        key("a", 1),
        key("a", 1.0),
        key("a", b"1"),
        key("a", "bc", "d"),
        key("a", "b", "cd"),
        key("a", "bcd"),
        key("a", tensor),
        key("a", changed),
        key("a", tensor.reshape(2, 3)),
        key("a", tensor.reshape(3, 2)),
        key("a", tensor.to(torch.int32)),
        key("a", tensor.view(torch.int32)),
        key("a", tensor.bfloat16()),
        key("a", tensor[:0]),
        key("a", tensor[:0].reshape(0, 4)),
        key("a", tensor[:3], tensor[3:]),
        key("a", tensor[:2], tensor[2:]),
    ]
    assert len(set(keys)) == len(keys)


def test_a_fingerprint_is_that_of_the_weights():
    torch.manual_seed(1)
    one, other = torch.nn.Linear(4, 3), torch.nn.Linear(4, 3)
    before = fingerprint(one)
    assert before == fingerprint(one)
    assert before != fingerprint(other)
    other.load_state_dict(one.state_dict())
    assert before == fingerprint(other)
    with torch.no_grad():
        one.weight[2, 3] += 1e-6
    assert before != fingerprint(one)


# memory


def test_the_least_recently_used_leaves_memory_first():
    cache = Cache(None, memory_bytes=3 * KILO, disk_bytes=0)
    for name in "abc":
        cache.put(name, entry(ord(name)))
    assert same(cache.get("a"), entry(ord("a")))
    cache.put("d", entry(ord("d")))
    assert [name for name in "abcd" if cache.get(name) is not None] == ["a", "c", "d"]
    cache.put("a", entry(1, 2 * KILO))
    assert [name for name in "abcd" if cache.get(name) is not None] == ["a", "d"]
    cache.put("too large", entry(2, 3 * KILO + 1))
    assert [name for name in ("a", "d", "too large") if cache.get(name) is not None] == ["a", "d"]


def test_what_is_kept_does_not_change_with_what_was_given():
    cache = Cache(None, memory_bytes=KILO, disk_bytes=0)
    given = entry(1)
    cache.put("a", given)
    given["latents"].zero_()
    assert same(cache.get("a"), entry(1))


def test_it_is_computed_once():
    cache, computed = Cache(None, memory_bytes=KILO, disk_bytes=0), []

    def compute():
        computed.append(1)
        return entry(5)

    assert same(cache.kept("a", compute), entry(5))
    assert same(cache.kept("a", compute), entry(5))
    assert len(computed) == 1


# disk


def test_the_folder_outlives_the_process(tmp_path):
    tensors = {
        "latents": torch.randn(1, 25, 8, dtype=torch.bfloat16),
        "mask": torch.tensor([True, False]),
        "turned": torch.randn(3, 5).T,
        "empty": torch.empty(0, 4),
    }
    Cache(tmp_path / "cache", memory_bytes=0, disk_bytes=10**6).put("a", tensors)
    found = Cache(tmp_path / "cache", memory_bytes=0, disk_bytes=10**6).get("a")
    assert same(found, tensors)
    assert found["latents"].dtype == torch.bfloat16
    assert files(tmp_path / "cache") == ["a.safetensors"]


def test_the_folder_keeps_to_its_bytes_and_loses_the_least_recently_used(tmp_path):
    cache = Cache(tmp_path, memory_bytes=0, disk_bytes=4 * KILO)
    for age, name in enumerate("abc"):
        cache.put(name, entry(age))
        os.utime(tmp_path / f"{name}.safetensors", (1000 + age, 1000 + age))
    assert same(cache.get("a"), entry(0))
    cache.put("d", entry(3))
    assert files(tmp_path) == ["a.safetensors", "c.safetensors", "d.safetensors"]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 4 * KILO
    cache.put("too large", entry(4, 4 * KILO + 1))
    assert files(tmp_path) == ["a.safetensors", "c.safetensors", "d.safetensors"]


def flipped(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def truncated(path):
    path.write_bytes(path.read_bytes()[:-100])


def emptied(path):
    path.write_bytes(b"")


def bombed(path):
    path.write_bytes((1 << 62).to_bytes(8, "little") + b"{}")


def swapped(path):
    other = Cache(path.parent / "other", memory_bytes=0, disk_bytes=10**6)
    other.put("a", entry(99))
    data = (path.parent / "other" / "a.safetensors").read_bytes()
    # the head of one entry with the numbers of another
    path.write_bytes(path.read_bytes()[:-KILO] + data[-KILO:])


@pytest.mark.parametrize("damage", [flipped, truncated, emptied, bombed, swapped])
def test_what_is_damaged_is_thrown_away_and_made_again(tmp_path, damage):
    cache = Cache(tmp_path, memory_bytes=0, disk_bytes=10**6)
    cache.put("a", entry(1))
    damage(tmp_path / "a.safetensors")
    assert cache.get("a") is None
    assert not (tmp_path / "a.safetensors").exists()
    assert same(cache.kept("a", lambda: entry(1)), entry(1))
    assert same(cache.get("a"), entry(1))


def test_what_a_dead_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path):
    old, new, foreign = tmp_path / "x-1.part", tmp_path / "x-2.part", tmp_path / "notes.txt"
    for path in (old, new, foreign):
        path.write_bytes(b"half")
    os.utime(old, (1000, 1000))
    os.utime(foreign, (1000, 1000))
    Cache(tmp_path, memory_bytes=0, disk_bytes=10**6).put("a", entry(1))
    assert files(tmp_path) == ["a.safetensors", "notes.txt", "x-2.part"]


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("no folder")
    cache = Cache(tmp_path / "file" / "cache", memory_bytes=KILO, disk_bytes=10**6)
    cache.put("a", entry(1))
    assert same(cache.get("a"), entry(1))
    assert cache.get("b") is None


HAMMER = """
import sys, torch
from pathlib import Path
from engine.backends.acestep.cache import Cache

cache = Cache(Path(sys.argv[1]), memory_bytes=0, disk_bytes=6_000)
wrong = hits = 0
for turn in range(150):
    seed = (turn // 2 * 7 + int(sys.argv[2])) % 10
    wanted = torch.full((1000,), seed, dtype=torch.uint8)
    found = cache.get(f"k{seed}")
    if found is not None:
        hits += 1
        wrong += not torch.equal(found["latents"], wanted)
    cache.put(f"k{seed}", {"latents": wanted})
print(wrong, hits)
"""


def test_processes_share_a_folder(tmp_path):
    running = [
        subprocess.Popen(
            [sys.executable, "-c", HAMMER, str(tmp_path), str(number)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    answers = [process.communicate(timeout=240) for process in running]
    assert all(process.returncode == 0 for process in running), answers
    assert all(out.split()[0] == "0" for out, _ in answers)
    assert sum(int(out.split()[1]) for out, _ in answers) > 0
    assert "damaged" not in "".join(said for _, said in answers)
    left = list(tmp_path.iterdir())
    assert {path.suffix for path in left} == {".safetensors"}
    assert sum(path.stat().st_size for path in left) <= 6_000
