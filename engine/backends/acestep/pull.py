"""Downloads releases, from Hugging Face or ModelScope, and holds what arrives against what the hub published.

Only weights as safetensors, settings, tokenizers and the silent latent are fetched; never code, never another pickle.
"""

import contextlib
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Literal

from filelock import FileLock, Timeout

from engine.backends.acestep.catalogue import BY_NAME, Release
from engine.backends.acestep.guard import SILENCE, header, is_inside
from engine.backends.acestep.hub import Hub, Listing
from engine.backends.acestep.record import UNFINISHED, Content, Record, sha256_of
from engine.errors import BadModel, Busy, DiskFull, NoModel, PunchinError
from engine.files import NO_ROOM

Source = Literal["huggingface", "modelscope"]
Progress = Callable[[int, int, str], None]
"""Gets bytes done, bytes in all, and the file that is on its way; called several times a second, from another thread."""

_WANTED = frozenset({".safetensors", ".json", ".txt"})
_TOLD_EVERY_SECONDS = 0.2
_ROOM_TO_SPARE = 100_000_000


def needed(name: str, with_needs: bool = True) -> list[Release]:
    """The release called `name` and what it cannot be loaded without. Raises NoModel when there is none."""
    if name not in BY_NAME:
        raise NoModel(f"{name} is no release of ACE-Step 1.5; there are {', '.join(BY_NAME)}")
    release = BY_NAME[name]
    return [*(BY_NAME[need] for need in release.needs if with_needs), release]


def pull(release: Release, models: Path, progress: Progress, source: Source = "huggingface") -> Path:
    """Download one release into the folder of its name under `models`, or complete it; return that folder.

    Raises NoModel when the hub does not give it, BadModel when what arrives is not what was published, DiskFull, and Busy while
    another pull of it runs. What has arrived stays, and the next pull goes on from there.
    """
    folder = models / release.name
    folder.mkdir(parents=True, exist_ok=True)
    with _only_one(folder), _errors_of(source, release.repo):
        hub = hub_of(source)
        listing = hub.listing(release.repo, release.revision)
        record = _record(release, source, listing, Record.read(folder))
        _check_room(folder, record)
        record.write(folder)
        with _telling(progress, folder, record) as current:
            for name, wanted in record.files.items():
                current.append(name)
                if not _is_there(folder / name, wanted):
                    path = str(PurePosixPath(release.folder) / name)
                    record = record.with_hash(
                        name, _bring(hub, record, path, wanted, folder / name, folder / UNFINISHED)
                    )
                    record.write(folder)
        shutil.rmtree(folder / UNFINISHED, ignore_errors=True)
        return folder


def hub_of(source: Source) -> Hub:
    """A hub by name; raises NoModel when its library is not installed."""
    try:
        if source == "modelscope":
            from engine.backends.acestep.modelscope import ModelScope  # noqa: PLC0415  an extra of its own

            return ModelScope()
        from engine.backends.acestep.huggingface import HuggingFace  # noqa: PLC0415  part of an extra
    except ImportError as error:
        extra = "modelscope" if source == "modelscope" else "ace"
        raise NoModel(f"{source} needs {error.name}: pip install 'punchin[{extra}]'") from None
    return HuggingFace()


def _record(release: Release, source: Source, listing: Listing, earlier: Record | None) -> Record:
    """What is to arrive; of small files, for which hubs publish no hash, the hash that they had when they came."""
    prefix = f"{release.folder}/" if release.folder else ""
    files = {
        path.removeprefix(prefix): content
        for path, content in sorted(listing.files.items())
        if path.startswith(prefix) and is_inside(path) and _is_wanted(PurePosixPath(path))
    }
    if not any(name.endswith(".safetensors") for name in files):
        raise NoModel(f"{source} has no safetensors of {release.name} in {release.repo}")
    if earlier and (earlier.source, earlier.revision) == (source, listing.revision):
        files = {
            name: content if content.sha256 else earlier.files.get(name, content) for name, content in files.items()
        }
    return Record(release.name, release.repo, source, listing.revision, files)


def _is_wanted(path: PurePosixPath) -> bool:
    is_text = path.name in {"README.md", "LICENSE"}
    return is_text or path.name == SILENCE or (path.suffix in _WANTED and not path.name.startswith("."))


def _is_there(target: Path, wanted: Content) -> bool:
    return target.is_file() and target.stat().st_size == wanted.bytes and sha256_of(target) == wanted.sha256


def _bring(hub: Hub, record: Record, path: str, wanted: Content, target: Path, unfinished: Path) -> str:
    """Fetch a file, give it its place once it is what was published, and return its hash."""
    arrived = unfinished / path
    for _ in range(2):
        hub.fetch(record.repo, path, record.revision, unfinished, wanted)
        found = sha256_of(arrived)
        if arrived.stat().st_size == wanted.bytes and found == (wanted.sha256 or found):
            if target.suffix == ".safetensors":
                header(arrived)
            target.parent.mkdir(parents=True, exist_ok=True)
            arrived.replace(target)
            return found
        arrived.unlink()
    raise BadModel(
        f"{path} of {record.repo} arrived damaged twice: its sha256 is {found}, published is {wanted.sha256}"
    )


def _bytes_there(folder: Path, record: Record) -> int:
    there = 0
    for name, content in record.files.items():
        with contextlib.suppress(OSError):
            there += min((folder / name).stat().st_size, content.bytes)
    for path in (folder / UNFINISHED).rglob("*"):
        with contextlib.suppress(OSError):
            there += path.stat().st_size if path.is_file() else 0
    return min(there, record.bytes)


def _check_room(folder: Path, record: Record) -> None:
    wanted = record.bytes - _bytes_there(folder, record) + _ROOM_TO_SPARE
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise DiskFull(
            f"{folder} has {free / 1e9:.1f} GB free, {record.name} needs {wanted / 1e9:.1f} GB: "
            f"punchin models pull --to FOLDER takes another disk"
        )


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise Busy(f"{folder.name} is being downloaded already") from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _errors_of(source: str, repo: str) -> Iterator[None]:
    try:
        yield
    except PunchinError:
        raise
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFull(f"the disk is full: {error}") from error
        raise _not_given(source, repo, error) from error
    except Exception as error:  # every version of a hub's library raises the errors of another HTTP library
        raise _not_given(source, repo, error) from error


def _not_given(source: str, repo: str, error: Exception) -> NoModel:
    said = (str(error).strip() or type(error).__name__).splitlines()[0]
    return NoModel(f"{repo} could not be fetched from {source}: {said}. Run it again: it goes on where it stopped")


@contextlib.contextmanager
def _telling(progress: Progress, folder: Path, record: Record) -> Iterator[list[str]]:
    """Look several times a second how much is there. Gives a list: its last entry is what is on its way."""
    current: list[str] = []
    stop = threading.Event()

    def keep_telling() -> None:
        while not stop.wait(_TOLD_EVERY_SECONDS):
            progress(_bytes_there(folder, record), record.bytes, current[-1] if current else "")

    thread = threading.Thread(target=keep_telling, name=f"pull {record.name}", daemon=True)
    thread.start()
    try:
        yield current
        progress(record.bytes, record.bytes, "")
    finally:
        stop.set()
        thread.join()
