"""Files over HTTP: only the stored images, and of an import only what lies where it may."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagefinder import Finder

from .conftest import Serve

LONG_AGO = 10**18

Ask = Callable[[Any, str], httpx.Response]


def first(client: Any) -> str:
    return str(client.get("/v1/images?limit=1").json()["images"][0]["id"])


WAYS: dict[str, Ask] = {
    "file": lambda client, id_: client.get(f"/v1/images/{id_}/file"),
    "thumbnail": lambda client, id_: client.get(f"/v1/images/{id_}/thumbnail"),
    "crop": lambda client, id_: client.post("/v1/search", data={"id": id_, "crop": "0,0,9,9"}),
    "compare": lambda client, id_: client.post("/v1/compare", data={"id": [id_, id_]}),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_file_that_was_swapped_for_a_link_is_not_served(
    serve: Serve, folder: Path, way: str
) -> None:
    client = serve()
    id_ = first(client)
    assert WAYS[way](client, id_).status_code == 200
    for file in folder.iterdir():
        size = file.stat().st_size
        secret = folder.parent / f"secret-{file.name}"
        secret.write_bytes(b"x" * size)
        os.utime(secret, ns=(file.stat().st_mtime_ns, file.stat().st_mtime_ns))
        file.unlink()
        file.symlink_to(secret)
    assert WAYS[way](client, id_).status_code == 410


@pytest.fixture
def imported(catalogue: Path, folder: Path) -> Path:
    """A catalogue of vectors and paths from elsewhere."""
    with Finder.open(catalogue) as finder:
        finder.export_vectors(folder.parent / "vectors.npy")
    with Finder.create(folder.parent / "imported.db", "classic") as finder:
        finder.import_vectors(folder.parent / "vectors.npy")
    return folder.parent / "imported.db"


def test_files_that_an_import_names_are_served_below_a_root_only(
    imported: Path, folder: Path
) -> None:
    for roots, status in (
        ((), 410),
        ((folder.parent / "elsewhere",), 410),
        ((folder.parent / "elsewhere", folder), 200),
    ):
        server = Serve(imported)
        client = server(roots=roots)
        answer = WAYS["file"](client, first(client))
        assert answer.status_code == status
        if status == 410:
            assert "--root" in answer.json()["detail"]
        server.close()


def test_an_image_that_is_added_after_its_import_is_served(imported: Path, folder: Path) -> None:
    with Finder.open(imported) as finder:
        finder.add(folder)
    server = Serve(imported)
    client = server()
    assert WAYS["file"](client, first(client)).status_code == 200
    server.close()


@pytest.mark.parametrize(
    ("range_", "status", "part"),
    [
        ("bytes=2-9", 206, slice(2, 10)),
        ("bytes=5-", 206, slice(5, None)),
        ("bytes=-4", 206, slice(-4, None)),
        ("bytes=0-99999999", 200, slice(None)),
        ("bytes=9-2", 200, slice(None)),
        ("bytes=0-1,4-5", 200, slice(None)),
        ("bytes=x", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
        ("bytes=-0", 416, None),
        ("bytes=99999999-", 416, None),
        ("bytes=" + "9" * 40 + "-", 200, slice(None)),
    ],
)
def test_ranges(client: Any, range_: str, status: int, part: slice | None) -> None:
    address = f"/v1/images/{first(client)}/file"
    whole = client.get(address)
    assert whole.headers["accept-ranges"] == "bytes"
    answer = client.get(address, headers={"Range": range_})
    assert answer.status_code == status
    if part is not None:
        assert answer.content == whole.content[part]
        assert answer.headers["content-length"] == str(len(answer.content))
    current = {"Range": range_, "If-Range": whole.headers["etag"]}
    assert client.get(address, headers=current).status_code == status
    other = {"Range": range_, "If-Range": '"other"'}
    assert client.get(address, headers=other).status_code == 200


def test_a_file_of_any_time_is_served(serve: Serve, folder: Path) -> None:
    for file in folder.iterdir():
        os.utime(file, (-1, -1))
    client = serve(writable=True)
    for file in folder.iterdir():
        file.write_bytes(file.read_bytes() + b"more")
        os.utime(file, (-1, -1))
    with Finder.open(folder.parent / "library.db") as finder:
        finder.sync(folder)
    assert WAYS["file"](client, first(client)).status_code == 200


def test_names_in_other_alphabets_are_kept(serve: Serve, folder: Path) -> None:
    client = serve(writable=True, uploads=folder.parent / "uploads")
    data = (folder / "03.jpg").read_bytes() + b"more"
    image = client.post("/v1/images", files={"image": ("фото на даче.jpg", data)}).json()
    assert image["name"] == "фото на даче.jpg"
    answer = client.get(f"/v1/images/{image['id']}/file")
    assert answer.headers["content-type"] == "image/jpeg"
    assert "filename*=UTF-8''%D1%84%D0%BE" in answer.headers["content-disposition"]
