"""Raw HTTP, for requests that no well-behaved client sends."""

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock

PATIENCE = 30.0


class Target:
    """A server under attack, and the statuses of all its responses."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.statuses: Counter[int] = Counter()
        self._lock = Lock()

    def connect(self, patience: float = PATIENCE) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), patience)

    def ask(self, request: bytes, patience: float = PATIENCE) -> tuple[int, bytes]:
        """The status and the body; 0 if the server hangs up."""
        data = b""
        with suppress(OSError), self.connect(patience) as connection:
            with suppress(OSError):  # a refusal may come before all is sent
                connection.sendall(request)
            while more := connection.recv(65536):
                data += more
        status = int(data[9:12]) if data[:5] == b"HTTP/" else 0
        with self._lock:
            self.statuses[status] += 1
        return status, data.partition(b"\r\n\r\n")[2]

    def get(self, path: str, patience: float = PATIENCE) -> tuple[int, bytes]:
        return self.ask(head("GET", path) + b"\r\n", patience)

    def delete(self, id_: str) -> int:
        return self.ask(head("DELETE", f"/v1/images/{id_}") + b"\r\n")[0]

    def send(self, path: str, *parts: tuple[str, bytes], kind: str = "") -> tuple[int, bytes]:
        return self.ask(form(path, *parts, kind=kind))

    @contextmanager
    def held(self, number: int, begin: bytes) -> Iterator[list[socket.socket]]:
        """Connections that begin a request and do not go on."""
        connections = []
        try:
            for _ in range(number):
                with suppress(OSError):
                    connections.append(self.connect(5))
                    connections[-1].sendall(begin)
            yield connections
        finally:
            for connection in connections:
                connection.close()


def head(method: str, path: str) -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n".encode()


def form(path: str, *parts: tuple[str, bytes], kind: str = "") -> bytes:
    """A form; a part is its disposition and its content."""
    body = b"".join(
        b"--B\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n" % (about.encode(), content)
        for about, content in parts
    )
    body += b"--B--\r\n"
    about = f"Content-Type: multipart/form-data; boundary=B{kind}\r\nContent-Length: {len(body)}"
    return head("POST", path) + about.encode() + b"\r\n\r\n" + body
