"""The images that are trained on: files under one folder, by source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imagefinder.errors import TrainingError


@dataclass(frozen=True)
class Source:
    """One collection of images and how often it is drawn from."""

    name: str
    """The folder it lies in."""
    pattern: str
    """Which files of that folder, as ``pathlib`` globs."""
    share: float
    """How often it is drawn, in proportion to the others."""
    small: bool = False
    """Whether its images are too small to be cropped."""
    commit: str = ""
    licence: str = ""

    def files(self, folder: Path) -> list[Path]:
        """In the order of their names; raises TrainingError if there are none."""
        files = sorted(path for path in (folder / self.name).glob(self.pattern) if path.is_file())
        if not files:
            raise TrainingError(f"no images for {self.name} in {folder / self.name}")
        return files
