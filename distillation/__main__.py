"""Knowledge distillation of the encoder ``compact``: ``python -m distillation CONFIG``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from functools import partial
from pathlib import Path

from imagefinder.errors import ImageFinderError


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0, or 1 after a line that says what is wrong."""
    options = _options(arguments)
    from distillation.config import read_config
    from distillation.estimate import print_estimate  # torch takes a second
    from distillation.export import export
    from distillation.stages import Stages

    from imagefinder.training.device import retain_freed_memory

    options.work.mkdir(parents=True, exist_ok=True)
    retain_freed_memory()
    try:
        config = read_config(options.config)
        log = _Log(options.work)
        stages = Stages(config, options.images, options.teachers, options.work, log)
        if not options.run:
            print_estimate(stages)
            return 0
        export(stages.student(), config.size, options.output)
    except ImageFinderError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"wrote {options.output}")
    return 0


class _Log:
    """The learning curve: printed, and appended to a file of JSON lines."""

    def __init__(self, work: Path) -> None:
        self._file = work / "log.jsonl"
        self._began = time.monotonic()

    def __call__(self, metrics: dict[str, float]) -> None:
        line = json.dumps({**metrics, "seconds": round(time.monotonic() - self._began)})
        print(line, flush=True)
        with self._file.open("a") as log:
            log.write(line + "\n")


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m distillation", description="Train an encoder by knowledge distillation."
    )
    path = partial(parser.add_argument, type=Path)
    path("config", help="the TOML file with all hyperparameters")
    path("--images", required=True, help="the folder with the sources' folders")
    path("--teachers", required=True, help="the folder with the teachers' ONNX files")
    path("--work", default=Path("training-work"), help="for cached views and checkpoints")
    path("--output", default=Path("encoder.onnx"), help="the ONNX file to write")
    parser.add_argument(
        "--run", action="store_true", help="train; without it, only estimate time and disk space"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
