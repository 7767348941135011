"""Catalogues of drawn pictures in folders."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

import PIL.Image
import pytest

from imagefinder import Finder

from ..conftest import drawn

Stocked: TypeAlias = Callable[..., Finder]


@pytest.fixture
def stocked(tmp_path: Path) -> Iterator[Stocked]:
    """Makes one of so many pictures, in the folders ``even`` and ``odd`` of ``pictures``."""
    with ExitStack() as stack:

        def make(count: int, encoder: Any = "classic") -> Finder:
            finder = stack.enter_context(Finder.create(tmp_path / "c.db", encoder))
            for seed in range(count):
                path = tmp_path / "pictures" / ("odd" if seed % 2 else "even") / f"{seed:02}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                PIL.Image.fromarray(drawn(seed)).save(path)
                finder.add(path, metadata={"size": "large" if seed < count // 3 else None})
            return finder

        yield make
