from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from tests.object_store import ObjectStore

from imagefinder import Finder, NotFound
from imagefinder.errors import ImageTooLarge, UnreadableImage
from imagefinder.images.limits import Limits
from imagefinder.images.opened_files import open_stored
from imagefinder.images.remote_files import (
    RemoteFile,
    _of_bucket,
    is_remote,
    read_remote,
    remote_images,
)
from imagefinder.images.walk import FolderWalk
from imagefinder.watching import watch


def png(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    stream = io.BytesIO()
    PIL.Image.fromarray(pixels).resize((32, 32)).save(stream, "png")
    return stream.getvalue()


def listed(url: str, *globs: str) -> tuple[list[str], dict[str, int]]:
    walk = FolderWalk(globs)
    names = [file.url.removeprefix(url) for file in remote_images(url, walk)]
    return names, dict(walk.skipped.counts)


def test_urls_of_object_stores_are_told_from_paths() -> None:
    assert is_remote("s3://bucket/a.png")
    assert is_remote("GS://bucket")
    assert is_remote("az://container/a.png")
    assert not is_remote("s3:/a.png")
    assert not is_remote(Path("s3://bucket"))
    assert not is_remote("https://example.com/a.png")


@pytest.mark.parametrize("object_store", ["s3", "az"], indirect=True)
def test_images_are_listed_at_any_depth(object_store: ObjectStore) -> None:
    bucket = object_store.bucket()
    for name in ("b.png", "a/x.JPG", "a/y/noending", "a/notes.txt", ".hidden/z.png", "é %41.png"):
        object_store.put(f"{bucket}/{name}", b"1")
    names, skipped = listed(bucket)
    assert sorted(names) == ["/a/x.JPG", "/a/y/noending", "/b.png", "/é %41.png"]
    assert skipped == {"document": 1, "hidden": 1}
    assert listed(f"{bucket}/a/") == (["x.JPG", "y/noending"], {"document": 1})
    assert listed(f"{bucket}/b.png")[0] == [""]
    names, skipped = listed(bucket, "*.JPG", "y/")
    assert sorted(names) == ["/b.png", "/é %41.png"]
    assert skipped == {"document": 1, "hidden": 1, "excluded": 2}


def test_what_is_not_there_says_so(object_store: ObjectStore) -> None:
    bucket = object_store.bucket()
    with pytest.raises(NotFound, match="cannot be listed"):
        listed(f"{bucket}-none")
    with pytest.raises(NotFound, match="no such object"):
        listed(f"{bucket}/none")
    with pytest.raises(NotFound, match="names no bucket: write s3://BUCKET/FOLDER"):
        listed("s3://")
    with pytest.raises(UnreadableImage, match="no such file"):
        read_remote(f"{bucket}/none.png")


@pytest.mark.parametrize("object_store", ["az"], indirect=True)
@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("ACCOUNT_NAME", "", "put AZURE_STORAGE_ACCOUNT_NAME, and"),
        ("ACCOUNT_KEY", "", "AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, into"),
        ("ACCOUNT_KEY", "%%%", "expected base64"),
        ("ACCOUNT_KEY", "aGVsbG8=", "cannot be listed: .*Server failed to authenticate"),
        *(
            ("ENDPOINT", endpoint, "ENDPOINT is .*: expected a URL")
            for endpoint in ("none", "http://", "http://a:99999", "http://[::1", "ftp://a")
        ),
    ],
)
def test_what_azure_needs(
    object_store: ObjectStore,
    variable: str,
    value: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some of these would end the program in pyarrow."""
    bucket = object_store.bucket()
    monkeypatch.setenv(f"AZURE_STORAGE_{variable}", value)
    with pytest.raises(NotFound, match=message):
        listed(bucket)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("https://me.blob.core.example", (".blob.core.example", ".dfs.core.example")),
        ("https://store.example:8443/me", ("store.example:8443",) * 2),
    ],
)
def test_an_azure_server_of_ones_own(
    endpoint: str, expected: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[dict[str, str]] = []
    monkeypatch.setattr("pyarrow.fs.AzureFileSystem", lambda **given: made.append(given))
    for name, value in {"ACCOUNT_NAME": "me", "SAS_TOKEN": "t", "ENDPOINT": endpoint}.items():
        monkeypatch.setenv(f"AZURE_STORAGE_{name}", value)
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_KEY", raising=False)
    _of_bucket.__wrapped__("az", "photos")
    assert (made[0]["blob_storage_authority"], made[0]["dfs_storage_authority"]) == expected
    assert (made[0]["blob_storage_scheme"], made[0]["sas_token"]) == ("https", "t")


def test_google_s_errors_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/none")
    with pytest.raises(NotFound, match=r"Cannot open credentials file /none$"):
        listed("gs://photos")


def test_an_object_that_is_too_large_is_not_read_to_its_end(object_store: ObjectStore) -> None:
    url = object_store.put(f"{object_store.bucket()}/a.png", bytes(1001))
    with pytest.raises(ImageTooLarge):
        RemoteFile(url, 1001, 0).read(Limits(max_bytes=1000))


@pytest.mark.parametrize("object_store", ["s3", "az"], indirect=True)
def test_images_of_a_bucket_are_added_once_and_read_when_they_are_needed(
    object_store: ObjectStore, tmp_path: Path
) -> None:
    bucket = object_store.bucket()
    for seed in range(3):
        object_store.put(f"{bucket}/photos/{seed}.png", png(seed))
    object_store.put(f"{bucket}/photos/bad.jpg", b"\xff\xd8\xff")
    with Finder.create(tmp_path / "c.db", "phash") as finder:
        report = finder.add(f"{bucket}/photos")
        assert (report.added, len(report.failed)) == (3, 1)
        assert report.failed[0].path == f"{bucket}/photos/bad.jpg"
        object_store.put(f"{bucket}/photos/1.png", png(9))
        again = finder.add([f"{bucket}/photos/0.png", f"{bucket}/photos/1.png"])
        assert (again.unchanged, again.updated, len(finder)) == (1, 1, 3)
        hit = finder.search(png(2))[0]
        assert hit.path == f"{bucket}/photos/2.png"
        opened = open_stored(hit.record)
        assert opened is not None
        with opened.stream as stream:
            assert stream.read() == png(2)
        object_store.delete(f"{bucket}/photos/2.png")
        assert open_stored(hit.record) is None


def test_what_cannot_be_listed_is_a_failure_among_others(
    object_store: ObjectStore, tmp_path: Path
) -> None:
    bucket = object_store.bucket()
    there = object_store.put(f"{bucket}/0.png", png(0))
    with Finder.create(tmp_path / "c.db", "phash") as finder:
        report = finder.add([f"{bucket}/none.png", f"{bucket}//0.png", there])
        assert report.added == 1
        assert [one.path for one in report.failed] == [f"{bucket}/none.png", f"{bucket}//0.png"]
        assert report.failed[0].reason == "no such object, and none below it"
        assert report.failed[1].reason.startswith("cannot be listed: Empty path component")


def test_urls_name_stored_objects_wherever_paths_name_files(
    object_store: ObjectStore, tmp_path: Path
) -> None:
    bucket = object_store.bucket()
    for seed, name in enumerate(["a/0.png", "a/1.png", "b/2.png", "b/3.png"]):
        object_store.put(f"{bucket}/{name}", png(seed))
    with Finder.create(tmp_path / "c.db", "phash") as finder:
        finder.add(bucket)
        assert finder.search(f"{bucket}/a/1.png")[0].path == f"{bucket}/a/1.png"
        hits = finder.search(png(0), folders=[f"{bucket}/b/"])
        assert {hit.path for hit in hits} == {f"{bucket}/b/2.png", f"{bucket}/b/3.png"}
        finder.export_vectors(tmp_path / "rows.parquet")
        with pytest.raises(NotFound, match=f"imagefinder add {bucket}"):
            finder.sync(bucket)
        with pytest.raises(NotFound, match="does not tell what changes"):
            watch(finder, bucket)
        assert finder.remove(f"{bucket}/a/1.png").removed == 1
        assert finder.remove(f"S3{bucket[2:]}/b/", exclude=True).removed == 2
        report = finder.add(bucket)
        assert (report.added, report.unchanged) == (1, 1)
        assert report.skipped == {"excluded": 1}
    with Finder.create(tmp_path / "d.db", "phash") as finder:
        finder.import_vectors(tmp_path / "rows.parquet")
        assert finder.store.lookup_paths([f"{bucket}/b/3.png"])
