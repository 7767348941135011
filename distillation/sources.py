"""Training data: collections of images, sampled with weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imagefinder.errors import TrainingError


@dataclass(frozen=True)
class ImageSource:
    """One collection of images."""

    name: str
    """Of its folder."""
    pattern: str
    """Which files of that folder, as ``pathlib`` globs."""
    weight: float
    """How often it is sampled, relative to the others."""
    small: bool = False
    """Whether its images are too small for tight crops."""

    def files(self, folder: Path) -> list[Path]:
        """Sorted; raises TrainingError if there are none."""
        files = sorted(path for path in (folder / self.name).glob(self.pattern) if path.is_file())
        if not files:
            raise TrainingError(f"no images for {self.name} in {folder / self.name}")
        return files
