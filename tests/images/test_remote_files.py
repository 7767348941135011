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
from imagefinder.images.remote_files import RemoteFile, is_remote, read_remote, remote_images
from imagefinder.images.walk import FolderWalk


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
    assert not is_remote("s3:/a.png")
    assert not is_remote(Path("s3://bucket"))
    assert not is_remote("https://example.com/a.png")


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
    with pytest.raises(NotFound, match="cannot be listed"):
        listed(f"{bucket}/none")
    with pytest.raises(UnreadableImage, match="no such file"):
        read_remote(f"{bucket}/none.png")


def test_an_object_that_is_too_large_is_not_read_to_its_end(object_store: ObjectStore) -> None:
    url = object_store.put(f"{object_store.bucket()}/a.png", bytes(1001))
    with pytest.raises(ImageTooLarge):
        RemoteFile(url, 1001, 0).read(Limits(max_bytes=1000))


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
