from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagefinder import Finder
from imagefinder.cluster import ClusterOptions, audit, build_index
from imagefinder.errors import PluginError
from imagefinder.testing.contracts.samples import record_of
from imagefinder.types import Entry

NOWHERE = ClusterOptions(address="127.0.0.1:1")


@pytest.fixture
def location(tmp_path: Path) -> Path:
    """A catalogue in Lance with vectors enough for an index."""
    pytest.importorskip("lance")
    path = tmp_path / "c.lance"
    with closing(Finder.create(path, "compact")) as finder:
        vectors = np.random.default_rng(1).random((1500, finder.recipe.dim), np.float32)
        finder.store.write([Entry(record_of(f"/{n}"), one[None]) for n, one in enumerate(vectors)])
    return path


def test_the_index_is_built_audited_and_used(ray: Any, location: Path) -> None:
    with Finder.open(location) as finder:
        options = {"num_partitions": 2, "nprobes": 2}
        built = build_index(finder, location, "lance-ivf-rq", options)
        assert built.options["num_bits"] == 1, "all options are known"
        poor = {"num_partitions": 400, "nprobes": 1}
        with pytest.raises(PluginError, match="so it is not used"):
            build_index(finder, location, "lance-ivf-rq", poor)
    with Finder.open(location) as finder:
        assert finder.store.index == built
        assert audit(finder, location, 50, ClusterOptions(workers=1)).recall[10] > 0.9


def test_an_audit_tells_an_index_that_misses_some(ray: Any, location: Path) -> None:
    with Finder.open(location) as finder:
        poor = {"num_partitions": 3, "nprobes": 1, "refine_factor": 1, "min_recall": 0}
        build_index(finder, location, "lance-ivf-rq", poor)
    with Finder.open(location) as finder:
        assert audit(finder, location, 50, ClusterOptions(workers=1)).recall[10] < 0.97


@pytest.mark.parametrize(
    ("kind", "where"), [("exact", "in the memory of each program"), ("pgvector-hnsw", "database")]
)
def test_what_is_built_elsewhere_is_refused(location: Path, kind: str, where: str) -> None:
    with (
        Finder.open(location) as finder,
        pytest.raises(PluginError, match=rf"{where}.*index build {kind}"),
    ):
        build_index(finder, location, kind, options=NOWHERE)


def test_another_store_has_no_such_index(tmp_path: Path) -> None:
    with (
        Finder.create(tmp_path / "c.db", "compact") as finder,
        pytest.raises(PluginError, match="as lance-ivf-pq"),
    ):
        build_index(finder, tmp_path / "c.db", "lance-ivf-pq", options=NOWHERE)


def test_options_are_checked_before_a_cluster_is_started(location: Path) -> None:
    with Finder.open(location) as finder, pytest.raises(PluginError, match="num_bits must be"):
        build_index(finder, location, "lance-ivf-rq", {"num_bits": 9}, NOWHERE)
