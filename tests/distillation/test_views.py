"""Views are determined by their number and seed; augmentations do what their names say."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from distillation.sources import ImageSource
from distillation.views import Views

from imagefinder.errors import TrainingError
from imagefinder.training.augmentation import AUGMENTATIONS, augment

from ..conftest import drawn

ALL = dict.fromkeys(AUGMENTATIONS, 0.5)


@pytest.fixture
def views(images: Path) -> Views:
    return Views(
        images, (ImageSource("made", "*.png", 1),), size=24, seed=1, augmentations=ALL, mosaics=0.5
    )


def test_a_view_is_the_same_whenever_it_is_asked_for(views: Views) -> None:
    made = list(views.make(range(20)))
    again = list(views.make(range(10, 20)))
    assert all(view.shape == (24, 24, 3) for view in made)
    assert all(np.array_equal(one, other) for one, other in zip(made[10:], again, strict=True))
    assert not np.array_equal(made[0], made[1])


def test_views_are_cached_and_not_made_twice(views: Views, tmp_path: Path) -> None:
    cached = views.cached(5, tmp_path / "views.npy")
    written = (tmp_path / "views.npy").stat().st_mtime_ns
    assert np.array_equal(views.cached(5, tmp_path / "views.npy"), cached)
    assert (tmp_path / "views.npy").stat().st_mtime_ns == written
    assert np.array_equal(cached[3], views.view(3))


def test_cached_views_of_another_configuration_are_refused(views: Views, tmp_path: Path) -> None:
    views.cached(5, tmp_path / "views.npy")
    with pytest.raises(TrainingError, match="other views"):
        views.cached(6, tmp_path / "views.npy")


def test_a_source_without_images_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no images for nothing in"):
        ImageSource("nothing", "*.png", 1).files(tmp_path)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_augmentation_gives_an_rgb_image_and_leaves_the_first_alone(name: str) -> None:
    image = PIL.Image.fromarray(drawn(2))
    for seed in range(5):
        after = augment({name: 1.0}, image, np.random.default_rng(seed))
        assert after.mode == "RGB"
        assert np.array_equal(np.asarray(image), drawn(2))
        assert after.size != image.size or not np.array_equal(np.asarray(after), drawn(2))


def test_probabilities_of_zero_change_nothing() -> None:
    image = PIL.Image.fromarray(drawn(2))
    assert augment(dict.fromkeys(AUGMENTATIONS, 0.0), image, np.random.default_rng(0)) is image
