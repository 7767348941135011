"""The site builds without a warning: no dead link, no public name that is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

from .pages import DOCS

pytest.importorskip("sphinx", reason="Sphinx is not installed: pip install '.[docs]'")


def test_the_documentation_builds_strictly(tmp_path: Path) -> None:
    strict = ("-W", "--keep-going", "-n", "-q", "-b", "dummy")
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", *strict, DOCS, tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
