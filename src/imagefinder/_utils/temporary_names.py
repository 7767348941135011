"""Temporary names: what is being written is called ``.PID-TOKEN-NAME`` until it gets its name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

TEMPORARY = r"\.\d+-(?=\d*[a-f])[0-9a-f]{8}-"
"""How a temporary name begins: a token has a letter, a date has none."""
_NAME = re.compile(f"{TEMPORARY}(.+)", re.DOTALL)
_TOKEN = 1  # of the parts between hyphens


@dataclass(frozen=True)
class TemporaryName:
    """The name of a temporary file or folder, taken apart."""

    path: Path
    token: str
    target: str
    """The name that it is to get."""


def temporary_path(path: Path) -> Path:
    """A new temporary path beside ``path``."""
    token = token_hex(4)
    while token.isdecimal():
        token = token_hex(4)
    return path.with_name(f".{os.getpid()}-{token}-{path.name}")


def parse(path: Path) -> TemporaryName | None:
    """None for a path that is not a temporary one."""
    match = _NAME.fullmatch(path.name)
    return TemporaryName(path, path.name.split("-")[_TOKEN], match[1]) if match else None


def temporary_names_in(folder: Path) -> Iterator[TemporaryName]:
    """The temporary names in a folder; none if it cannot be listed."""
    paths: list[Path] = []
    # a path for each of the names takes long where there are a million images
    with suppress(OSError), os.scandir(folder) as entries:
        paths = [folder / entry.name for entry in entries if entry.name.startswith(".")]
    yield from (name for path in paths if (name := parse(path)))
