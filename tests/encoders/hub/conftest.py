"""A stand-in hub, a library of the test's own, and the program that uses both."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ...e2e.program import Run, Word, run_in
from .stand_in import Hub, hub


@pytest.fixture
def served() -> Iterator[Hub]:
    with hub() as content:
        yield content


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The library's folder, for this process too."""
    monkeypatch.setenv("IMAGEFINDER_HOME", str(tmp_path / "library"))
    (tmp_path / "library").mkdir()
    return tmp_path / "library"


@pytest.fixture
def run(tmp_path: Path, served: Hub, library: Path) -> Run:
    """Runs the program with the stand-in hub, and caches of the test's own."""
    ours = {
        "IMAGEFINDER_HOME": str(library),
        "HF_ENDPOINT": served.address,
        "HF_HOME": str(tmp_path / "cache"),
    }

    def run(*words: Word, env: dict[str, str] | None = None, **how: Any) -> Any:
        return run_in(tmp_path, *words, env={**ours, **(env or {})}, **how)

    return run
