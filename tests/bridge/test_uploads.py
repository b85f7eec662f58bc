import hashlib
import os
import subprocess
import sys

import pytest

from bridge.protocol.messages import LARGEST_PIECE, Put
from bridge.remote.uploads import Bounds, Uploads
from engine.errors import Busy, InvalidSpec, NotFound, TooLarge

WHOLE = os.urandom(3 * LARGEST_PIECE + 1000)


def sha(data):
    return hashlib.sha256(data).hexdigest()


def piece(offset, whole=WHOLE, **more):
    data = more.pop("data", whole[offset : offset + LARGEST_PIECE])
    values = {"upload": sha(whole), "offset": offset, "total": len(whole), "checksum": sha(data), "data": data}
    return Put(request_id="r", **values | more)


OFFSETS = range(0, len(WHOLE), LARGEST_PIECE)


class Time:
    def __init__(self):
        self.now = 1e9

    def __call__(self):
        return self.now


class Kept:
    """Uploads with a clock of their own and files that jobs need."""

    def __init__(self, folder, **bounds):
        self.folder, self.clock, self.needed = folder, Time(), []
        self.uploads = Uploads(folder, lambda: self.needed, Bounds(**{"free": 0} | bounds), self.clock)

    def bring(self, client, whole):
        for offset in range(0, len(whole), LARGEST_PIECE):
            received = self.uploads.put(client, piece(offset, whole))
        assert received == len(whole)
        self.clock.now += 1
        return self.uploads.path(client, sha(whole))

    def has(self, client, whole):
        try:
            return self.uploads.path(client, sha(whole)).read_bytes() == whole
        except NotFound:
            return False


@pytest.fixture
def kept(tmp_path):
    return Kept(tmp_path / "uploads")


def test_pieces_in_order_become_the_file(kept):
    received = [kept.uploads.put("laptop", piece(offset)) for offset in OFFSETS]
    assert received == [65536, 131072, 196608, 197608]
    path = kept.uploads.path("laptop", sha(WHOLE))
    assert path.read_bytes() == WHOLE
    assert [each.name for each in path.parent.iterdir()] == [sha(WHOLE)]
    if os.name == "posix":
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_piece_twice_or_too_early_changes_nothing(kept):
    order = [0, 2, 0, 1, 1, 3, 2, 0, 3, 3]
    received = [kept.uploads.put("laptop", piece(OFFSETS[number])) for number in order]
    assert received == [65536, 65536, 65536, 131072, 131072, 131072, 196608, 196608, 197608, 197608]
    assert kept.has("laptop", WHOLE)


def test_pieces_that_overlap(kept):
    kept.uploads.put("laptop", piece(0))
    assert kept.uploads.put("laptop", piece(30_000)) == 30_000 + LARGEST_PIECE
    for offset in range(30_000 + LARGEST_PIECE, len(WHOLE), LARGEST_PIECE):
        kept.uploads.put("laptop", piece(offset))
    assert kept.has("laptop", WHOLE)


def test_an_upload_goes_on_after_the_daemon_has_ended(kept):
    for offset in OFFSETS[:2]:
        kept.uploads.put("laptop", piece(offset))
    again = Kept(kept.folder)
    assert again.uploads.put("laptop", piece(0)) == 2 * LARGEST_PIECE
    for offset in OFFSETS[2:]:
        again.uploads.put("laptop", piece(offset))
    assert again.has("laptop", WHOLE)


def test_a_piece_with_a_wrong_checksum_is_not_taken(kept):
    with pytest.raises(InvalidSpec, match="checksum"):
        kept.uploads.put("laptop", piece(0, checksum=sha(b"other")))
    assert not kept.folder.exists()


def test_a_whole_with_a_wrong_checksum_never_gets_a_name(kept):
    wrong = piece(0, b"one", data=b"two")
    with pytest.raises(InvalidSpec, match="another SHA-256"):
        kept.uploads.put("laptop", wrong)
    assert not kept.has("laptop", b"one")
    assert [path for path in kept.folder.rglob("*") if path.is_file()] == []
    kept.bring("laptop", b"one")


def test_a_piece_that_reaches_past_the_end_and_a_total_that_changes(kept):
    with pytest.raises(InvalidSpec, match="ends after"):
        kept.uploads.put("laptop", piece(0, total=10))
    kept.uploads.put("laptop", piece(0))
    with pytest.raises(InvalidSpec, match="begins anew"):
        kept.uploads.put("laptop", piece(LARGEST_PIECE, total=2 * len(WHOLE)))
    assert kept.uploads.put("laptop", piece(0)) == LARGEST_PIECE


def test_two_clients_with_the_same_file_keep_one_each(kept):
    kept.uploads.put("remote/a", piece(0))
    assert not kept.has("remote/b", WHOLE)
    first, second = kept.bring("remote/b", WHOLE), kept.bring("remote/a", WHOLE)
    assert first != second
    assert kept.has("remote/a", WHOLE)
    assert kept.has("remote/b", WHOLE)


@pytest.mark.parametrize("client", ["../../etc", "/", "..", "a/../../b", "C:\\x", "CON", "ü" * 50, "a\nb"])
def test_no_name_of_a_client_becomes_a_path(kept, client):
    path = kept.bring(client, b"x")
    assert path.parent.parent == kept.folder
    assert len(path.parent.name) == 16


def test_an_upload_that_is_too_large_or_does_not_fit(tmp_path):
    with pytest.raises(TooLarge, match="at most 1000 bytes"):
        Kept(tmp_path, upload=1000).uploads.put("laptop", piece(0))
    with pytest.raises(Busy, match="no room"):
        Kept(tmp_path, free=2**60).uploads.put("laptop", piece(0))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_one_not_used_for_longest_makes_room(tmp_path):
    kept = Kept(tmp_path, client=300)
    files = [bytes([number]) * 100 for number in range(4)]
    for whole in files[:3]:
        kept.bring("laptop", whole)
    assert kept.has("laptop", files[0]), "this is a use"
    kept.bring("laptop", files[3])
    assert [kept.has("laptop", whole) for whole in files] == [True, False, True, True]


def test_what_a_job_needs_stays(tmp_path):
    kept = Kept(tmp_path, client=300, count=2)
    first = kept.bring("laptop", b"1" * 100)
    kept.needed = [first, kept.bring("laptop", b"2" * 100)]
    with pytest.raises(TooLarge, match="jobs still need"):
        kept.bring("laptop", b"3" * 100)
    kept.needed = [first]
    kept.bring("laptop", b"3" * 100)
    assert kept.has("laptop", b"1" * 100)
    assert not kept.has("laptop", b"2" * 100)


def test_uploads_under_way_count_with_their_whole_size(tmp_path):
    kept = Kept(tmp_path, client=len(WHOLE) + 100)
    kept.uploads.put("laptop", piece(0))
    with pytest.raises(TooLarge):
        kept.uploads.put("laptop", piece(0, b"x" * 101))
    kept.bring("laptop", b"x" * 100)


def test_clients_are_bounded(tmp_path):
    kept = Kept(tmp_path, clients=2)
    kept.bring("a", b"x")
    kept.bring("b", b"x")
    with pytest.raises(Busy, match="2 clients"):
        kept.bring("c", b"x")
    kept.bring("b", b"y")


def test_what_nobody_uses_is_removed(tmp_path):
    kept = Kept(tmp_path, days=7)
    kept.bring("a", b"x")
    needed = kept.bring("b", b"y")
    kept.needed = [needed]
    kept.clock.now += 6 * 86400
    assert kept.has("a", b"x")
    kept.clock.now += 6 * 86400
    kept.uploads.tidy()
    assert kept.has("a", b"x")
    kept.clock.now += 8 * 86400
    kept.uploads.tidy()
    assert not kept.has("a", b"x")
    assert needed.exists()
    assert len(list(tmp_path.iterdir())) == 1


FULL = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_uploads import Kept, piece, WHOLE, OFFSETS, sha
from engine.errors import Busy

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
kept = Kept(Path(sys.argv[2]))
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
kept.uploads.put("laptop", piece(0))
try:
    kept.uploads.put("laptop", piece(OFFSETS[1]))
except Busy as error:
    assert "full" in str(error), error
else:
    raise SystemExit("it was not full")
(part,) = Path(sys.argv[2]).rglob("*.part")
assert part.stat().st_size == 65536, part.stat().st_size
assert not kept.has("laptop", WHOLE)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
for offset in OFFSETS:
    kept.uploads.put("laptop", piece(offset))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_a_disk_that_fills_up_leaves_what_was_whole_and_the_upload_goes_on(tmp_path):
    here = os.path.dirname(__file__)
    done = subprocess.run(
        [sys.executable, "-c", FULL, here, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
