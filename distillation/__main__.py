"""Train an encoder as a plan says: ``python -m distillation PLAN``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from functools import partial
from pathlib import Path

from imagefinder.errors import ImageFinderError


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0, or 1 if something is missing, after a line that says what."""
    options = _options(arguments)
    from distillation.config import read_plan
    from distillation.estimate import print_estimate  # torch takes a second
    from distillation.export import export
    from distillation.stages import Stages

    from imagefinder.training.device import hold_memory

    options.work.mkdir(parents=True, exist_ok=True)
    hold_memory()
    try:
        plan = read_plan(options.plan)
        stages = Stages(plan, options.images, options.teachers, options.work, _Log(options.work))
        if not options.run:
            print_estimate(stages)
            return 0
        export(stages.student(), plan.size, options.output)
    except ImageFinderError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"wrote {options.output}")
    return 0


class _Log:
    """The learning curve: printed, and kept as lines of JSON."""

    def __init__(self, work: Path) -> None:
        self._file = work / "log.jsonl"
        self._began = time.monotonic()

    def __call__(self, figures: dict[str, float]) -> None:
        line = json.dumps({**figures, "seconds": round(time.monotonic() - self._began)})
        print(line, flush=True)
        with self._file.open("a") as log:
            log.write(line + "\n")


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m distillation", description="Train an encoder as a plan says."
    )
    path = partial(parser.add_argument, type=Path)
    path("plan", help="the TOML file that decides everything")
    path("--pictures", required=True, help="where the sources' folders lie")
    path("--teachers", required=True, help="where the teachers' graphs lie")
    path("--work", default=Path("training-work"), help="for views and checkpoints")
    path("--output", default=Path("encoder.onnx"), help="the ONNX file to write")
    parser.add_argument(
        "--run", action="store_true", help="train; without it, only say what that would take"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
