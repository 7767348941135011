"""Stored images over HTTP: list, read, add, delete, conditional and range requests."""

import json
from itertools import count
from pathlib import Path

import PIL.Image
import pytest
from fastapi.testclient import TestClient

from imagefinder import Finder
from imagefinder.images.metadata import MAX_ITEMS

from .conftest import COUNT, Serve

DEEP = '{"a":' * 2000 + "1" + "}" * 2000


def first(client: TestClient) -> str:
    return str(client.get("/v1/images?limit=1").json()["images"][0]["id"])


def test_images_are_listed_page_by_page(client: TestClient) -> None:
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = client.get(
            "/v1/images", params={"limit": 5, **({"cursor": cursor} if cursor else {})}
        )
        seen += [image["name"] for image in page.json()["images"]]
        cursor = page.json()["next"]
        if cursor is None:
            break
    assert sorted(seen) == [f"{seed:02}.jpg" for seed in range(COUNT)]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "cursor=x",
        "cursor=..",
        "where=x",
        "sort=x",
        "offset=1",
        "words=a",
        "sort=added&offset=-1",
        "sort=size&cursor=0123456789abcdef",
    ],
)
def test_an_invalid_page_is_refused(client: TestClient, query: str) -> None:
    assert client.get(f"/v1/images?{query}").status_code == 422


def test_a_cursor_past_the_last_gives_an_empty_page(client: TestClient) -> None:
    page = client.get("/v1/images?cursor=ffffffffffffffff").json()
    assert page == {"images": [], "next": None, "total": None, "detail": None}


def listed(client: TestClient, **query: str | float) -> list[str]:
    page = client.get("/v1/images", params={"sort": "name", **query}).json()
    assert page["total"] >= len(page["images"])
    return [image["name"] for image in page["images"]]


def test_images_are_listed_in_an_order(client: TestClient) -> None:
    names = [f"{seed:02}.jpg" for seed in range(COUNT)]
    assert listed(client, order="asc") == names
    assert listed(client) == names[::-1]
    assert listed(client, order="asc", offset=3, limit=2) == names[3:5]
    assert listed(client, offset=COUNT) == []
    assert listed(client, offset=10**12) == []
    assert listed(client, words="07") == ["07.jpg"]
    assert listed(client, where='{"seed": {"lt": 2}}') == ["01.jpg", "00.jpg"]
    sizes = [one["size"] for one in client.get("/v1/images?sort=size").json()["images"]]
    assert sizes == sorted(sizes, reverse=True)
    nothing = client.get("/v1/images", params={"sort": "name", "where": '{"seed": 99}'}).json()
    assert (nothing["total"], nothing["detail"]) == (0, "no image has seed=99")


def test_a_listing_follows_what_is_added_and_deleted(serve: Serve, tmp_path: Path) -> None:
    client = serve(writable=True)
    assert len(listed(client)) == COUNT
    client.delete(f"/v1/images/{first(client)}")
    assert len(listed(client)) == COUNT - 1
    PIL.Image.new("RGB", (64, 64), "red").save(tmp_path / "new.png")
    client.post("/v1/images", files={"image": (tmp_path / "new.png").read_bytes()})
    assert len(listed(client)) == COUNT


def test_folders_are_shown_only_if_that_is_allowed(serve: Serve, folder: Path) -> None:
    client = serve()
    assert client.get("/v1/folders").status_code == 403
    refused = client.get("/v1/images", params={"sort": "name", "folder": str(folder)})
    assert refused.status_code == 403
    assert "--show-paths" in refused.json()["detail"]
    assert client.get(f"/v1/images/{first(client)}").json()["paths"] is None
    client = serve(show_paths=True)
    assert client.get("/v1/stats").json()["shows_paths"] is True
    image = client.get(f"/v1/images/{first(client)}").json()
    assert image["paths"] == [str(folder / image["name"])]
    assert len(listed(client, folder=str(folder))) == COUNT
    assert listed(client, folder=str(folder / "none")) == []
    folders = client.get("/v1/folders", params={"parent": str(folder.parent)}).json()["folders"]
    assert folders == [{"path": str(folder), "images": COUNT}]
    assert client.get("/v1/folders").json()["folders"] == []


@pytest.mark.parametrize("what", ["file", "thumbnail"])
def test_a_conditional_request_is_answered_304(client: TestClient, what: str) -> None:
    address = f"/v1/images/{first(client)}/{what}"
    answer = client.get(address)
    assert answer.headers["cache-control"] == "private, max-age=86400"
    tag, modified = answer.headers["etag"], answer.headers["last-modified"]
    for header in (
        {"If-None-Match": tag},
        {"If-None-Match": f'"other", W/{tag}'},
        {"If-None-Match": "*"},
        {"If-Modified-Since": modified},
    ):
        again = client.get(address, headers=header)
        assert (again.status_code, again.content) == (304, b""), header
        assert again.headers["etag"] == tag
    for header in (
        {"If-None-Match": '"other"'},
        {"If-None-Match": '"other"', "If-Modified-Since": modified},
        {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"If-Modified-Since": "yesterday"},
    ):
        assert client.get(address, headers=header).status_code == 200, header


def test_a_range_of_a_file_is_sent(client: TestClient) -> None:
    address = f"/v1/images/{first(client)}/file"
    whole = client.get(address).content
    part = client.get(address, headers={"Range": "bytes=2-9"})
    assert (part.status_code, part.content) == (206, whole[2:10])
    beyond = client.get(address, headers={"Range": "bytes=999999-"})
    assert beyond.status_code == 416


def test_a_thumbnail_is_small(client: TestClient, tmp_path: Path) -> None:
    answer = client.get(f"/v1/images/{first(client)}/thumbnail?side=40")
    assert answer.headers["content-type"] == "image/jpeg"
    (tmp_path / "small.jpg").write_bytes(answer.content)
    with PIL.Image.open(tmp_path / "small.jpg") as image:
        assert image.size == (40, 30)
    assert client.get(f"/v1/images/{first(client)}/thumbnail?side=9999").status_code == 422


def test_items_that_share_an_image_keep_their_prices(serve: Serve, folder: Path) -> None:
    client = serve(writable=True, uploads=folder.parent / "uploads")
    data = (folder / "03.jpg").read_bytes() + b"more"
    files = {"image": ("chair.jpg", data)}
    for sku, price in (("17", 9), ("18", 30), ("17", 10)):
        about = {"metadata": json.dumps({"price": price}), "item": sku}
        image = client.post("/v1/images", files=files, data=about).json()
    prices = [{"price": 10}, {"price": 30}]
    assert [(one["id"], one["metadata"]) for one in image["items"]] == [
        *zip(("17", "18"), prices, strict=True)
    ]
    for where in prices:
        hit = client.post("/v1/search", files=files, data={"where": json.dumps(where)}).json()
        assert [one["items"] for one in hit["hits"]] == [image["items"]]
    for bad in ({"item": "17"}, {"item": "a\nb", "metadata": '{"a": 1}'}):
        assert client.post("/v1/images", files=files, data=bad).status_code == 422


def test_more_items_than_an_image_can_have_are_refused(serve: Serve, folder: Path) -> None:
    client = serve(writable=True)
    files = {"image": ("chair.jpg", (folder / "03.jpg").read_bytes() + b"more")}
    about = {"metadata": '{"price": 1}'}
    for number in range(MAX_ITEMS):
        added = client.post("/v1/images", files=files, data=about | {"item": f"{number:03}"})
    assert len(added.json()["items"]) == MAX_ITEMS
    more = client.post("/v1/images", files=files, data=about | {"item": "more"})
    assert (more.status_code, "100 items" in more.json()["detail"]) == (422, True)
    again = client.post("/v1/images", files=files, data={"metadata": '{"a": 2}', "item": "007"})
    assert again.json()["items"][7]["metadata"] == {"a": 2}


def test_a_patch_is_of_the_record_that_its_client_has_read(serve: Serve) -> None:
    client = serve(writable=True)
    path = f"/v1/images/{first(client)}"
    tag = client.get(path).headers["ETag"]
    changed = client.patch(path, json={"price": 1}, headers={"If-Match": tag})
    late = client.patch(path, json={"price": 2}, headers={"If-Match": tag})
    assert (changed.status_code, late.status_code) == (200, 412)
    assert client.get(path).json()["metadata"]["price"] == 1
    for current in (changed.headers["ETag"], "*"):
        assert client.patch(path, json={}, headers={"If-Match": current}).status_code == 200
    for kind in ("text/plain", "application/json-patch+json", ""):
        other = client.patch(path, content="{}", headers={"Content-Type": kind})
        assert (other.status_code, "merge-patch" in other.json()["detail"]) == (415, True)


def test_metadata_are_patched(serve: Serve, client: TestClient) -> None:
    writable = serve(writable=True)
    path = f"/v1/images/{first(writable)}"
    before = writable.get(path).json()["metadata"]
    changed = writable.patch(path, json={"room": {"floor": 2}, "seed": None})
    assert changed.json()["metadata"] == {"room": {"floor": 2}}
    kind = {"Content-Type": "application/merge-patch+json"}
    undone = writable.patch(path, content=json.dumps(before | {"room": None}), headers=kind)
    assert undone.json()["metadata"] == writable.get(path).json()["metadata"] == before
    for body in ("[1]", "{", '{"a": NaN}', "null", "", DEEP):
        assert writable.patch(path, content=body, headers=kind).status_code in (400, 422), body
    assert writable.patch(path, json={}, params={"item": "none"}).status_code == 404
    assert writable.patch("/v1/images/0000000000000000", json={}).status_code == 404
    assert client.patch(path, json={}).status_code == 403, "only for writers"


def test_an_image_is_compared_with_the_others(client: TestClient) -> None:
    id_ = first(client)
    similar = client.get(f"/v1/images/{id_}/similar", params={"k": 3}).json()
    searched = client.post("/v1/search", data={"id": id_, "k": "4"}).json()
    assert [hit["id"] for hit in similar["hits"]] == [hit["id"] for hit in searched["hits"][1:]]
    assert [hit["rank"] for hit in similar["hits"]] == [1, 2, 3]
    filtered = {"where": json.dumps({"seed": 1})}
    assert len(client.get(f"/v1/images/{id_}/similar", params=filtered).json()["hits"]) <= 1
    for where, reason in (
        ({"seed": -1}, "no image"),
        ({"seed": client.get(f"/v1/images/{id_}").json()["metadata"]["seed"]}, "the image itself"),
    ):
        params = {"where": json.dumps(where)}
        nothing = client.get(f"/v1/images/{id_}/similar", params=params).json()
        assert (nothing["hits"], reason in nothing["detail"]) == ([], True), nothing
    assert client.get("/v1/images/0000000000000000/similar").status_code == 404


def test_a_record_that_is_known_is_not_sent_again(serve: Serve) -> None:
    client = serve(writable=True)
    path = f"/v1/images/{first(client)}"
    for known in (path, "/v1/images?limit=3"):
        tag = client.get(known).headers["ETag"]
        again = client.get(known, headers={"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert client.patch(path, json={"new": 1}).status_code == 200
    assert client.get(path, headers={"If-None-Match": tag}).json()["metadata"]["new"] == 1


def test_an_answer_may_be_minimal(serve: Serve, folder: Path) -> None:
    client = serve(writable=True)
    minimal = {"Prefer": "respond-async, return=minimal"}
    files = {"image": ("a.jpg", (folder / "03.jpg").read_bytes() + b"more")}
    added = client.post("/v1/images", files=files, headers=minimal)
    assert (added.status_code, added.content) == (204, b"")
    assert added.headers["Preference-Applied"] == "return=minimal"
    assert client.get(added.headers["Location"]).json()["metadata"] == {}
    changed = client.patch(f"/v1/images/{first(client)}", json={"a": 1}, headers=minimal)
    assert (changed.status_code, changed.content) == (204, b"")
    assert changed.headers["ETag"] == client.get(f"/v1/images/{first(client)}").headers["ETag"]


def test_an_added_image_is_found_and_its_file_kept(serve: Serve, folder: Path) -> None:
    uploads = folder.parent / "uploads"
    client = serve(writable=True, uploads=uploads)
    data = (folder / "03.jpg").read_bytes() + b"more"
    about = json.dumps({"room": "kitchen"})
    answer = client.post(
        "/v1/images", files={"image": ("a/../chair.JPG", data)}, data={"metadata": about}
    )
    assert answer.status_code == 201, answer.text
    image = answer.json()
    assert (image["name"], image["metadata"]) == ("chair.jpg", {"room": "kitchen"})
    assert client.get(f"/v1/images/{image['id']}/file").content == data
    again = client.post("/v1/images", files={"image": ("other.jpg", data)})
    assert (again.status_code, again.json()) == (200, image)
    assert client.delete(f"/v1/images/{image['id']}").status_code == 204
    assert client.get(f"/v1/images/{image['id']}").status_code == 404
    assert list(uploads.iterdir()) == []


def test_the_upload_folder_may_be_relative(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    client = serve(writable=True, uploads=Path("uploads"))
    data = (folder / "03.jpg").read_bytes() + b"more"
    id_ = client.post("/v1/images", files={"image": ("a.jpg", data)}).json()["id"]
    assert [path.name for path in Path("uploads").rglob("*.jpg")] == ["a.jpg"]
    assert client.delete(f"/v1/images/{id_}").status_code == 204
    assert list(Path("uploads").iterdir()) == []


def test_an_image_added_without_a_folder_is_found_but_has_no_file(
    serve: Serve, folder: Path
) -> None:
    client = serve(writable=True)
    data = (folder / "03.jpg").read_bytes() + b"more"
    id_ = client.post("/v1/images", files={"image": ("a.jpg", data)}).json()["id"]
    found = client.post("/v1/search", files={"image": ("q.jpg", data)}).json()["hits"]
    assert id_ in [hit["id"] for hit in found[:2]]
    for what in ("file", "thumbnail"):
        assert client.get(f"/v1/images/{id_}/{what}").status_code == 410


def test_catalogues_do_not_share_their_files(serve: Serve, folder: Path) -> None:
    with Finder.create(folder.parent / "other.db", "dhash"):
        pass
    client = serve(folder.parent / "other.db", writable=True, uploads=folder.parent / "uploads")
    image = {"image": ("a.jpg", (folder / "03.jpg").read_bytes() + b"more")}
    for encoder in ("classic", "dhash"):
        added = client.post("/v1/images", files=image, data={"encoder": encoder})
        assert added.status_code == 201
    address = f"/v1/images/{added.json()['id']}"
    assert client.get(f"{address}/file?encoder=classic").status_code == 200
    assert client.delete(f"{address}?encoder=classic").status_code == 204
    assert client.get(f"{address}/file?encoder=dhash").status_code == 200


def test_files_that_were_not_uploaded_are_never_deleted(serve: Serve, folder: Path) -> None:
    client = serve(writable=True, uploads=folder.parent / "uploads")
    while client.get("/v1/images").json()["images"]:
        assert client.delete(f"/v1/images/{first(client)}").status_code == 204
    assert len(list(folder.iterdir())) == COUNT


@pytest.mark.parametrize(
    "name",
    ["../../x.jpg", "/etc/cron.d/x", "..", ".", "", "a\0b.jpg", "x" * 500, "é\u202e.png", "x.php"],
)
def test_no_file_name_escapes_the_upload_folder(serve: Serve, folder: Path, name: str) -> None:
    uploads = folder.parent / "uploads"
    client = serve(writable=True, uploads=uploads)
    before = {path for path in folder.parent.rglob("*") if not path.is_relative_to(uploads)}
    data = (folder / "03.jpg").read_bytes() + b"more"
    answer = client.post("/v1/images", files={"image": (name, data)})
    if answer.status_code == 201:
        (kept,) = [path for path in uploads.rglob("*") if path.is_file()]
        assert kept.suffix in ("", ".jpg", ".png")
        assert len(kept.name) < 70
    else:
        assert answer.status_code == 422  # a form without a file's name has no file
    after = {path for path in folder.parent.rglob("*") if not path.is_relative_to(uploads)}
    assert {path for path in after - before if "library.db" not in path.name} == set()


def test_a_bad_upload_leaves_nothing_behind(serve: Serve, folder: Path) -> None:
    uploads = folder.parent / "uploads"
    client = serve(writable=True, uploads=uploads)
    good = (folder / "03.jpg").read_bytes()
    for data in (b"", b"junk", good[:500]):
        answer = client.post("/v1/images", files={"image": ("a.jpg", data)})
        assert answer.status_code == 422
        assert str(folder.parent) not in answer.text
    assert not [path for path in uploads.rglob("*") if path.is_file()]
    assert len(client.get("/v1/images?limit=1000").json()["images"]) == COUNT


def test_invalid_metadata_is_refused(serve: Serve, folder: Path) -> None:
    client = serve(writable=True)
    data = (folder / "03.jpg").read_bytes()
    for about in ("[]", "x", '{"a": NaN}'):
        answer = client.post(
            "/v1/images", files={"image": ("a.jpg", data)}, data={"metadata": about}
        )
        assert answer.status_code == 422


def test_an_image_that_another_program_removed_meanwhile_is_gone(
    client: TestClient, catalogue: Path
) -> None:
    id_ = first(client)
    with Finder.open(catalogue) as finder:
        finder.remove(id_)
    assert client.get(f"/v1/images/{id_}").status_code == 404


def test_near_duplicates_are_found(serve: Serve, folder: Path) -> None:
    with PIL.Image.open(folder / "03.jpg") as image:
        image.resize((60, 45)).save(folder / "small.png")
    with Finder.open(folder.parent / "library.db") as finder:
        finder.add(folder / "small.png")
    client = serve()
    assert "calibrate" in client.get("/v1/duplicates?verify=none").json()["detail"]
    found = client.get("/v1/duplicates").json()
    (group,) = found["groups"]
    assert (found["total"], group["best"]["name"]) == (1, "03.jpg")
    assert [copy["name"] for copy in group["copies"]] == ["small.png"]
    assert group["copies"][0]["verdict"] == "same image"
    assert group["why"] == group["copies"][0]["why"][0] == "more pixels"
    assert group["spare_bytes"] == (folder / "small.png").stat().st_size
    assert client.get("/v1/duplicates?verify=magic").status_code == 422
    assert client.get("/v1/duplicates?threshold=inf").status_code == 422


def test_duplicate_detection_stops_at_the_timeout(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = count(0, 100).__next__
    monkeypatch.setattr("imagefinder.server.routes.duplicates.monotonic", clock)
    answer = client.get("/v1/duplicates?threshold=0.9")
    assert answer.status_code == 503
    assert "run imagefinder duplicates" in answer.json()["detail"]
