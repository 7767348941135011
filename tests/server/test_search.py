"""Search over HTTP: query images, crops, texts, filters, measures and re-ranking."""

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from fastapi.testclient import TestClient

from imagefinder import Finder, embed
from imagefinder.encoders.external import External
from imagefinder.errors import ImageFinderError
from imagefinder.server import create_app
from imagefinder.verification.calibration import Calibration
from imagefinder.verification.store import save

from ..conftest import drawn
from .conftest import COUNT, Serve

_RNG = np.random.default_rng(0)
CALIBRATION = Calibration.fit(
    "cosine",
    rate=0.001,
    images=COUNT,
    match_kind="copies",
    impostor=_RNG.normal(0.8, 0.03, 500),
    genuine=_RNG.normal(0.97, 0.01, 500),
)


def search(client: TestClient, *images: bytes, **fields: Any) -> Any:
    files = [("image", (f"{n}.jpg", data)) for n, data in enumerate(images)]
    return client.post("/v1/search", files=files or None, data=fields)


def names(response: Any) -> list[str]:
    assert response.status_code == 200, response.text
    return [hit["name"] for hit in response.json()["hits"]]


def id_of(client: TestClient, seed: int) -> str:
    where = json.dumps({"seed": seed})
    (image,) = client.get("/v1/images", params={"where": where}).json()["images"]
    return str(image["id"])


def test_an_upload_finds_itself(client: TestClient, folder: Path) -> None:
    response = search(client, (folder / "03.jpg").read_bytes(), k=2)
    best, _ = response.json()["hits"]
    assert (best["name"], best["metadata"], best["width"]) == ("03.jpg", {"seed": 3}, 120)
    assert best["score"] == pytest.approx(1)
    assert response.json()["query"] == "0.jpg"


def test_a_stored_image_is_searched_with_by_its_id(client: TestClient) -> None:
    assert names(search(client, id=id_of(client, 5)))[0] == "05.jpg"


def test_an_unknown_id_is_not_found(client: TestClient) -> None:
    response = search(client, id="0" * 16)
    assert response.status_code == 404
    assert response.json()["detail"] == "there is no image with this id in the catalogue"


@pytest.mark.parametrize("id_", ["library.db", "/etc/passwd", "../../etc/passwd", "~", ""])
def test_an_id_is_never_taken_for_a_path(client: TestClient, id_: str) -> None:
    assert search(client, id=id_).status_code == 404


def test_several_images_are_searched_with_together(client: TestClient, folder: Path) -> None:
    data = (folder / "01.jpg").read_bytes()
    both = names(search(client, data, id=id_of(client, 2), k=2))
    assert set(both) == {"01.jpg", "02.jpg"}


def test_a_negative_example_is_ranked_last(client: TestClient, folder: Path) -> None:
    data = (folder / "01.jpg").read_bytes()
    away = {"minus_id": id_of(client, 2)}
    assert names(search(client, data, k=12, **away))[-1] == "02.jpg"


def test_a_crop_is_searched_with(client: TestClient, folder: Path, tmp_path: Path) -> None:
    wide = np.hstack([drawn(4), drawn(7)])
    with BytesIO() as file:
        PIL.Image.fromarray(wide).save(file, "PNG")
        data = file.getvalue()
    assert names(search(client, data, crop="0,0,120,90"))[0] == "04.jpg"
    assert names(search(client, data, crop="120,0,120,90"))[0] == "07.jpg"
    assert names(search(client, id=id_of(client, 4), crop="0,0,120,90"))[0] == "04.jpg"


@pytest.mark.parametrize(
    "crop", ["1,2,3", "a,b,c,d", "0,0,0,0", "0,0,500,500", "-1,0,5,5", "\u0661,1,1,1", "9" * 99]
)
def test_an_invalid_crop_is_refused(client: TestClient, folder: Path, crop: str) -> None:
    data = (folder / "01.jpg").read_bytes()
    assert search(client, data, crop=crop).status_code == 422


def test_a_crop_of_an_image_whose_file_is_missing_reveals_no_path(
    client: TestClient, folder: Path
) -> None:
    id_ = id_of(client, 4)
    (folder / "04.jpg").unlink()
    response = search(client, id=id_, crop="0,0,10,10")
    assert response.status_code == 410
    assert str(folder.parent) not in response.text


def test_a_search_is_filtered_by_metadata(client: TestClient, folder: Path) -> None:
    data = (folder / "01.jpg").read_bytes()
    assert names(search(client, data, where='{"seed": 9}')) == ["09.jpg"]
    assert names(search(client, data, where='{"seed": {"in": ["9", 99]}}')) == ["09.jpg"]
    assert names(search(client, data, where='{"seed": {"gt": 7, "lte": 8}}')) == ["08.jpg"]
    nothing = search(client, data, where='{"seed": 99}')
    assert (nothing.status_code, names(nothing)) == (200, [])
    assert nothing.json()["detail"] == "no image has seed=99"
    listed = client.get("/v1/images", params={"where": '{"sed": 9}'}).json()
    assert listed["images"] == []
    assert "but there are" in listed["detail"] and "seed" in listed["detail"]
    assert client.get("/v1/images", params={"where": '{"seed": 9}'}).json()["detail"] is None


@pytest.mark.parametrize(
    "where",
    [
        *("[]", "1", "{", '{"a": NaN}', '{"a": 1e999}', '{"a": "\\ud800"}', "[" * 9999),
        *('{"a": {"less": 1}}', '{"a": {"lt": null}}', '{"a": {"lt": true}}', '{"a": {"in": 1}}'),
    ],
)
def test_an_invalid_filter_is_refused(client: TestClient, folder: Path, where: str) -> None:
    data = (folder / "01.jpg").read_bytes()
    assert search(client, data, where=where).status_code == 422
    assert client.get("/v1/images", params={"where": where}).status_code == 422


def test_measures_are_fused(client: TestClient, folder: Path) -> None:
    data = (folder / "01.jpg").read_bytes()
    assert names(search(client, data, measure=["cosine", "l2"]))[0] == "01.jpg"
    once, often = (search(client, data, measure=["cosine"] * n).json()["hits"] for n in (1, 40))
    assert once == often
    assert search(client, data, measure="hamming").status_code == 422
    assert search(client, data, measure="nearness").status_code == 422


def test_what_the_catalogue_cannot_do_is_explained(client: TestClient, folder: Path) -> None:
    data = (folder / "01.jpg").read_bytes()
    assert "has no text encoder" in search(client, data, text="a red chair").json()["detail"]
    assert "without local features" in search(client, data, rerank="mutual").json()["detail"]
    assert search(client, data, rerank="magic").status_code == 422


def test_a_search_takes_no_more_than_sixteen_images(client: TestClient, folder: Path) -> None:
    data = (folder / "01.jpg").read_bytes()
    assert search(client, *[data] * 16).status_code == 200
    assert search(client, *[data] * 17).status_code == 422


def test_an_image_comes_from_a_url_only_where_the_server_fetches(
    serve: Serve, folder: Path
) -> None:
    data = (folder / "06.jpg").read_bytes()
    assert search(serve(), url="http://images.example/6").status_code == 403
    fetching = serve(fetch=lambda urls: [{"http://images.example/6": data}[url] for url in urls])
    assert names(search(fetching, url="http://images.example/6"))[0] == "06.jpg"
    assert fetching.get("/v1/stats").json()["fetches"]


def test_a_failed_download_is_refused_with_the_reason(serve: Serve) -> None:
    def refuse(urls: Sequence[str]) -> list[bytes]:
        raise ImageFinderError(f"{urls[0]} leads to this machine")

    answer = search(serve(fetch=refuse), url="http://localhost/")
    assert answer.status_code == 422
    assert answer.json()["detail"] == "url: http://localhost/ leads to this machine"


def test_the_number_of_conditions_is_limited(client: TestClient, folder: Path) -> None:
    data = (folder / "01.jpg").read_bytes()
    many = json.dumps({f"name {number}": 1 for number in range(4_000)})
    assert search(client, data, where=many).status_code == 422
    many_values = json.dumps({"seed": {"in": list(range(2000))}})
    assert search(client, data, where=many_values).status_code == 422


def test_the_encoder_chooses_the_catalogue(serve: Serve, folder: Path) -> None:
    other = folder.parent / "other.db"
    with Finder.create(other, "dhash") as finder:
        finder.add(folder / "08.jpg")
    client = serve(other)
    data = (folder / "08.jpg").read_bytes()
    assert len(search(client, data, k=5).json()["hits"]) == 5
    by_dhash = search(client, data, k=5, encoder="dhash").json()
    assert (by_dhash["encoder"], len(by_dhash["hits"])) == ("dhash", 1)
    assert search(client, data, encoder="clip").status_code == 422
    assert len(client.get("/v1/images?encoder=dhash").json()["images"]) == 1
    held = client.get("/v1/stats").json()["catalogues"]
    assert [(one["encoder"], one["images"]) for one in held] == [("classic", 12), ("dhash", 1)]


def test_rerank_adds_correspondences(serve: Serve, folder: Path) -> None:
    pytest.importorskip("cv2")
    prints = folder.parent / "prints.db"
    with Finder.create(prints, "dhash", local="sift") as finder:
        finder.add(folder)
    client = serve(prints)
    data = (folder / "02.jpg").read_bytes()
    best = search(client, data, encoder="dhash", rerank="geometric").json()["hits"][0]
    assert best["name"] == "02.jpg"
    assert best["correspondences"] >= 0
    assert best["verified"] in (True, False)


def test_a_threshold_removes_hits_with_lower_scores(client: TestClient, folder: Path) -> None:
    data = (folder / "01.jpg").read_bytes()
    assert names(search(client, data, threshold=0.99, k=9)) == ["01.jpg"]
    assert names(search(client, data, threshold=2)) == []
    assert search(client, data, threshold="nan").status_code == 422


def test_matches_are_known_and_a_calibration_is_told_of(
    client: TestClient, catalogue: Path, folder: Path
) -> None:
    data = (folder / "01.jpg").read_bytes()
    about = client.get("/v1/stats").json()["catalogues"][0]
    assert not about["calibrated"]
    assert about["signatures"] == about["images"]
    with Finder.open(catalogue) as finder:
        save(finder.store, CALIBRATION)
    assert client.get("/v1/stats").json()["catalogues"][0]["calibrated"]
    found = search(client, data, k=9).json()
    assert [hit["verdict"] for hit in found["hits"]] == ["same image"] + ["similar"] * 8
    (own,) = found["matches"]
    assert found["hits"][0]["id"] == own
    assert [hit["match"] for hit in found["hits"]] == [True] + [False] * 8
    assert len(search(client, data, k=9, matches_only=True).json()["hits"]) == 1


def test_hits_are_verified_as_many_as_are_asked_for(
    client: TestClient, catalogue: Path, folder: Path
) -> None:
    with Finder.open(catalogue) as finder:
        save(finder.store, CALIBRATION)
    with BytesIO() as data, PIL.Image.open(folder / "01.jpg") as image:
        image.save(data, "PNG")  # other bytes
        for verify in (0, 2):
            hits = search(client, data.getvalue(), k=4, verify=verify).json()["hits"]
            verified = [hit["evidence"]["correlation"] is not None for hit in hits]
            assert verified == [True] * verify + [False] * (4 - verify)
    assert search(client, b"", verify=101).status_code == 422


def test_two_images_are_compared(client: TestClient, assets: Path) -> None:
    pytest.importorskip("cv2")
    with PIL.Image.open(assets / "data/exif/Landscape_1.jpg") as file:
        whole = file.convert("RGB")
    part = whole.crop((0, 0, whole.width // 2, whole.height))
    files = []
    for name, image in (("whole", whole), ("part", part)):
        with BytesIO() as data:
            image.save(data, "JPEG")
            files.append(("image", (name, data.getvalue())))
    found = client.post("/v1/compare", files=files).json()
    assert found["verified"]
    assert found["correspondences"] >= len(found["pairs"]) > 10
    assert (found["verdict"] in ("same image", "same thing"), found["match"]) == (True, True)
    x, y, u, v = np.array(found["pairs"]).T
    assert np.median(np.abs(u - 2 * x)) < 0.01
    assert np.median(np.abs(v - y)) < 0.01


def test_a_stored_image_is_compared_by_its_file(client: TestClient, folder: Path) -> None:
    pytest.importorskip("cv2")
    data = {"image": ("a.jpg", (folder / "01.jpg").read_bytes())}
    assert client.post("/v1/compare", files=data, data={"id": id_of(client, 1)}).is_success
    assert client.post("/v1/compare", files=data, data={"id": "0" * 16}).status_code == 404
    (folder / "01.jpg").unlink()
    assert client.post("/v1/compare", files=data, data={"id": id_of(client, 1)}).status_code == 410
    assert client.post("/v1/compare", files=data).status_code == 422


def test_a_vector_finds_what_its_image_finds(client: TestClient, folder: Path) -> None:
    content = (folder / "03.jpg").read_bytes()
    vector = json.dumps(embed(content, "classic")[0].tolist())
    response = search(client, vector=vector, k=4)
    assert names(response) == names(search(client, content, k=4))
    assert response.json()["query"] == "a vector"
    assert [hit["verdict"] for hit in response.json()["hits"]] == [None] * 4
    with_image = search(client, content, vector=vector, k=4)
    assert with_image.json()["query"] == "0.jpg, a vector"
    assert names(with_image)[0] == "03.jpg"


@pytest.mark.parametrize(
    ("vector", "said"),
    [
        ("[", "expected a JSON list of numbers"),
        ("{}", "expected a JSON list of numbers"),
        ("[[1]]", "expected a JSON list of numbers"),
        ("[true]", "expected a JSON list of numbers"),
        ("[NaN]", "expected a JSON list of numbers"),
        ("[" * 20_000, "expected a JSON list of numbers"),
        ("[]", "the shape (0,), but those of the catalogue 1248 columns"),
        ("[1, 2]", "the shape (2,), but those of the catalogue 1248 columns"),
        (json.dumps([1e999] * 1248).replace("Infinity", "1e999"), "not finite"),
        (json.dumps([10**400] * 600), "the shape (600,)"),
    ],
)
def test_what_is_no_vector_is_told(client: TestClient, vector: str, said: str) -> None:
    response = search(client, vector=vector)
    assert response.status_code == 422, response.text
    assert said in response.json()["detail"]


def test_a_model_that_is_not_here_is_searched_by_vectors(folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.eye(COUNT, dtype=np.float32))
    lines = ["path", *(f"{folder.name}/{path.name}" for path in sorted(folder.iterdir()))]
    (tmp_path / "v.csv").write_text("\n".join(lines))
    with Finder.create(tmp_path / "own.db", External("theirs", COUNT)) as finder:
        assert finder.import_vectors(tmp_path / "v.npy").added == COUNT
    app = create_app(tmp_path / "own.db")
    with TestClient(app, base_url="http://localhost:8000") as client:
        vector = json.dumps([0] * 4 + [1] + [0] * 7)
        response = search(client, vector=vector, k=1)
        assert response.json()["hits"][0]["score"] == pytest.approx(1)
        refused = search(client, (folder / "03.jpg").read_bytes())
    assert refused.status_code == 422
    assert "'theirs', a model that is not here" in refused.json()["detail"]
