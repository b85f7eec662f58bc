"""What a place that releases come from must be able to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.backends.acestep.record import Content


@dataclass(frozen=True, slots=True)
class Listing:
    """What a hub has of a release."""

    revision: str
    files: Mapping[str, Content]
    """By path in the repository."""


class Hub(Protocol):
    """A place that releases come from."""

    def listing(self, repo: str, revision: str) -> Listing:
        """All files of a repository, at one commit."""
        ...

    def fetch(self, repo: str, path: str, revision: str, into: Path, wanted: Content) -> None:
        """Download one file to `into / path`, going on from what an earlier, broken download left in `into`."""
        ...
