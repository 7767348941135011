"""The server of a worker, without its supervisor."""

import os
import socket
from pathlib import Path

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from imagefinder.server.listener import bound_socket, listen
from imagefinder.server.shared_folder import SharedFolder
from imagefinder.server.worker import Seat
from imagefinder.server.worker_server import WorkerServer

pytestmark = pytest.mark.skipif(os.name != "posix", reason="several workers need POSIX")


def test_another_server_that_was_quicker_is_said_and_the_application_ended(tmp_path: Path) -> None:
    events: list[str] = []

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        for event in ("startup", "shutdown"):
            events.append((await receive())["type"])
            await send({"type": f"lifespan.{event}.complete"})

    shared = SharedFolder(tmp_path)
    shared.prepare()
    link, theirs = socket.socketpair()
    with bound_socket("127.0.0.1", 0) as first, link, theirs:
        port = first.getsockname()[1]
        with bound_socket("127.0.0.1", port) as second:
            listen(first)
            server = WorkerServer(
                uvicorn.Config(app, log_config=None), Seat(0, 1, second, link, shared)
            )
            with pytest.raises(OSError, match=rf"Address already in use \(127\.0\.0\.1:{port}\)"):
                server.run()
    assert events == ["lifespan.startup", "lifespan.shutdown"]
