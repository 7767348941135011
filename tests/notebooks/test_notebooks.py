"""The notebooks run from the first cell to the last, in a fresh kernel, and show what they say."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
IMAGE = ("image/png", "image/jpeg")
LARGEST = 300_000  # bytes, for a page that shows it


def kept(path: Path) -> Any:
    return json.loads(path.read_text())


def run(name: str, folder: Path, **settings: str | int) -> Any:
    """A copy, executed where nothing else lies, with other values of variables at its top."""
    path = Path(shutil.copy(FOLDER / f"{name}.ipynb", folder))
    path.write_text(json.dumps(_with_settings(kept(path), settings)))
    result = subprocess.run(
        [sys.executable, FOLDER / "execute.py", path],
        cwd=folder,
        env={
            **os.environ,
            "TMPDIR": str(folder),
            "IPYTHONDIR": str(folder / ".ipython"),
            "TORCHINDUCTOR_CACHE_DIR": str(folder / ".inductor"),  # torch makes it, though unused
        },
        capture_output=True,
        timeout=900,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode()
    assert list(folder.glob("[!.]*")) == [path]  # what it made it has taken away
    return kept(path)


def _with_settings(notebook: Any, settings: Mapping[str, str | int]) -> Any:
    top = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    lines = [f"{name} = {value!r}\n" for name, value in settings.items()]
    top["source"] = [*top["source"], "\n", *lines]
    return notebook


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook["cells"] for output in cell.get("outputs", [])]


def said(notebook: Any) -> str:
    return "".join("".join(one["text"]) for one in outputs(notebook) if one.get("name") == "stdout")


def images(notebook: Any) -> int:
    return sum(kind in one.get("data", {}) for one in outputs(notebook) for kind in IMAGE)


@pytest.mark.slow
def test_a_first_look(tmp_path: Path) -> None:
    found = run("first-look", tmp_path)
    text = said(found)
    assert "146 images in 147 files" in text
    found_twice = re.findall(r"(\d+) groups of near-duplicates; .* identical files: 1$", text, re.M)
    assert int(found_twice[0]) > 3
    assert images(found) == 5


@pytest.mark.slow
def test_comparing(gallery: Path, tmp_path: Path) -> None:
    found = run("comparing", tmp_path, IMAGES=str(gallery))
    text = said(found)
    for name in ("compact", "classic", "phash", "dhash", "colors"):
        assert f"{name:<10}144 images" in text
    alone = float(re.findall(r"^compact alone +(0\.\d+)$", text, re.MULTILINE)[0])
    together = [float(n) for n in re.findall(r"^compact \+ .* (0\.\d+)$", text, re.MULTILINE)]
    assert alone > 0.6
    assert len(together) == 4
    assert images(found) == 4


@pytest.mark.slow
def test_fine_tuning(tmp_path: Path) -> None:
    found = run("fine-tuning", tmp_path, EACH=8, EPOCHS=1, SIZE=32)
    assert set(fine_tuned(found)) == {"compact", "labels", "contrastive", "autoencoder"}
    assert "labels, index kmeans" in said(found)
    assert images(found) == 4


def test_fine_tuning_on_labels_gains_most() -> None:
    scores = fine_tuned(kept(FOLDER / "fine-tuning.ipynb"))
    assert scores["labels"] > scores["compact"] + 0.2
    assert scores["labels"] == max(scores.values())


def fine_tuned(notebook: Any) -> dict[str, float]:
    """The mAP on unseen images by encoder."""
    found = re.findall(r"^(\w+) +mAP (0\.\d+)", said(notebook), re.MULTILINE)
    return {name: float(score) for name, score in found}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_with_what_it_shows(path: Path) -> None:
    notebook = kept(path)
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert path.stat().st_size <= LARGEST
    for output in outputs(notebook):
        assert output["output_type"] != "error"
        assert output.get("name") != "stderr", output["text"]
    assert str(Path.home()) not in path.read_text()
