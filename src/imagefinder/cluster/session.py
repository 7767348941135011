"""Session: a connection to a Ray cluster, or a cluster of this machine alone."""

from __future__ import annotations

import logging
import os
import re
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from imagefinder._utils.concurrency import cores
from imagefinder._utils.extras import optional_import
from imagefinder._utils.text import one_line
from imagefinder.cluster.options import ClusterOptions
from imagefinder.errors import ClusterError

_OBJECT_STORE = 256 * 2**20  # bytes; what is on its way between processes is a few shards
PATIENCE = 10.0
"""Seconds without an answer, after which it is asked whether there is a cluster."""
_STARTS = 5
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])  # an empty frame; the fourth byte is its kind
_THREADS = "ray_"  # the beginning of their names
_TOO_SLOW = re.compile("timed out|timeout|not found within", re.IGNORECASE)
_QUIET: dict[str, Any] = {
    "log_to_driver": False,
    "logging_level": logging.ERROR,
    "namespace": "imagefinder",
}

_log = logging.getLogger(__name__)


@contextmanager
def ray_session(address: str | None) -> Iterator[Any]:
    """The module ``ray``, connected to a cluster; without an address, one is started here.

    A program that is connected already keeps its connection. Raises MissingExtra, and ClusterError
    if there is no cluster at the address.
    """
    # what Ray says by itself when it is imported and started: not for those who only want images
    os.environ.setdefault("RAY_DISABLE_IMPORT_WARNING", "1")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    ray = optional_import("ray", "cluster", "`imagefinder cluster`")
    if ray.is_initialized():
        yield ray
        return
    if address is not None:
        check_address(address)
        _connect(ray, address)
    else:
        _start(ray)
    before, sys.stdout = sys.stdout, WithoutRay(sys.stdout)
    try:
        yield ray
    finally:
        sys.stdout = before
        ray.shutdown()


class WithoutRay:
    """A stream that leaves out what a thread of Ray prints: long tales of workers that were lost.

    They would stand between the results.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """See TextIO."""
        is_of_ray = threading.current_thread().name.startswith(_THREADS)
        return len(text) if is_of_ray else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def connected(options: ClusterOptions | None = None) -> Iterator[None]:
    """A connection that all within shares, so that Ray is not started for each part anew."""
    with ray_session((options or ClusterOptions()).address):
        yield


def _connect(ray: Any, address: str) -> None:
    try:
        ray.init(address=address, **_QUIET)
    except (ConnectionError, RuntimeError, TimeoutError, ValueError, OSError) as error:
        raise ClusterError(f"no Ray cluster answers at {address}: {error}") from error


def _start(ray: Any) -> None:
    """Start a cluster here, again if Ray finds its own processes slow, as on a busy machine."""
    for number in range(_STARTS):
        try:
            ray.init(
                address="local",
                include_dashboard=False,
                num_cpus=cores(),
                object_store_memory=_OBJECT_STORE,
                **_QUIET,
            )
        except Exception as error:  # Ray has no class of its own for this
            if not _TOO_SLOW.search(str(error)) or number == _STARTS - 1:
                raise ClusterError(
                    f"Ray cannot start on this machine: {one_line(error)}"
                ) from error
            _log.warning("Ray has not started in time, as on a busy machine: it is tried again")
        else:
            return


def first_done(ray: Any, waiting: Sequence[Any]) -> Any:
    """The first of some references that has a result. Raises ClusterError; see check_connected."""
    while True:
        done, _ = ray.wait(waiting, num_returns=1, timeout=PATIENCE)
        if done:
            return done[0]
        check_connected(ray)


def check_connected(ray: Any) -> None:
    """Raises ClusterError if the machine through which this program is connected has been lost.

    Ray itself would let it wait for ever.
    """
    if ray.util.client.ray.is_connected():  # by ray://, which raises errors of its own
        return
    own = ray.get_runtime_context().get_node_id()
    if not any(node["NodeID"] == own and node["Alive"] for node in ray.nodes()):
        raise ClusterError(
            "the part of Ray that this program is connected through has ended: what is done is "
            "kept, and the same command goes on"
        )


def check_address(address: str | None) -> None:
    """Raises ClusterError for what is no address, and where no server of Ray's kind listens.

    Ray would try for minutes.
    """
    if address is None or address in ("auto", "local"):
        return
    if not address.strip():
        raise ClusterError("the address is empty: name a cluster, or leave --address out")
    host, _, port = address.removeprefix("ray://").rstrip("/").rpartition(":")
    if not host or not port.isdecimal():
        raise ClusterError(
            f"{address!r} is no address of a cluster: expected ray://HOST:10001, HOST:6379 or auto"
        )
    try:
        with socket.create_connection((host.strip("[]"), int(port)), PATIENCE) as connection:
            answer = _SETTINGS if os.environ.get("RAY_USE_TLS") else _first_frame(connection)
    except (OSError, OverflowError, UnicodeError) as error:
        raise ClusterError(f"no Ray cluster answers at {address}: {one_line(error)}") from error
    if answer[3:4] != _SETTINGS[3:4]:
        raise ClusterError(f"no Ray cluster answers at {address}, but another program")


def _first_frame(connection: socket.socket) -> bytes:
    """The head of what a server answers to the beginning of HTTP/2, which gRPC speaks."""
    connection.sendall(_PREFACE + _SETTINGS)
    return connection.recv(len(_SETTINGS))
