"""ModelScope as a source of releases, for where Hugging Face is slow or shut off; `MODELSCOPE_ENDPOINT` names a mirror."""

from pathlib import Path

from modelscope_hub import HubApi

from engine.backends.acestep.hub import Listing
from engine.backends.acestep.record import Content

_NEWEST = "master"
"""What other hubs call main."""


class ModelScope:
    """The hub, through its own library. It does not say which commit a branch stands at: hashes are what a pull is held to."""

    def listing(self, repo: str, revision: str) -> Listing:
        """All files of a repository."""
        revision = _NEWEST if revision == "main" else revision
        files = HubApi().list_repo_files(repo, "model", revision=revision)
        contents = {file.path: Content(file.size, file.sha256 or "") for file in files if not file.is_dir}
        return Listing(revision, contents)

    def fetch(self, repo: str, path: str, revision: str, into: Path, wanted: Content) -> None:
        """Download one file; the library keeps what has arrived beside it, and goes on from there."""
        HubApi().download_file(repo, "model", path, revision=revision, local_dir=into, file_size=wanted.bytes)
