"""Finished files get their final names, and nothing is ever overwritten."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine import files
from engine.units import JobId

JOB = JobId("abc123")


def finished_file(folder, content, number=0):
    path = files.temporary_path(folder, JOB, number)
    path.write_bytes(content)
    return path


@pytest.fixture(params=["links", "no links"])
def file_system(request, monkeypatch):
    # No file system without hard links can be mounted here: the call answers as FAT does.
    def refuse(*_, **__):
        raise OSError(errno.EPERM, "Operation not permitted")

    if request.param == "no links":
        monkeypatch.setattr(os, "link", refuse)


def test_a_name_that_is_taken_is_never_overwritten(tmp_path, file_system):
    final = tmp_path / "take.1.wav"
    final.write_bytes(b"the user's")
    (tmp_path / "take.1-2.wav").symlink_to(tmp_path / "gone")
    with pytest.raises(FileExistsError):
        files.move_into_place(finished_file(tmp_path, b"new"), final)
    assert final.read_bytes() == b"the user's"
    free = files.free_name(final)
    assert free == tmp_path / "take.1-3.wav"
    files.move_into_place(files.temporary_path(tmp_path, JOB, 0), free)
    assert free.read_bytes() == b"new"
    assert not list(tmp_path.glob(".punchin-*"))


def test_of_many_that_want_one_name_one_gets_it(tmp_path, file_system):
    def move(path):
        try:
            files.move_into_place(path, tmp_path / "take.wav")
        except FileExistsError:
            return False
        return True

    temporaries = [finished_file(tmp_path, b"%d" % number, number) for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(move, temporaries))
    assert won.count(True) == 1
    assert (tmp_path / "take.wav").read_bytes() == b"%d" % won.index(True)


def test_a_move_that_fails_leaves_the_finished_file_and_no_other(tmp_path):
    finished = finished_file(tmp_path, b"finished")
    with pytest.raises(OSError, match="take"):
        files.move_into_place(finished, tmp_path / "gone" / "take.wav")
    assert finished.read_bytes() == b"finished"
    assert list(tmp_path.iterdir()) == [finished]


def test_temporaries_of_one_job_are_removed_and_no_others(tmp_path):
    mine = [finished_file(tmp_path, b"x", number) for number in range(3)]
    other = files.temporary_path(tmp_path, JobId("abc1234"), 0)
    other.write_bytes(b"another job")
    files.remove_temporaries(tmp_path, JOB)
    assert [path.exists() for path in (*mine, other)] == [False, False, False, True]
