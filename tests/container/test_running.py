"""The image's commands, run as an engine would run them, but on this machine."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, CompletedProcess, Popen
from typing import Any, TypeAlias

import httpx
import pytest

from ..e2e.program import clean_env, refusal, until
from .recipe import COMMANDS, words

Image: TypeAlias = Callable[..., Popen[bytes]]


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """An empty one."""
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def image(installed: Path, volume: Path) -> Image:
    """Starts it with arguments in place of its own."""
    there = {"PYTHONPATH": str(installed), "IMAGEFINDER_DB": str(volume / "imagefinder.db")}
    env = {**clean_env(there), "PATH": f"{installed / 'bin'}:{os.environ['PATH']}"}

    def started(*arguments: str, before: tuple[str, ...] = (), **how: Any) -> Popen[bytes]:
        command = [*before, *words("ENTRYPOINT"), *arguments]
        streams = {"stdin": subprocess.DEVNULL, "stdout": PIPE, "stderr": PIPE, **how}
        return Popen(command, cwd=volume, env=env, **streams)

    return started


def ended(process: Popen[bytes]) -> CompletedProcess[bytes]:
    with process:
        stdout, stderr = process.communicate(timeout=300)
    return CompletedProcess(process.args, process.returncode, stdout, stderr)


@contextmanager
def serving(image: Image, volume: Path, *more: str, **how: Any) -> Iterator[tuple[Any, str]]:
    """The image's default, but on this machine alone; its process and its address."""
    log = volume.parent / "log"
    arguments = (*words("CMD"), "--host", "127.0.0.1", "--port", "0", *more)
    with log.open("wb") as said, image(*arguments, stderr=said, **how) as process:
        try:
            until(lambda: process.poll() is not None or "running on" in log.read_text())
            (address,) = re.findall(r"running on (http://[\d.:]+)", log.read_text())
            yield process, address
        finally:
            process.kill()


def test_an_empty_volume_is_said_to_need_images_first(image: Image, volume: Path) -> None:
    said = refusal(ended(image(*words("CMD"), "--port", "0")))
    assert "imagefinder add FOLDER" in said
    assert list(volume.iterdir()) == []


def test_images_are_added_then_served_and_the_health_check_says_so(
    image: Image, volume: Path, image_file: Path
) -> None:
    healthy = words("HEALTHCHECK")[1:]
    assert ended(image("add", str(image_file))).returncode == 0
    with serving(image, volume) as (process, address):
        check = ended(image(*healthy, address))
        assert (check.returncode, check.stderr) == (0, b"")
        assert re.fullmatch(rb"ready: 1 image by standard\n", check.stdout)
        page = httpx.get(address)
        assert page.headers["content-type"].startswith("text/html")
        parts = re.findall(r'(?:src|href)="(page/[^"]+)"', page.text)
        assert {httpx.get(f"{address}/{part}").status_code for part in parts} == {200}
        process.terminate()
        process.wait(60)
    assert "no server at" in refusal(ended(image(*healthy, address)))


def test_a_server_that_may_write_begins_with_nothing(image: Image, volume: Path) -> None:
    with serving(image, volume, "--writable") as (_, address):
        assert ended(image("ping", address)).stdout == b"ready: 0 images by standard\n"


# a container's first process: for it the kernel has no default that ends it
FIRST = ("unshare", "--pid", "--fork", "--kill-child")


def has_namespaces() -> bool:
    if not shutil.which(FIRST[0]):
        return False
    return subprocess.run([*FIRST, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not has_namespaces(), reason="no namespaces of processes can be made here")
@pytest.mark.parametrize("what", ["a command", "the server"])
def test_the_first_process_ends_when_it_is_told_to(
    image: Image, volume: Path, image_file: Path, what: str
) -> None:
    if what == "a command":
        assert ended(image("add", str(image_file), "--encoder", "phash")).returncode == 0
        with image("search", "-", before=FIRST, stdin=PIPE) as process:
            terminate(only_child(process))
            assert process.wait(60) == 130
            assert process.stderr
            assert process.stderr.read().startswith(b"imagefinder: interrupted")
        return
    with serving(image, volume, "--writable", before=FIRST) as (process, _):
        terminate(only_child(process))
        assert process.wait(60) == 0


def only_child(process: Popen[bytes]) -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    until(lambda: bool(children.read_text().split()))
    return int(children.read_text())


def terminate(pid: int) -> None:
    """As soon as it listens to that."""
    until(lambda: bool(caught(pid) & 1 << signal.SIGTERM - 1))
    os.kill(pid, signal.SIGTERM)


def caught(pid: int) -> int:
    (signals,) = re.findall(r"SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text())
    return int(signals, 16)


def test_every_command_is_in_the_help(image: Image) -> None:
    shown = ended(image("--help")).stdout.decode()
    assert set(re.findall(r"^[│ ]+([a-z]+)  ", shown, re.MULTILINE)) == COMMANDS
