"""Which metadata the page shows: as the owner chooses, of each of several items."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from imagefinder import Finder
from imagefinder.images.inputs import Input
from imagefinder.types import Item

from ..conftest import drawn
from .conftest import Visit, Visitor, running

LAMP = {"title": "Lamp", "price": 20, "page": "https://shop.example/lamp", "stock": 3}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A lamp, and a chair of which two articles share the photo."""
    with Finder.create(tmp_path / "shop.db", "dhash") as finder:
        finder.add([drawn(1, 90, 60)], metadata=[LAMP])
        finder.add([Input(drawn(2, 60, 90), chairs(17, 18))])
    return tmp_path / "shop.db"


def chairs(*prices: int) -> list[Item]:
    return [Item({"title": "Chair", "price": one}, None, f"SKU-{one}") for one in prices]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def listed(visit: Visitor, stack: ExitStack, shop: Path, *show: str) -> Visit:
    return visit(stack.enter_context(running(shop, show=show))).to("#catalogue?sort=name")


def lines(at: Visit, title: str) -> Locator:
    return at.cards.filter(has_text=title).locator(".shown")


def facts(at: Visit, title: str) -> list[str]:
    at.cards.filter(has_text=title).locator(".preview").click()
    expect(at.page.locator("#facts dt", has_text="Pixels")).to_be_visible()
    return at.page.locator("#facts dt").all_text_contents()


def test_without_a_choice_details_have_all_and_cards_nothing(
    visit: Visitor, stack: ExitStack, shop: Path
) -> None:
    at = listed(visit, stack, shop)
    expect(lines(at, "Lamp")).to_have_count(0)
    expect(lines(at, "Chair")).to_have_text(["2 items"])
    assert {"title", "price", "page", "stock"} <= set(facts(at, "Lamp"))


def test_the_chosen_ones_are_on_cards_and_alone_in_details(
    visit: Visitor, stack: ExitStack, shop: Path
) -> None:
    at = listed(visit, stack, shop, "price", "title", "stock", "size")
    expect(lines(at, "Lamp")).to_have_text(["20 · Lamp · 3"])
    names = facts(at, "Lamp")
    assert [name for name in names if name in LAMP] == ["price", "title", "stock"]


def test_each_item_is_shown_with_its_own_and_filters(
    visit: Visitor, stack: ExitStack, shop: Path
) -> None:
    at = listed(visit, stack, shop, "title", "price")
    expect(lines(at, "Chair")).to_have_text(["SKU-17: Chair · 17", "SKU-18: Chair · 18"])
    names = facts(at, "Chair")
    assert [name for name in names if name.startswith("SKU")] == ["SKU-17", "SKU-18"]
    at.page.locator("#facts a", has_text="18").click()
    expect(at.page.locator("#list-filter .chip")).to_have_text(["price = 18 ✕"])
    expect(at.cards).to_have_count(1)
    expect(lines(at, "Chair")).to_have_text(["SKU-17: Chair · 17", "SKU-18: Chair · 18"])


def test_of_many_items_a_card_has_the_first_and_their_number(
    visit: Visitor, stack: ExitStack, shop: Path
) -> None:
    with Finder.open(shop) as finder:
        finder.add([Input(drawn(2, 60, 90), chairs(19, 21))])
    at = listed(visit, stack, shop, "title", "price")
    expect(lines(at, "Chair")).to_have_text(
        ["SKU-17: Chair · 17", "SKU-18: Chair · 18", "and 2 more"]
    )
