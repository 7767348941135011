from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from tests.object_store import ObjectStore
from typer.testing import CliRunner

from imagefinder import Finder
from imagefinder.cli.app import app
from imagefinder.cluster import ClusterOptions, search
from imagefinder.errors import DownloadError, NotFound, OutputError

OPTIONS = ClusterOptions(workers=2, shard=3)


def rows(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    return sorted(found, key=lambda row: (row["query"], row["rank"]))


def expected(finder: Finder, query: str | bytes, name: str) -> list[dict[str, Any]]:
    return [
        {
            "query": name,
            "rank": hit.rank,
            "score": pytest.approx(hit.score),
            "distance": pytest.approx(hit.distance),
            "id": hit.id,
            "path": hit.path,
        }
        for hit in finder.search(query, k=4, verify=0)
    ]


def test_each_query_has_the_hits_of_a_search(ray: Any, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "hits.parquet"
    with Finder.create(tmp_path / "c.db", "phash") as finder:
        finder.add(sorted(photos.glob("*.png"))[:12])
        failed = search(finder, tmp_path / "c.db", photos, out, OPTIONS, k=4)
        assert [Path(one.path).name for one in failed] == ["bad.jpg"]
        queries = sorted(map(str, photos.glob("*.png")))
        assert rows(out) == [hit for one in queries for hit in expected(finder, one, one)]
        search(finder, tmp_path / "c.db", photos, out, OPTIONS)  # its own file is replaced
        other = tmp_path / "other.parquet"
        other.write_bytes(b"mine")
        with pytest.raises(OutputError, match="is there already"):
            search(finder, tmp_path / "c.db", photos, other, OPTIONS)


def test_queries_of_a_table_may_be_objects(
    object_store: ObjectStore, ray: Any, photos: Path, tmp_path: Path
) -> None:
    data = (photos / "03.png").read_bytes()
    url = object_store.put(f"{object_store.bucket()}/q.png", data)
    table = tmp_path / "queries.parquet"
    parquet.write_table(pa.table({"path": [url, str(photos / "05.png")]}), table)
    with Finder.create(tmp_path / "c.db", "phash") as finder:
        finder.add(photos)
        out = tmp_path / "hits.parquet"
        assert search(finder, tmp_path / "c.db", table, out, OPTIONS, k=4) == []
        five = str(photos / "05.png")
        found = rows(out)
        assert [row for row in found if row["query"] == url] == expected(finder, data, url)
        assert [row for row in found if row["query"] == five] == expected(finder, five, five)


def test_nothing_is_begun_without_queries(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    table = tmp_path / "queries.parquet"
    parquet.write_table(pa.table({"name": ["a"]}), table)
    out, nowhere = tmp_path / "hits.parquet", ClusterOptions(address="127.0.0.1:1")
    with Finder.create(tmp_path / "c.db", "phash") as finder:
        finder.add(photos / "00.png")
        for queries, said in ((table, "give a column path"), (tmp_path / "empty", "no images")):
            with pytest.raises((DownloadError, NotFound), match=said):
                search(finder, tmp_path / "c.db", queries, out, nowhere)
    assert not out.exists()


def test_what_cannot_be_searched_with_is_told_and_counts(
    object_store: ObjectStore, ray: Any, photos: Path, tmp_path: Path, with_stderr: None
) -> None:
    with Finder.create(tmp_path / "c.db", "phash") as finder:
        finder.add(photos)
    table = tmp_path / "queries.parquet"
    missing = f"{object_store.bucket()}/none"
    parquet.write_table(pa.table({"path": [None, str(photos / "05.png")]}), table)
    for queries, status, failed in (
        ([table], 0, [f"{table}/row 1"]),
        ([table, missing], 1, [missing, f"{table}/row 1"]),
        ([photos / "none.png"], 1, [str(photos / "none.png")]),
    ):
        words = ["cluster", "search", *map(str, queries), "-o", str(tmp_path / "hits.parquet")]
        words += ["--db", str(tmp_path / "c.db"), "--workers", "1", "--json"]
        result = CliRunner().invoke(app, words)
        assert result.exit_code == status, result.output
        assert [one["path"] for one in json.loads(result.stdout)["failed"]] == failed


def test_a_catalogue_named_from_here_is_found_by_workers(
    ray: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which may run in another folder."""
    monkeypatch.chdir(tmp_path)
    with Finder.create("c.db", "phash") as finder:
        finder.add(photos / "00.png")
        assert search(finder, "c.db", photos / "00.png", "hits.parquet", OPTIONS) == []
    assert len(rows(tmp_path / "hits.parquet")) == 1
