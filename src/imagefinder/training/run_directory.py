"""The folder that a training fills: whose it is, and what lies in it while it is not done."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagefinder._utils.atomic import atomic_write
from imagefinder.encoders.trained import DESCRIPTION, GRAPH
from imagefinder.errors import TrainingError

CATALOGUE = "catalogue.db"
WEIGHTS = "weights.safetensors"
PCA = "pca.safetensors"
KMEANS = "kmeans.safetensors"
PROJECTION = "projection.safetensors"
REPORT = "report"
"""``.html`` and ``.json``."""

_OURS = (DESCRIPTION, GRAPH, CATALOGUE, WEIGHTS, PCA, KMEANS, PROJECTION, f"{REPORT}.")
_PLAN = "plan.json"
_WORK = "training"


@dataclass(frozen=True)
class Place:
    """A folder of artefacts, and in it one of what is needed until they are there."""

    folder: Path

    @property
    def work(self) -> Path:
        """Checkpoints and decoded images; gone when all is done."""
        return self.folder / _WORK

    def check(self, plan: Mapping[str, Any], force: bool) -> None:
        """Raises TrainingError if it cannot become this plan's; nothing is done.

        It can if there is nothing, an unfinished training of the same plan, or, with ``force``, any
        training and nothing else.
        """
        if not force and self._is_done() and not self.work.exists():
            raise TrainingError(
                f"{self.folder} holds a trained encoder: name another --out, or add --force"
            )
        if not force and self.work.exists():
            self._agree(plan)
        ours = self.work.exists() or (self._is_done() and not self._others())
        if self.folder.exists() and not ours and not _is_empty(self.folder):
            raise TrainingError(f"{self.folder} is no empty folder: name another --out")

    def claim(self, plan: Mapping[str, Any], force: bool) -> None:
        """Make it this plan's after ``check``, or go on with what is there of it.

        ``force`` takes away what another training left. Raises TrainingError.
        """
        if force and (self._plan() != plan or self._is_done()):
            self.clear()
        try:
            self.work.mkdir(parents=True, exist_ok=True)
            with atomic_write(self.work / _PLAN) as file:
                file.write_text(json.dumps(plan, indent=2), encoding="utf-8")
        except OSError as error:
            raise TrainingError(
                f"{self.folder} cannot be filled: {error.strerror or error}"
            ) from error

    @contextmanager
    def unless_refused(self) -> Iterator[None]:
        """What turns out to be impossible inside leaves nothing that would be in the way."""
        try:
            yield
        except TrainingError:
            self.clear()
            raise

    def clear(self) -> None:
        """Take away what a training of ours left, and nothing else."""
        if not (self._is_done() or self.work.is_dir()):
            return
        (self.folder / DESCRIPTION).unlink(missing_ok=True)  # first: half of it is no encoder
        shutil.rmtree(self.work, ignore_errors=True)
        for file in self.folder.iterdir():
            if file.name.startswith(_OURS):
                file.unlink()

    def done(self) -> None:
        """All artefacts are there."""
        shutil.rmtree(self.work, ignore_errors=True)

    def _is_done(self) -> bool:
        return (self.folder / DESCRIPTION).exists()

    def _others(self) -> bool:
        """Whether there is anything that is not ours."""
        return any(not file.name.startswith(_OURS) for file in self.folder.iterdir())

    def _plan(self) -> Any:
        try:
            return json.loads((self.work / _PLAN).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def _agree(self, plan: Mapping[str, Any]) -> None:
        before = self._plan()
        if not isinstance(before, dict):
            raise TrainingError(f"{self.work} is damaged: add --force to begin anew")
        differing = [name for name in plan if before.get(name) != plan[name]]
        if differing:
            raise TrainingError(
                f"{self.folder} holds an unfinished training with another "
                f"{', '.join(differing)}: name another --out, or add --force to begin anew"
            )


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())
