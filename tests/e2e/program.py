"""How the end-to-end tests run the program: always as another process, never by importing it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, TypeAlias

import httpx

Word: TypeAlias = "str | bytes | int | Path"
Run: TypeAlias = Callable[..., CompletedProcess[bytes]]

PROGRAM = (sys.executable, "-m", "imagefinder")
_PATIENCE = 300.0  # seconds; a busy machine may take long, and only a fault takes for ever


def clean_env(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, but for what would change how the program finds its catalogue, or what it prints."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if name == "PYTHONPATH"
        or not name.startswith(("IMAGEFINDER_", "PYTHON", "FORCE_", "NO_COLOR", "LC_"))
    }
    return {**ours, "LANG": "C.UTF-8", "TERM": "xterm", **(more or {})}


def words_of(words: tuple[Word, ...]) -> list[str | bytes]:
    return [word if isinstance(word, bytes) else str(word) for word in words]


def run_in(
    folder: Path,
    *words: Word,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    before: Callable[[], None] | None = None,
    timeout: float = _PATIENCE,
) -> CompletedProcess[bytes]:
    """One command, from its start to its end, in a folder; ``before`` runs in the new process."""
    return subprocess.run(
        [*PROGRAM, *words_of(words)],
        cwd=folder,
        env=clean_env(env),
        input=stdin,
        capture_output=True,
        preexec_fn=before,
        timeout=timeout,
        check=False,
    )


@contextmanager
def started(
    folder: Path, *words: Word, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A command that goes on beside the test, and surely ends with it."""
    with subprocess.Popen(
        [*PROGRAM, *words_of(words)],
        cwd=folder,
        env=clean_env(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def answer(result: CompletedProcess[bytes]) -> Any:
    """The one JSON document of a command that did its work without a word besides."""
    assert result.stderr == b""
    assert result.returncode == 0
    return json.loads(result.stdout)


def refusal(result: CompletedProcess[bytes]) -> str:
    """The one line in which a command said why it could not do its work."""
    assert result.returncode == 1, result
    assert result.stdout == b""
    said = result.stderr.decode()
    assert said.startswith("imagefinder: ")
    assert said.count("\n") == 1, said
    assert "Traceback" not in said
    return said.strip()


def misuse(result: CompletedProcess[bytes]) -> str:
    """What a command said about being used in a wrong way."""
    assert result.returncode == 2, result
    assert result.stdout == b""
    said = result.stderr.decode()
    assert "Usage:" in said
    assert "Traceback" not in said
    return said


def until(happened: Callable[[], bool], patience: float = _PATIENCE) -> None:
    """Wait for something, but not for ever."""
    end = time.monotonic() + patience
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


@contextmanager
def serving(folder: Path, *words: Word) -> Iterator[httpx.Client]:
    """A client of a server that is up, and is stopped at the end."""
    with served(folder, *words) as (client, _, _):
        yield client


@contextmanager
def served(
    folder: Path, *words: Word
) -> Iterator[tuple[httpx.Client, "subprocess.Popen[bytes]", Path]]:
    """As ``serving``, with the server's process and the file of what it says.

    A single process, which starts sooner, unless the words say how many.
    """
    log = folder / "server.log"
    workers = () if "--workers" in words else ("--workers", 1)
    with (
        log.open("wb") as said,
        subprocess.Popen(
            [*PROGRAM, "serve", "--port", "0", *words_of((*workers, *words))],
            cwd=folder,
            env=clean_env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
        ) as process,
    ):
        try:
            with httpx.Client(base_url=_address(process, log), timeout=_PATIENCE) as client:
                until(lambda: client.get("/healthz").status_code == 200)
                yield client, process, log
        finally:
            _stop(process)


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """Where the server listens, as soon as it says so."""

    def found() -> re.Match[str] | None:
        assert process.poll() is None, log.read_text()
        return re.search(r"running on (http://[\d.]+:\d+)", log.read_text())

    until(lambda: found() is not None)
    match = found()
    assert match is not None
    return match[1]


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
