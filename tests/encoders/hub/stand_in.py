"""A stand-in for a model hub on localhost: as much of its HTTP as huggingface_hub asks for."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What is served, what goes wrong, and what was asked for."""

    files: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """By repository and path."""
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Repositories that answer with a status and one of the hub's error codes."""
    cuts: list[int] = field(default_factory=list)
    """After how many bytes the connection breaks, for each of the next downloads."""
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Method, path and Range of each request."""
    address: str = ""

    def ranges(self) -> list[str | None]:
        """Those of all downloads, in order."""
        return [asked for method, _, asked in self.asked if method == "GET"]


@contextmanager
def hub() -> Iterator[Hub]:
    """A hub on a free port, for as long as the context lasts."""
    content = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(content))
    content.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield content
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(content: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def log_message(self, *_: Any) -> None:
            pass

        def _answer(self, body: bool) -> None:
            asked = self.headers.get("Range")
            content.asked.append((self.command, self.path, asked))
            repository, _, rest = self.path.lstrip("/").partition("/resolve/")
            revision, _, file = rest.partition("/")
            if repository in content.refused:
                self._refuse(*content.refused[repository])
            elif all(repository != known for known, _ in content.files):
                self._refuse(404, "RepoNotFound")
            elif (repository, file) not in content.files:
                self._refuse(404, "EntryNotFound")
            else:
                self._send(content.files[repository, file], revision, asked, body)

        def _refuse(self, status: int, code: str) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _send(self, data: bytes, revision: str, asked: str | None, body: bool) -> None:
            first = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
            part = data[first:]
            self.send_response(206 if asked else 200)
            self.send_header("X-Repo-Commit", revision if len(revision) == 40 else COMMIT)
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Linked-Size", str(len(data)))
            self.send_header("Accept-Ranges", "bytes")
            if asked:
                self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            if body:
                sent = content.cuts.pop(0) if content.cuts else len(part)
                self.wfile.write(part[:sent])
                self.close_connection = sent < len(part) or self.close_connection

    return Handler
