"""What the workers of the supervisor's tests do: they serve nothing, and note what happens.

It imports nothing slow, since each of their processes imports it.
"""

import os
import signal
import sys
from functools import partial
from types import FrameType

from imagefinder.errors import ImageFinderError
from imagefinder.server.worker import ALIVE, READY, Seat


def note(seat: Seat, event: str) -> None:
    with (seat.shared.path / "events").open("a") as events:
        events.write(f"{event} {seat.number}\n")


def obedient(seat: Seat) -> None:
    """Ready, and ends when it is told to."""
    signal.signal(signal.SIGTERM, partial(_finish, seat))
    note(seat, "ready")
    (seat.shared.path / f"{seat.number}.pid").write_text(str(os.getpid()))
    seat.say(READY + ALIVE)
    seat.link.setblocking(True)
    said = seat.link.recv(64)
    note(seat, "retired" if said else "orphaned")


def _finish(seat: Seat, number: int, frame: FrameType | None) -> None:
    note(seat, "terminated")
    sys.exit()


def failing(seat: Seat) -> None:
    raise ImageFinderError(f"worker {seat.number} of {seat.count} has no model")


def out_of_disk(seat: Seat) -> None:
    raise OSError(28, "No space left on device", "model.bin")


def crashing(seat: Seat) -> None:
    sys.exit(7)


def second_fails(seat: Seat) -> None:
    (failing if seat.number == 1 else obedient)(seat)


def fails_once_broken(seat: Seat) -> None:
    (failing if (seat.shared.path / "broken").exists() else obedient)(seat)


def stubborn(seat: Seat) -> None:
    """Ready, and deaf to all."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    seat.say(READY)
    while True:
        signal.pause()


def ending_its_successor(seat: Seat) -> None:
    """The first one waits; whoever takes its place ends the server."""
    if seat.shared.pid_file(9).exists():
        os.kill(os.getppid(), signal.SIGTERM)
    seat.shared.pid_file(9).touch()
    obedient(seat)
