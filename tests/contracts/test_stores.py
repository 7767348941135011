from functools import partial
from pathlib import Path

import pytest

from imagefinder.registry import load, make_index, plugins
from imagefinder.testing import check_store
from imagefinder.types import Measure, Recipe


@pytest.mark.parametrize("measure", ["cosine", "l2", "dot", "hamming"])
@pytest.mark.parametrize("name", plugins("stores"))
def test_every_store_keeps_the_contract(name: str, measure: Measure, tmp_path: Path) -> None:
    store = load("stores", name)
    check_store(
        lambda recipe: store.create(tmp_path / "store", recipe, partial(make_index, "exact")),
        measure,
    )


@pytest.mark.parametrize("measure", ["cosine", "l2", "hamming"])
def test_sqlite_keeps_it_with_its_own_scan(measure: Measure, tmp_path: Path) -> None:
    store = load("stores", "sqlite")
    check_store(lambda recipe: store.create(tmp_path / "store", recipe), measure)


def test_sqlite_keeps_it_with_local_features(tmp_path: Path) -> None:
    store = load("stores", "sqlite")
    extractor = Recipe("corners", {}, 16, "cosine")
    exact = partial(make_index, "exact")
    check_store(lambda recipe: store.create(tmp_path / "store", recipe, exact, extractor), "cosine")
