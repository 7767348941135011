"""``imagefinder map``, as people and scripts meet it."""

from pathlib import Path

import PIL.Image
import pytest

from .program import Run, answer, misuse, refusal


def test_a_page_is_drawn(run: Run, stocked: Path, tmp_path: Path) -> None:
    said = run("map", "--colour", "folder")
    assert (said.returncode, said.stderr) == (0, b"")
    lines = said.stdout.decode().splitlines()
    assert lines == ["t-SNE of 144 images by standard", "wrote map.html"]
    assert (tmp_path / "map.html").stat().st_size > 100_000


def test_an_image_is_drawn_and_told_as_json(run: Run, stocked: Path, tmp_path: Path) -> None:
    words = ("--by", "pca", "--sample", 60, "--colour", "folder", "--width", 600, "--json")
    told = answer(run("map", "--out", "map.png", *words))
    assert told["out"] == str(tmp_path / "map.png")
    assert (told["by"], told["images"], len(told["points"])) == ("pca", 144, 60)
    assert told["shown"] == 60
    for point in told["points"]:
        assert Path(point["path"]).parent.name == point["group"]
    with PIL.Image.open(tmp_path / "map.png") as image:
        assert image.width == 600


def test_views_of_one_scene_lie_together(run: Run, stocked: Path) -> None:
    points = answer(run("map", "--colour", "folder", "--json"))["points"]
    own = 0
    for one in points:
        others = [other for other in points if other is not one]
        nearest = min(others, key=lambda p: (p["x"] - one["x"]) ** 2 + (p["y"] - one["y"]) ** 2)
        own += nearest["group"] == one["group"]
    assert own > 0.85 * len(points)


def test_files_that_are_gone_are_left_out(run: Run, folder: Path) -> None:
    answer(run("add", "folder", "--json"))
    (folder / "a.jpg").unlink()
    said = run("map", "--out", "map.jpg").stdout.decode()
    assert said.startswith("t-SNE of 2 images by standard, 1 left out without a file\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--out", "map.pdf"), "ends in .html"),
        (("--out", "no/map.png"), "cannot be written"),
        (("--colour", "price"), "no image has a metadata field 'price'"),
        (("--db", "none.db"), "there is no catalogue"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(
    words: tuple[str, ...], said: str, run: Run, stocked: Path
) -> None:
    assert said in refusal(run("map", *words))


def test_a_wrong_use_is_told(run: Run, stocked: Path) -> None:
    for words in (("--sample", 0), ("--sample", 20_000), ("--by", "mds"), ("--width", 5)):
        misuse(run("map", *words))
