"""Which images are learnt from, which judge, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.errors import TrainingError
from imagefinder.images.inputs import Input
from imagefinder.training.dataset import Collection, check, held_out, judging
from imagefinder.types import Failure

NAMES = st.sampled_from(["", "apple", "pear", "plum"])


def made(*classes: str) -> Collection:
    return Collection(tuple(f"/{number}.jpg" for number in range(len(classes))), classes)


def test_folders_name_classes(tmp_path: Path) -> None:
    for place in ("a/1.png", "b/deep/2.png", "3.png", "a/notes.txt"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    found = Collection.of_folder(tmp_path)
    classes = dict(zip(found.paths, found.classes, strict=True))
    assert classes == {
        str(tmp_path / "3.png"): "",
        str(tmp_path / "a/1.png"): "a",
        str(tmp_path / "b/deep/2.png"): "deep",
    }
    known = found.known()
    assert known.classes == ("a", "deep")
    assert [failure.path for failure in known.failed] == [str(tmp_path / "3.png")]


def test_a_column_names_classes() -> None:
    listed = [Input(Path("/1.jpg"), {"kind": "chair"}), Input(Path("/2.jpg"), {"kind": 7})]
    listed += [Input(Path("/3.jpg"), {}), Input(Path("/4.jpg"))]
    assert Collection.of_list(listed, "kind").classes == ("chair", "7", "", "")
    assert Collection.of_list(listed, None).classes == ("", "", "", "")


def test_a_digest_tells_changes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    file = tmp_path / "a" / "1.png"
    file.write_bytes(b"one")
    before = Collection.of_folder(tmp_path).digest()
    assert Collection.of_folder(tmp_path).digest() == before
    file.write_bytes(b"another")
    assert Collection.of_folder(tmp_path).digest() != before


@pytest.mark.parametrize(
    ("collection", "says"),
    [
        (made(*["a"] * 31), "31 images are too few to learn from, 32 are the least"),
        (made(*["a"] * 31).without([Failure("/0.jpg", "bad")]), "; 1 cannot be used, .*0.jpg: bad"),
        (made(*["a"] * 40), "all are of the one class 'a'.*--objective contrastive"),
        (made(*[""] * 40), "there are none: .*--label"),
        (made(*["a"] * 40, "b"), "two classes of at least 4 images"),
    ],
)
def test_what_labels_cannot_learn_from_is_refused(collection: Collection, says: str) -> None:
    with pytest.raises(TrainingError, match=says):
        check(collection, "labels")


def test_the_others_need_no_classes() -> None:
    check(made(*["a"] * 32), "contrastive")
    check(made(*[""] * 32), "autoencoder")
    with pytest.raises(TrainingError, match="too few"):
        check(made(), "autoencoder")


@given(st.lists(NAMES, min_size=32, max_size=200), st.floats(0.01, 0.9), st.integers(0, 5))
def test_judges_are_a_share_of_each_class_and_never_all(
    classes: list[str], share: float, seed: int
) -> None:
    numbers = held_out(classes, share, seed)
    assert np.array_equal(numbers, held_out(classes, share, seed))
    assert (np.diff(numbers) > 0).all()
    assert 0 < len(numbers) <= len(classes) // 2
    for name in judging(classes):
        judges = sum(classes[number] == name for number in numbers)
        assert 2 <= judges <= classes.count(name) // 2
