"""Hugging Face as a source of releases; `HF_ENDPOINT` names a mirror."""

import os
from pathlib import Path

from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers, disable_progress_bars

from engine.backends.acestep.hub import Listing
from engine.backends.acestep.record import Content


class HuggingFace:
    """The hub, through its own library.

    `hf_hub_download` throws away what has arrived when it is stopped: of a file of nine gigabytes, all of it. So files are
    fetched by the function beneath it, which goes on from any byte.
    """

    def __init__(self) -> None:
        # We draw one bar for all files of a release.
        disable_progress_bars()
        # The library reads it when it is imported, which may have been earlier.
        self._endpoint = os.environ.get("HF_ENDPOINT") or None

    def listing(self, repo: str, revision: str) -> Listing:
        """All files of a repository, at the commit that `revision` names now."""
        info = HfApi(endpoint=self._endpoint).model_info(repo, revision=revision, files_metadata=True)
        files = {
            file.rfilename: Content(file.size or 0, file.lfs.sha256 if file.lfs else "") for file in info.siblings or ()
        }
        return Listing(str(info.sha), files)

    def fetch(self, repo: str, path: str, revision: str, into: Path, wanted: Content) -> None:
        """Download one file, from the byte on that is not there yet."""
        unfinished = into / f"{path}.incomplete"
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        there = unfinished.stat().st_size if unfinished.is_file() else 0
        if there > wanted.bytes:
            unfinished.unlink()
            there = 0
        url = hf_hub_url(repo, path, revision=revision, endpoint=self._endpoint)
        with unfinished.open("ab") as file:
            http_get(url, file, resume_size=there, headers=build_hf_headers(), expected_size=wanted.bytes)
        unfinished.replace(into / path)
