"""The Python lines about embeddings run against a server."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from imagefinder import Finder

from ..e2e.program import serving
from .conftest import Stage
from .pages import DOCS, blocks

GUIDE = [DOCS / "guides" / "embeddings.md"]


def test_the_python_lines_work(tmp_path: Path, stage: Stage) -> None:
    shutil.copy(stage.template / "a.jpg", tmp_path / "query.jpg")
    Finder.create(tmp_path / "imagefinder.db").close()
    first = blocks("python", GUIDE)[0]
    with serving(tmp_path, "--db", tmp_path / "imagefinder.db") as client:
        address = str(client.base_url).rstrip("/")
        result = subprocess.run(
            [sys.executable, "-c", first.text.replace("http://127.0.0.1:8000", address)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert re.fullmatch(r"384 dimensions\n", result.stdout), result.stderr
