"""Run directory: the folder that a training run fills, and whether it may be used or resumed."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagefinder._utils.atomic import atomic_write
from imagefinder._utils.temporary_names import TEMPORARY
from imagefinder._utils.text import one_line
from imagefinder.encoders.trained import DESCRIPTION, GRAPH
from imagefinder.errors import TrainingError

CATALOGUE = "catalogue.db"
WEIGHTS = "weights.safetensors"
PCA = "pca.safetensors"
KMEANS = "kmeans.safetensors"
PROJECTION = "projection.safetensors"
REPORT = "report"
"""``.html`` and ``.json``."""

CATALOGUE_FILES = (CATALOGUE, f"{CATALOGUE}-wal", f"{CATALOGUE}-shm")
"""A database, and what SQLite keeps beside it."""
_NAMES = (DESCRIPTION, GRAPH, WEIGHTS, PCA, KMEANS, PROJECTION, f"{REPORT}.html", f"{REPORT}.json")
_OURS = re.compile(
    rf"({TEMPORARY})?({'|'.join(map(re.escape, (*_NAMES, *CATALOGUE_FILES)))})"
    # the saved indexes of the catalogue
    rf"|({TEMPORARY})?{re.escape(CATALOGUE)}"
    r"\.(vectors|exact|vlad)[a-z0-9-]*-[0-9a-f]{8}[a-z0-9_.-]*"
)
_PLAN = "plan.json"
_WORK = "training"
_FORMAT = 2
"""Of the checkpoint, by the names of its weights and of its settings."""


@dataclass(frozen=True)
class RunDirectory:
    """A folder of artifacts, with a subfolder for the state of an unfinished run.

    A plan is everything that decides the outcome: with the same plan a run can be resumed.
    """

    folder: Path

    @property
    def work(self) -> Path:
        """Checkpoints and decoded images; deleted when the run is complete."""
        return self.folder / _WORK

    def check(self, plan: Mapping[str, Any], force: bool) -> None:
        """Raises TrainingError if the folder cannot be used for this plan; changes nothing.

        It can be used if it is new or empty, has an unfinished run of the same plan, or, with
        ``force``, if it has any run's files and nothing else.
        """
        if not force and self._is_complete() and not self._is_unfinished():
            raise TrainingError(
                f"{self.folder} holds a trained encoder: name another --out, or add --force"
            )
        if not force and self._is_unfinished():
            self._check_same(plan)
        ours = self._is_unfinished() or (self._is_complete() and not self._has_other_files())
        if self.folder.exists() and not ours and not _is_empty(self.folder):
            raise TrainingError(f"{self.folder} is not an empty folder: name another --out")

    def claim(self, plan: Mapping[str, Any], force: bool) -> None:
        """After ``check``: record the plan, and keep the state of a run that is to be resumed.

        ``force`` deletes what another run left. Raises TrainingError.
        """
        plan = _with_format(plan)
        if force and (self._plan() != plan or self._is_complete()):
            self.clear()
        try:
            self.work.mkdir(parents=True, exist_ok=True)
            with atomic_write(self.work / _PLAN) as file:
                file.write_text(json.dumps(plan, indent=2), encoding="utf-8")
        except OSError as error:
            raise TrainingError(f"{self.folder} cannot be written: {one_line(error)}") from error

    @contextmanager
    def cleared_on_error(self) -> Iterator[None]:
        """A TrainingError inside empties the folder, so that another try finds it free."""
        try:
            yield
        except TrainingError:
            self.clear()
            raise

    def clear(self) -> None:
        """Delete a run's files, and nothing else."""
        if not (self._is_complete() or self._is_unfinished()):
            return
        (self.folder / DESCRIPTION).unlink(missing_ok=True)  # first: half of it is no encoder
        self.complete()
        for file in self.folder.iterdir():
            if _OURS.fullmatch(file.name):
                file.unlink()

    def complete(self) -> None:
        """Delete the state of the run: it need not be resumed any more."""
        if self._is_unfinished():
            shutil.rmtree(self.work, ignore_errors=True)

    def _is_complete(self) -> bool:
        return (self.folder / DESCRIPTION).exists()

    def _is_unfinished(self) -> bool:
        """Whether there is the state of a run, and not a folder of the same name."""
        return self.work.is_dir() and ((self.work / _PLAN).exists() or _is_empty(self.work))

    def _has_other_files(self) -> bool:
        return any(not _OURS.fullmatch(file.name) for file in self.folder.iterdir())

    def _plan(self) -> Any:
        try:
            return json.loads((self.work / _PLAN).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def _check_same(self, plan: Mapping[str, Any]) -> None:
        before, plan = self._plan(), _with_format(plan)
        if not isinstance(before, dict):
            raise TrainingError(f"{self.work} is damaged: add --force to start over")
        if before.get("format") != _FORMAT:
            raise TrainingError(
                f"{self.folder} holds an unfinished run of another version of ImageFinder: "
                "finish it with that version, name another --out, or add --force to start over"
            )
        differing = [name for name in plan if before.get(name) != plan[name]]
        if differing:
            raise TrainingError(
                f"{self.folder} holds an unfinished run with a different "
                f"{', '.join(differing)}: name another --out, or add --force to start over"
            )


def _with_format(plan: Mapping[str, Any]) -> dict[str, Any]:
    return {"format": _FORMAT, **plan}


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())
