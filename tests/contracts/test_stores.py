from pathlib import Path

import pytest

from imagefinder.registry.plugins import load, plugins
from imagefinder.testing.contracts import check_store
from imagefinder.types import IndexChoice, Measure, Recipe


def able() -> list[tuple[str, Measure]]:
    return [(kind, one) for kind in plugins("indexes") for one in load("indexes", kind).measures]


@pytest.mark.parametrize(("kind", "measure"), able())
@pytest.mark.parametrize("name", plugins("stores"))
def test_every_store_keeps_the_contract_with_every_index(
    name: str, kind: str, measure: Measure, tmp_path: Path
) -> None:
    store = load("stores", name)
    check_store(lambda recipe: store.create(tmp_path / "store", recipe, IndexChoice(kind)), measure)


def test_sqlite_keeps_it_with_local_features(tmp_path: Path) -> None:
    store = load("stores", "sqlite")
    extractor = Recipe("corners", {}, 16, "cosine")
    exact = IndexChoice("exact")
    check_store(lambda recipe: store.create(tmp_path / "store", recipe, exact, extractor), "cosine")
