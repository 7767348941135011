"""Ports of programs that cannot say which one they were given."""

import os
import socket
from itertools import count

_FIRST, _END = 20_000, 30_000  # neither Ray uses them, below, nor the system, above
_OWN = 40  # of each process, so that tests side by side do not find the same one

_numbers = count()


def free_port() -> int:
    """A port of localhost where nobody listens, and that nobody is given meanwhile."""
    begin = _FIRST + os.getpid() * _OWN % (_END - _FIRST)
    while True:
        port = begin + next(_numbers) % _OWN
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue  # another program has it
        return port
