"""Changed paths: which part of a folder a walk looks at, where it is known what has changed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from imagefinder.images.exclusions import IGNORE_FILE


@dataclass
class ChangedPaths:
    """Absolute paths of files and folders that were made, changed, moved or deleted.

    An ignore file stands for the folder that it is in, whose images it may exclude.
    """

    paths: set[str]
    former_folders: set[str] = field(default_factory=set)
    """Those of the paths in which something has changed, too, whatever they are by now."""
    _names: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def below(cls, root: str, paths: Iterable[str]) -> ChangedPaths:
        """Those of the paths that are a folder, or are in it; what is in another is left out."""
        inside = root.rstrip(os.sep) + os.sep
        given = {path.removesuffix(f"{os.sep}{IGNORE_FILE}") for path in paths}
        given = {path for path in given if path == root or path.startswith(inside)}
        above = {path: given.intersection(_parents(path)) for path in given}
        paths = {path for path in given if not above[path]}
        return cls(paths, paths & set().union(*above.values()))

    def __post_init__(self) -> None:
        for path in self.paths:
            self._note_way_to(path)

    def names_in(self, folder: str) -> set[str] | None:
        """The names to look at in a folder on the way to changed paths; None for all of them."""
        if folder in self.paths or not self.paths.isdisjoint(_parents(folder)):
            return None
        return self._names.get(folder, set())

    def _note_way_to(self, path: str) -> None:
        folder, name = os.path.split(path)
        while name and name not in self._names.setdefault(folder, set()):
            self._names[folder].add(name)
            folder, name = os.path.split(folder)


def _parents(path: str) -> Iterator[str]:
    """The folders that a path is in."""
    folder, name = os.path.split(path)
    while name:
        yield folder
        folder, name = os.path.split(folder)
