"""The folders below which an assistant may name files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from imagefinder.errors import UnreadableImage
from imagefinder.types import File


class Folders:
    """Allowed folders: what an assistant names is looked for where its links really lead."""

    def __init__(self, roots: Sequence[str | os.PathLike[str]]) -> None:
        """They need not exist yet."""
        self.roots = tuple(Path(os.path.realpath(os.path.expanduser(root))) for root in roots)

    def file(self, name: str) -> Path:
        """The real path of a file. Raises UnreadableImage, also for one that is elsewhere.

        What lies elsewhere is not even looked at, so that nobody learns whether it is there.
        """
        if "\0" in name:
            raise UnreadableImage("a file's name has no NUL byte")
        try:
            real = Path(os.path.realpath(os.path.expanduser(name)))
        except (OSError, ValueError) as error:
            raise UnreadableImage("the file's name cannot be used") from error
        if not self._holds(real):
            known = ", ".join(map(str, self.roots)) or "none: start it with --root FOLDER"
            raise UnreadableImage(f"the file is not below an allowed folder ({known})")
        if not os.path.isfile(real):  # noqa: PTH113  Path.is_file raises for a name that is too long
            raise UnreadableImage("there is no such file")
        return real

    def may_open(self, file: File) -> bool:
        """Whether a stored image's file may be shown: an import may name any file."""
        return file.origin != "imported" or self._holds(Path(os.path.realpath(file.path)))

    def _holds(self, real: Path) -> bool:
        return any(real.is_relative_to(root) for root in self.roots)
