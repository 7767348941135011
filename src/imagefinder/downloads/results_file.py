"""The file ``results.csv``: its columns, and how it is known again."""

from __future__ import annotations

import hashlib
from pathlib import Path

NAME = "results.csv"
COLUMNS = (
    "row", "url", "status", "reason", "detail", "path", "sha256", "size", "width", "height",
    "metadata",
)  # fmt: skip
HEADER = ",".join(f'"{name}"' for name in COLUMNS) + "\n"


def digest_of(path: Path) -> bytes:
    """SHA-256 of a file. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def is_results(path: Path) -> bool:
    """Whether the file begins as ``results.csv`` does. Raises OSError."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(HEADER)) == HEADER.encode()
