from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from imagefinder import Finder, evaluation
from imagefinder.cluster import ClusterOptions, audit, evaluate
from imagefinder.errors import EvaluationError, NotFound
from imagefinder.evaluation import Evaluation

OPTIONS = ClusterOptions(workers=2, shard=3)


def test_the_figures_are_those_of_one_machine(ray: Any, photos: Path, tmp_path: Path) -> None:
    for number, path in enumerate(sorted(photos.glob("*.png"))):
        folder = photos / str(number % 2)
        folder.mkdir(exist_ok=True)
        path.rename(folder / path.name)
    with Finder.create(tmp_path / "c.db", "phash") as finder:
        finder.add(photos)
        here = evaluation.evaluate(finder, ks=(1, 3))
        spread = evaluate(finder, tmp_path / "c.db", None, OPTIONS, ks=(1, 3))
    assert spread.setup == here.setup
    assert figures(spread) == pytest.approx(figures(here))


def figures(found: Evaluation) -> list[float]:
    """Means and their intervals, which depend on the order of the queries."""
    return [value for one in found.metrics.values() for value in asdict(one).values()]


def test_queries_that_cannot_be_used_are_told(ray: Any, photos: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "stored" / name).mkdir(parents=True)
    names = sorted(photos.glob("*.png"))
    for number, path in enumerate(names[:8]):
        (tmp_path / "stored" / "ab"[number % 2] / path.name).write_bytes(path.read_bytes())
    queries = tmp_path / "queries" / "a"
    queries.mkdir(parents=True)
    (photos / "bad.jpg").rename(queries / "bad.jpg")
    with Finder.create(tmp_path / "c.db", "phash") as finder:
        finder.add(tmp_path / "stored")
        with pytest.raises(EvaluationError, match=r"no query can be used: .*bad\.jpg"):
            evaluate(finder, tmp_path / "c.db", None, OPTIONS, queries=queries.parent)
        names[9].rename(queries / "good.png")
        found = evaluate(finder, tmp_path / "c.db", None, OPTIONS, queries=queries.parent)
    assert [Path(one.path).name for one in found.failed] == ["bad.jpg"]
    assert found.setup.queries == 1


def test_an_exact_index_finds_all_that_is_near(ray: Any, photos: Path, tmp_path: Path) -> None:
    with Finder.create(tmp_path / "c.db", "phash") as finder:
        with pytest.raises(NotFound, match="no image with a vector"):
            audit(finder, tmp_path / "c.db", 5, OPTIONS)
        finder.add(photos)
        found = audit(finder, tmp_path / "c.db", 10, OPTIONS)
    assert (found.choice.kind, found.queries, found.failed) == ("exact", 10, ())
    assert found.recall == {1: 1.0, 10: 1.0, 100: 1.0}
