"""Nothing phones home, and the command line imports what it needs only when it needs it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from .program import PROGRAM, Run, answer, clean_env

SLOW = {"numpy", "openvino", "onnxruntime", "PIL", "fastapi", "uvicorn", "apsw", "sqlite_vec"}

# as every program of ours starts here: whoever turns to the network is written down, and stopped
GUARD = """
import sys

def guard(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.bind"):
        with open({diary!r}, "a") as diary:
            diary.write(event + repr(args) + chr(10))
        raise RuntimeError("the network is not for us")

sys.addaudithook(guard)
"""


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    """Where uses of the network are written down."""
    return tmp_path / "diary"


@pytest.fixture
def alone(tmp_path: Path, diary: Path) -> dict[str, str]:
    """An environment whose Python programs have no network."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(GUARD.format(diary=str(diary)))
    return {"PYTHONPATH": str(site)}


def test_the_guard_of_these_tests_sees_a_connection(alone: dict[str, str], diary: Path) -> None:
    program = "import socket; socket.create_connection(('127.0.0.1', 9))"
    result = subprocess.run(
        [sys.executable, "-c", program],
        env=clean_env(alone),
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert b"the network is not for us" in result.stderr
    assert diary.exists()


@pytest.mark.parametrize("runtime", ["compact", "openvino", "onnxruntime"])
def test_adding_and_searching_never_turn_to_the_network(
    run: Run, folder: Path, tiny_model: Path, alone: dict[str, str], diary: Path, runtime: str
) -> None:
    model = ["--encoder", f"onnx:{tiny_model}", "-o", f"runtime={runtime}"]
    encoder = [] if runtime == "compact" else model
    assert answer(run("add", "folder", *encoder, "--json", env=alone))["added"] == 3
    found = answer(run("search", "folder/a.jpg", "--json", env=alone))
    assert found["hits"][0]["path"] == str(folder / "a.jpg")
    assert not diary.exists()


@pytest.mark.parametrize("words", [["--help"], ["search", "--help"], ["--version"]])
def test_help_imports_nothing_slow(tmp_path: Path, words: list[str]) -> None:
    result = subprocess.run(
        [PROGRAM[0], "-X", "importtime", *PROGRAM[1:], *words],
        cwd=tmp_path,
        env=clean_env(),
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0
    imported = set(re.findall(r"\|\s+(\w+)[.\w]*$", result.stderr.decode(), re.MULTILINE))
    assert "typer" in imported
    assert imported & SLOW == set()
