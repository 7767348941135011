"""Broken, rare and hostile images: each is added or named, and none costs much."""

import json
import os
import resource
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from imagefinder.images.walk import find_images

from .program import Run, answer

MEMORY = 3 * 2**30
OTHER_KINDS = frozenset(
    [
        *(".psd", ".icns", ".eps", ".sgi", ".jp2", ".j2k", ".ico", ".cur", ".dds", ".tga"),
        *(".fli", ".ppm", ".pgm", ".pcx", ".xpm", ".qoi", ".pdf", ".emf", ".fits", ".blp"),
        *(".bw", ".rgb", ".ras", ".gd", ".dcx", ".fpx", ".doc", ".txt"),
    ]
)


def in_little_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


@pytest.fixture
def odd(assets: Path) -> Path:
    return assets / "data" / "odd"


def report_of(result: CompletedProcess[bytes]) -> Any:
    assert result.stderr == b""
    return json.loads(result.stdout)


@pytest.mark.slow
def test_odd_images_are_added_or_named_in_little_memory_and_time(run: Run, odd: Path) -> None:
    files = [str(path) for path in find_images(odd)]
    added = run("add", odd, "--json", before=in_little_memory, timeout=600)
    assert added.returncode == 0
    report = report_of(added)
    failed = {failure["path"] for failure in report["failed"]}
    assert report["added"] + len(report["failed"]) == len(files) > 300
    assert report["added"] > len(files) * 0.8
    assert failed < set(files)
    assert all(failure["reason"] for failure in report["failed"])
    for path in [path for path in files if path not in failed][::100]:
        words = ("search", path, "-k", 1, "--json")
        found = answer(run(*words, before=in_little_memory))
        assert found["hits"][0]["score"] == pytest.approx(1, abs=1e-4), path


def test_files_of_other_kinds_are_named_failures(run: Run, odd: Path) -> None:
    files = sorted(
        Path(parent, name)
        for parent, _, names in os.walk(odd)
        for name in names
        if Path(name).suffix.lower() in OTHER_KINDS
    )
    assert len(files) > 50
    added = run("add", *files, "--json", before=in_little_memory)
    assert added.returncode == 1
    report = report_of(added)
    assert report["added"] == 0
    assert [failure["path"] for failure in report["failed"]] == list(map(str, files))
    assert all(failure["reason"] for failure in report["failed"])
