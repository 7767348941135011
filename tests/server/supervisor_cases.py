"""The supervisor, with processes that serve nothing: when they start, end and are replaced."""

import errno
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imagefinder.server import supervisor
from imagefinder.server.shared_folder import SharedFolder
from imagefinder.server.supervisor import Supervisor, WorkerFailed
from imagefinder.server.worker import Work
from imagefinder.server.worker_process import WorkerProcess

from . import works

pytestmark = pytest.mark.skipif(os.name != "posix", reason="several workers need signals")


class Crew:
    """Runs a supervisor; what happens to its workers is noted in the order in which it does."""

    def __init__(self, folder: Path, listener: socket.socket) -> None:
        self.shared = SharedFolder(folder)
        self.listener = listener
        self.started: list[int] = []
        self.ended: list[int] = []
        self.ups = 0

    def run(
        self,
        work: Work,
        count: int = 2,
        patience: float = 60,
        on_up: Callable[[], None] = lambda: None,
        on_end: Callable[[], None] = lambda: None,
    ) -> int | None:
        def start(number: int) -> WorkerProcess:
            self.started.append(number)
            return WorkerProcess(number, count, work, self.listener, self.shared)

        def up() -> None:
            self.ups += 1
            on_up()

        def end(number: int) -> None:
            self.ended.append(number)
            on_end()

        return Supervisor(start, self.listener, count, patience, up, end).run()

    @property
    def events(self) -> list[str]:
        return (self.shared.path / "events").read_text().splitlines()


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    with socket.socket() as listener:
        yield Crew(tmp_path, listener)


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_once_they_are_up(crew: Crew, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    assert crew.run(works.obedient, count=3, on_up=lambda: send(number)) == number
    assert crew.started == [0, 1, 2]
    assert sorted(crew.ended) == [0, 1, 2]
    assert crew.ups == 1
    assert crew.events[0] == "ready 0"
    assert sorted(crew.events[3:]) == ["terminated 0", "terminated 1", "terminated 2"]
    assert signal.getsignal(number) == before
    assert crew.listener.fileno() == -1


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (works.failing, "worker 0 of 2 has no model"),
        (works.out_of_disk, "model.bin: No space left on device"),
        (works.crashing, "a worker cannot start: exit code 7"),
    ],
)
def test_what_cannot_start_is_said_once_and_not_tried_again(
    crew: Crew, work: Work, said: str
) -> None:
    with pytest.raises(WorkerFailed, match=f"^{said}$"):
        crew.run(work)
    assert crew.started == crew.ended == [0]


def test_one_that_cannot_start_ends_those_that_could(crew: Crew) -> None:
    with pytest.raises(WorkerFailed, match="worker 1 of 2"):
        crew.run(works.second_fails)
    assert crew.events == ["ready 0", "terminated 0"]
    assert crew.ups == 0


def test_a_hangup_replaces_each_once_another_is_ready(
    crew: Crew, caplog: pytest.LogCaptureFixture
) -> None:
    def end_at_last() -> None:
        if len(crew.ended) == 2:
            send(signal.SIGTERM)

    with caplog.at_level(logging.INFO, "imagefinder.server"):
        crew.run(works.obedient, on_up=lambda: send(signal.SIGHUP), on_end=end_at_last)
    assert crew.events[2:6] == ["ready 2", "retired 0", "ready 0", "retired 1"]
    assert sorted(crew.events[6:]) == ["terminated 0", "terminated 2"]
    assert crew.ups == 1


def test_when_all_are_replaced_it_is_said(crew: Crew, caplog: pytest.LogCaptureFixture) -> None:
    class Ending(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "have been replaced" in record.getMessage():
                send(signal.SIGTERM)

    handler = Ending()
    supervisor.log.addHandler(handler)
    try:
        with caplog.at_level(logging.INFO, "imagefinder.server"):
            crew.run(works.obedient, on_up=lambda: send(signal.SIGHUP))
    finally:
        supervisor.log.removeHandler(handler)
    assert crew.events[-1].startswith("terminated")


def test_if_the_new_one_cannot_start_the_old_ones_go_on(
    crew: Crew, caplog: pytest.LogCaptureFixture
) -> None:
    def break_and_restart() -> None:
        (crew.shared.path / "broken").touch()
        send(signal.SIGHUP)

    def end_after_the_failure() -> None:
        if crew.ended == [2]:
            send(signal.SIGTERM)

    work = works.fails_once_broken
    crew.run(work, on_up=break_and_restart, on_end=end_after_the_failure)
    assert crew.started == [0, 1, 2]
    assert sorted(crew.events[2:]) == ["terminated 0", "terminated 1"]
    assert "worker 2 of 2 has no model: the workers of before go on" in caplog.text


def test_one_that_dies_is_replaced(crew: Crew, caplog: pytest.LogCaptureFixture) -> None:
    def kill_one() -> None:
        os.kill(int(crew.shared.pid_file(0).read_text()), signal.SIGKILL)

    work = works.ending_its_successor
    assert crew.run(work, count=1, on_up=kill_one) == signal.SIGTERM
    assert crew.started == [0, 0]
    assert "killed by signal 9): another one takes its place" in caplog.text


def test_if_its_successor_cannot_start_the_others_go_on(
    crew: Crew, caplog: pytest.LogCaptureFixture
) -> None:
    def break_and_kill() -> None:
        (crew.shared.path / "broken").touch()
        os.kill(int(crew.shared.pid_file(0).read_text()), signal.SIGKILL)

    def end_after_the_failure() -> None:
        if crew.ended == [0, 0]:
            send(signal.SIGTERM)

    work = works.fails_once_broken
    crew.run(work, on_up=break_and_kill, on_end=end_after_the_failure)
    assert crew.started == [0, 1, 0]
    assert "1 of 2 workers go on, until SIGHUP" in caplog.text


def test_if_the_system_starts_no_more_processes_the_others_go_on(
    crew: Crew, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> WorkerProcess:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    def refuse_and_kill() -> None:
        monkeypatch.setattr(sys.modules[__name__], "WorkerProcess", refuse)
        os.kill(int(crew.shared.pid_file(0).read_text()), signal.SIGKILL)

    def end_after_the_failure(record: logging.LogRecord) -> bool:
        if "workers go on" in record.getMessage():
            send(signal.SIGTERM)
        return True

    monkeypatch.setattr(caplog.handler, "filter", end_after_the_failure)
    assert crew.run(works.obedient, on_up=refuse_and_kill) == signal.SIGTERM
    assert crew.started == [0, 1, 0]
    assert "cannot start: Resource temporarily unavailable: 1 of 2 workers go on" in caplog.text


def test_if_the_system_starts_no_process_at_all_it_is_said(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> WorkerProcess:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(sys.modules[__name__], "WorkerProcess", refuse)
    with pytest.raises(WorkerFailed, match="a worker cannot start: Too many open files"):
        crew.run(works.obedient)


def test_a_shared_folder_that_was_swept_away_is_made_again(tmp_path: Path) -> None:
    shared = SharedFolder(tmp_path / "shared")
    shared.prepare()
    before = shared.clients.read_bytes()
    shared.prepare()
    assert shared.clients.read_bytes() == before
    shutil.rmtree(shared.path)
    shared.forget(0)
    shared.prepare()
    assert {path.name for path in shared.path.iterdir()} == {"clients", "connections"}


def test_if_none_is_left_it_ends(crew: Crew) -> None:
    def break_and_kill() -> None:
        (crew.shared.path / "broken").touch()
        os.kill(int(crew.shared.pid_file(0).read_text()), signal.SIGKILL)

    with pytest.raises(WorkerFailed, match="has no model"):
        crew.run(works.fails_once_broken, count=1, on_up=break_and_kill)


def test_one_that_says_nothing_any_more_is_killed_and_replaced(
    crew: Crew, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supervisor, "_TICK", 0.001)
    monkeypatch.setattr(supervisor, "_MOST_SILENCE", 3)
    crew.run(works.ending_its_successor, count=1)
    assert crew.started == [0, 0]
    assert "does not respond" in caplog.text


def test_those_that_do_not_end_in_time_are_killed(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_TICK", 0.001)
    assert crew.run(works.stubborn, patience=0, on_up=lambda: send(signal.SIGTERM))


def test_a_second_interrupt_ends_at_once(crew: Crew) -> None:
    def interrupt_twice() -> None:
        send(signal.SIGINT)
        send(signal.SIGINT)

    assert crew.run(works.stubborn, patience=10**6, on_up=interrupt_twice) == signal.SIGINT


def test_a_closed_terminal_ends_all(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(os, "ctermid", lambda: "/nowhere")
    assert crew.run(works.obedient, on_up=lambda: send(signal.SIGHUP)) == signal.SIGHUP
    assert sorted(crew.events[2:]) == ["terminated 0", "terminated 1"]


def test_a_supervisor_loads_nothing_that_its_workers_work_with() -> None:
    program = (
        "import sys, imagefinder.cli.serve, imagefinder.server.workers\n"
        "print({'numpy', 'fastapi', 'uvicorn', 'openvino'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert found.stdout.strip() == b"set()"


def test_nohup_is_obeyed(crew: Crew) -> None:
    def hang_up_then_end() -> None:
        send(signal.SIGHUP)
        send(signal.SIGTERM)

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert crew.run(works.obedient, on_up=hang_up_then_end) == signal.SIGTERM
    finally:
        signal.signal(signal.SIGHUP, before)
    assert crew.started == [0, 1]
