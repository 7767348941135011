"""The package as the image has it."""

import subprocess
import sys
from pathlib import Path

import pytest

from .recipe import context


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which it is installed from its wheel, without what it needs."""
    place = tmp_path_factory.mktemp("image")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    wheel = [
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(place / "wheels"),
        ".",
    ]
    subprocess.run([*pip, *wheel], cwd=context(place / "context"), check=True)
    (built,) = (place / "wheels").iterdir()
    subprocess.run([*pip, "install", "--no-deps", "--target", place / "site", built], check=True)
    return place / "site"
