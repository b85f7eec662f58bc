"""Hugging Face and ModelScope on this machine: the few of their endpoints that a download uses, and ways to break it.

Only what clients of the real hubs send was looked at to write this; what the hubs answer beyond it is not imitated.
"""

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "c0ffee" + "0" * 34


class Hub(ThreadingHTTPServer):
    """Repositories are folders: `repos["ACE-Step/some"]` is where the files of that one lie."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repos: dict = {}
        self.log: list[tuple[str, str, str]] = []
        """Method, path and Range header of each request."""
        self.break_after: dict[str, int] = {}
        """File to the bytes after which its next transfer breaks; from then on it answers 500 until it is `mended`."""
        self.broken: set[str] = set()
        self.spoilt: set[str] = set()
        """Files that arrive with one bit flipped."""

    def mended(self):
        self.broken.clear()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, body):
        url = urlsplit(self.path)
        self.server.log.append((self.command, url.path, self.headers.get("Range", "")))
        parts = [unquote(part) for part in url.path.strip("/").split("/")]
        query = parse_qs(url.query)
        match parts:
            case ["api", "models", owner, name, "revision", _]:
                self._repo_info(f"{owner}/{name}")
            case ["api", "v1", "models", owner, name, "repo", "files"]:
                self._modelscope_files(f"{owner}/{name}")
            case ["api", "v1", "models", owner, name, "repo"]:
                self._file(f"{owner}/{name}", query["FilePath"][0], body)
            case ["models", owner, name, "resolve", _, *path]:
                self._file(f"{owner}/{name}", "/".join(path), body)
            case [owner, name, "resolve", _, *path]:
                self._file(f"{owner}/{name}", "/".join(path), body)
            case _:
                self._send(404, b"{}")

    def _files(self, repo):
        root = self.server.repos.get(repo)
        return {str(path.relative_to(root)): path for path in sorted(root.rglob("*")) if path.is_file()} if root else {}

    def _repo_info(self, repo):
        files = self._files(repo)
        if not files:
            self._send(404, b'{"error": "Repository not found"}', {"X-Error-Code": "RepoNotFound"})
            return
        siblings = []
        for name, path in files.items():
            content = path.read_bytes()
            entry = {"rfilename": name, "size": len(content), "blobId": hashlib.sha1(content).hexdigest()}
            if name.endswith((".safetensors", ".pt", ".bin")):
                entry["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
            siblings.append(entry)
        self._send(200, json.dumps({"id": repo, "modelId": repo, "sha": COMMIT, "siblings": siblings}).encode())

    def _modelscope_files(self, repo):
        files = [
            {
                "Path": name,
                "Name": path.name,
                "Type": "blob",
                "Size": path.stat().st_size,
                "Sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
            for name, path in self._files(repo).items()
        ]
        self._send(200, json.dumps({"Code": 200, "Success": True, "Data": {"Files": files}}).encode())

    def _file(self, repo, name, body):
        path = self._files(repo).get(name)
        if path is None:
            self._send(404, b"{}", {"X-Error-Code": "EntryNotFound"})
            return
        if body and name in self.server.broken:
            self._send(500, b"{}")
            return
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if name in self.server.spoilt:
            content = content[:-1] + bytes([content[-1] ^ 1])
        headers = {
            "ETag": f'"{digest}"',
            "X-Repo-Commit": COMMIT,
            "X-Linked-Etag": f'"{digest}"',
            "X-Linked-Size": str(len(content)),
            "Accept-Ranges": "bytes",
        }
        asked = self.headers.get("Range")
        first, last = 0, len(content) - 1
        if asked:
            start, _, end = asked.removeprefix("bytes=").partition("-")
            first, last = int(start), int(end) if end else last
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        self._send(206 if asked else 200, content[first : last + 1] if body else b"", headers, last + 1 - first, name)

    def _send(self, status, content, headers=None, length=None, name=None):
        self.send_response(status)
        for key, value in (headers or {"Content-Type": "application/json"}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        if name in self.server.break_after and content:
            self.wfile.write(content[: self.server.break_after.pop(name)])
            self.wfile.flush()
            self.server.broken.add(name)
            self.close_connection = True
            return
        if self.command != "HEAD":
            self.wfile.write(content)


@contextmanager
def hub():
    """A hub that runs until the block ends."""
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
