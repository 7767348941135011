"""How long a person waits for the command line: medians of five new processes each.

python -m benchmarks.startup [--images FOLDER] [--model FILE.onnx]
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.ingest import OPTIONS, arguments, processor
from imagefinder.finder import Finder
from imagefinder.images.walk import find_images
from imagefinder.registry.factory import make_encoder

_RUNS = 5


def main() -> None:
    """Measure, and print."""
    given = arguments(__doc__)
    query = str(next(find_images(given.images)))
    print(processor())
    _print("imagefinder --help", ["--help"])
    for name in ("standard", "compact", "classic", f"onnx:{given.model}"):
        encoder = make_encoder(name, OPTIONS if name.startswith("onnx") else None)
        with TemporaryDirectory() as folder:
            catalogue = Path(folder, "c.db")
            with Finder.create(catalogue, encoder) as finder:
                finder.add(given.images)
                label = f"cold search of {len(finder)}, {name.partition(':')[0]}"
            _print(label, ["search", query, "--db", str(catalogue)])


def _print(label: str, command: Sequence[str]) -> None:
    seconds = [_seconds(command) for _ in range(_RUNS)]
    each = ", ".join(f"{value:.2f}" for value in seconds)
    print(f"{label:<32} {median(seconds):6.2f} s   ({each})")


def _seconds(command: Sequence[str]) -> float:
    began = perf_counter()
    subprocess.run([sys.executable, "-m", "imagefinder", *command], check=True, capture_output=True)
    return perf_counter() - began


if __name__ == "__main__":
    main()
