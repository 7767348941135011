"""What someone has said to be no duplicates is not grouped again."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagefinder import Finder, NotFound, duplicates
from imagefinder.images.transforms import brightness
from imagefinder.near_duplicates.decisions import decisions, forget, remember
from imagefinder.testing.gallery import draw_scene

from ..verification.test_calibrate import Grid


@pytest.fixture
def finder(tmp_path: Path) -> Iterator[Finder]:
    """Three copies of one image."""
    scene = draw_scene("harbour").resize((60, 40))
    with Finder.create(tmp_path / "c.db", Grid()) as finder:
        for number in range(3):
            path = tmp_path / f"{number}.png"
            brightness(scene, 1 - number / 20).save(path)
            finder.add(path)
        yield finder


def ids(finder: Finder) -> list[str]:
    """By their paths."""
    records = finder.store.get(finder.store.select().tolist()).values()
    return [record.id for record in sorted(records, key=lambda one: one.path or "")]


def sizes(finder: Finder) -> list[int]:
    return [len(one.copies) for one in duplicates(finder, threshold=0.9, verify="none").groups]


def test_two_images_are_parted_and_joined_again(finder: Finder, tmp_path: Path) -> None:
    assert sizes(finder) == [2]
    first, second, third = ids(finder)
    assert remember(finder.store, [second, str(tmp_path / "2.png")]).ids == [
        sorted([second, third])
    ]
    assert sizes(finder) == [1]
    remember(finder.store, [first, second, third])
    assert len(decisions(finder.store).ids) == 1  # the first decision is part of the second
    assert sizes(finder) == []
    assert remember(finder.store, [first, second]) == decisions(finder.store)
    assert forget(finder.store).ids == []
    assert sizes(finder) == [2]


def test_only_some_decisions_are_taken_back(finder: Finder) -> None:
    first, second, third = ids(finder)
    remember(finder.store, [first, second])
    remember(finder.store, [second, third])
    assert forget(finder.store, [first]).ids == [sorted([second, third])]


def test_images_that_are_removed_are_dropped(finder: Finder) -> None:
    first, second, third = ids(finder)
    remember(finder.store, [first, second, third])
    finder.remove(third)
    assert decisions(finder.store).ids == [sorted([first, second])]
    finder.remove(second)
    assert decisions(finder.store).ids == []
    assert json.loads(finder.store.get_metadata("not duplicates") or "")


@pytest.mark.parametrize("image", ["0123456789abcdef", "elsewhere.png", "\0"])
def test_an_image_that_is_not_there_is_an_error(finder: Finder, image: str) -> None:
    with pytest.raises(NotFound, match="ids or paths"):
        remember(finder.store, [ids(finder)[0], image])


def test_one_image_is_too_few(finder: Finder) -> None:
    with pytest.raises(ValueError, match="two images"):
        remember(finder.store, [ids(finder)[0]] * 2)


def test_a_decision_of_another_program_is_not_lost(
    finder: Finder, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = ids(finder)
    replace, calls = finder.store.replace_metadata, []

    def late(name: str, before: str | None, text: str) -> bool:
        calls.append(name)
        if len(calls) == 1:
            remember(finder.store, [second, third])
        return replace(name, before, text)

    monkeypatch.setattr(finder.store, "replace_metadata", late)
    remember(finder.store, [first, second])
    assert len(decisions(finder.store).ids) == 2
