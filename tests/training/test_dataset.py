"""The dataset: class labels, the validation split, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.errors import TrainingError
from imagefinder.images.inputs import Input
from imagefinder.training.dataset import (
    LabeledImages,
    check_trainable,
    validation_classes,
    validation_split,
)
from imagefinder.types import Failure

NAMES = st.sampled_from(["", "apple", "pear", "plum"])


def labeled(*labels: str) -> LabeledImages:
    return LabeledImages(tuple(f"/{number}.jpg" for number in range(len(labels))), labels)


def test_folders_name_classes(tmp_path: Path) -> None:
    for place in ("a/1.png", "b/deep/2.png", "3.png", "a/notes.txt"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    found = LabeledImages.from_folder(tmp_path)
    classes = dict(zip(found.paths, found.labels, strict=True))
    assert classes == {
        str(tmp_path / "3.png"): "",
        str(tmp_path / "a/1.png"): "a",
        str(tmp_path / "b/deep/2.png"): "deep",
    }
    known = found.labeled()
    assert known.labels == ("a", "deep")
    assert [failure.path for failure in known.failed] == [str(tmp_path / "3.png")]


def test_a_column_names_classes() -> None:
    listed = [Input(Path("/1.jpg"), {"kind": "chair"}), Input(Path("/2.jpg"), {"kind": 7})]
    listed += [Input(Path("/3.jpg"), {}), Input(Path("/4.jpg"))]
    assert LabeledImages.from_metadata(listed, "kind").labels == ("chair", "7", "", "")
    assert LabeledImages.from_metadata(listed, None).labels == ("", "", "", "")


def test_a_fingerprint_shows_changes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    file = tmp_path / "a" / "1.png"
    file.write_bytes(b"one")
    before = LabeledImages.from_folder(tmp_path).fingerprint()
    assert LabeledImages.from_folder(tmp_path).fingerprint() == before
    file.write_bytes(b"another")
    assert LabeledImages.from_folder(tmp_path).fingerprint() != before


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (labeled(*["a"] * 31), "31 images are too few to train on: at least 32"),
        (
            labeled(*["a"] * 31).without([Failure("/0.jpg", "bad")]),
            "; 1 cannot be used, .*0.jpg: bad",
        ),
        (labeled(*["a"] * 40), "all images are of one class, 'a'.*--objective contrastive"),
        (labeled(*[""] * 40), "there are none: .*--label"),
        (labeled(*["a"] * 40, "b"), "two classes of at least 4 images"),
    ],
)
def test_too_few_labels_are_refused(images: LabeledImages, says: str) -> None:
    with pytest.raises(TrainingError, match=says):
        check_trainable(images, "labels")


def test_the_others_need_no_classes() -> None:
    check_trainable(labeled(*["a"] * 32), "contrastive")
    check_trainable(labeled(*[""] * 32), "autoencoder")
    with pytest.raises(TrainingError, match="too few"):
        check_trainable(labeled(), "autoencoder")


@given(st.lists(NAMES, min_size=32, max_size=200), st.floats(0.01, 0.9), st.integers(0, 5))
def test_validation_images_are_a_fraction_of_each_class_and_never_all(
    classes: list[str], share: float, seed: int
) -> None:
    indices = validation_split(classes, share, seed)
    assert np.array_equal(indices, validation_split(classes, share, seed))
    assert (np.diff(indices) > 0).all()
    assert 0 < len(indices) <= len(classes) // 2
    for name in validation_classes(classes):
        count = sum(classes[index] == name for index in indices)
        assert 2 <= count <= classes.count(name) // 2
