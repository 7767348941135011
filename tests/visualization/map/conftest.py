"""Catalogues of drawn images in folders."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import PIL.Image
import pytest

from imagefinder import Finder

from ...conftest import drawn

Stocked: TypeAlias = Callable[..., Finder]


@contextmanager
def stocked_in(folder: Path) -> Iterator[Stocked]:
    """Makes a catalogue of so many images, in the folders ``even`` and ``odd``."""
    with ExitStack() as stack:

        def make(count: int, encoder: Any = "classic") -> Finder:
            finder = stack.enter_context(Finder.create(folder / "c.db", encoder))
            for seed in range(count):
                path = folder / "images" / ("odd" if seed % 2 else "even") / f"{seed:02}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                PIL.Image.fromarray(drawn(seed)).save(path)
                finder.add(path, metadata={"size": "large" if seed < count // 3 else None})
            return finder

        yield make


@pytest.fixture
def stocked(tmp_path: Path) -> Iterator[Stocked]:
    """The same in the test's own folder."""
    with stocked_in(tmp_path) as make:
        yield make
