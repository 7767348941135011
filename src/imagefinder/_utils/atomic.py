"""Atomic writes: a file is written whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A temporary file to write, which then replaces ``path`` in one step, or leaves nothing.

    Its name ends as that of ``path`` does. Raises OSError.
    """
    unfinished = path.with_name(f".{os.getpid()}-{token_hex(4)}-{path.name}")
    try:
        yield unfinished
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
