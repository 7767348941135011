"""Servers in this process, and a visitor who opens their page in a browser."""

import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import uvicorn
from playwright.sync_api import Browser, Locator, Page, Request, Route, expect

from imagefinder import Finder
from imagefinder.server import Settings, create_app
from imagefinder.verification.calibrate import calibrate

from ..conftest import PATIENCE, MakeOnce

_REFUSED = re.compile("Failed to load resource: the server responded with a status of 4")


@pytest.fixture(scope="session")
def stocked(gallery: Path, make_once: MakeOnce) -> Path:
    """A calibrated catalogue of the gallery, with local features; to be copied."""

    def fill(folder: Path) -> None:
        files = sorted(gallery.rglob("*.jpg"))
        about = [{"scene": f.parent.name, "title": f"{f.parent.name} {f.stem}"} for f in files]
        with Finder.create(folder / "gallery.db", local="sift") as finder:
            finder.add(files[::2], metadata=about[::2])
            calibrate(finder)  # half of them are enough to learn from, in half the time
            finder.add(files[1::2], metadata=about[1::2])

    return make_once("ui-catalogue", fill) / "gallery.db"


@pytest.fixture
def catalogue(stocked: Path, tmp_path: Path) -> Path:
    """A copy that the test may change."""
    return Path(shutil.copy(stocked, tmp_path / "gallery.db"))


@contextmanager
def running(*catalogues: Path | Finder, **settings: Any) -> Iterator[str]:
    """The address of a server in a thread of this process."""
    app = create_app(catalogues[0], Settings(**settings), catalogues[1:])
    config = uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.005)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@dataclass
class Visit:
    """Someone at the page."""

    page: Page
    origin: str
    requests: list[Request] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """Errors of scripts and warnings of the browser; a test that expects some removes them."""

    def to(self, place: str = "") -> "Visit":
        """Open a route, and wait until it is rendered."""
        self.page.goto(f"{self.origin}/{place}")
        expect(self.page.locator("main > section:visible")).to_have_count(1)
        self.settled()
        return self

    def settled(self) -> None:
        """Wait until nothing is loading."""
        expect(self.page.locator("[aria-busy]")).to_have_count(0)
        expect(self.page.locator("progress:visible")).to_have_count(0)

    @property
    def cards(self) -> Locator:
        """The image cards of the current view."""
        return self.page.locator("main > section:visible .card")

    def card(self, number: int) -> Locator:
        """The card with this number, from 1, in the listing."""
        return self.page.locator(f".card[aria-posinset='{number}']")

    def names(self) -> list[str]:
        """The titles of the cards, in order."""
        self.settled()
        return self.cards.locator(".name").all_text_contents()

    def ask(self, *images: Path) -> None:
        """Choose query images."""
        self.page.set_input_files("#choose", [str(image) for image in images])
        self.found()

    def act(self, label: str) -> None:
        """Do what a button of a card says, which is seen when one points at the card."""
        card = self.cards.filter(has=self.page.get_by_label(label, exact=True))
        card.hover()
        card.get_by_label(label, exact=True).click()

    def found(self) -> None:
        """Wait for the hits."""
        expect(self.page.locator("#found")).to_contain_text("Similar to")
        self.settled()


Visitor = Callable[..., Visit]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visitor]:
    """Opens the page of an origin. Scripts must not fail, nor load anything from elsewhere."""
    with ExitStack() as stack:

        def opened(origin: str, **options: Any) -> Visit:
            context = browser.new_context(**options)
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(PATIENCE)
            visit = Visit(page, origin)
            page.on("request", lambda request: visit.requests.append(request))
            page.on("pageerror", lambda error: visit.faults.append(str(error)))
            page.on("console", lambda said: _heard(visit.faults, said.type, said.text))
            stack.callback(_check, visit)
            return visit

        yield opened


def page_of(route: Route, total: int) -> dict[str, object]:
    """The answer to a request for a part of a made-up listing."""
    query = parse_qs(urlsplit(route.request.url).query)
    offset, limit = int(query.get("offset", ["0"])[0]), int(query["limit"][0])
    shapes = [(3, 2), (2, 3), (1, 1)]
    images = [
        {
            "id": f"{number:016x}",
            "name": f"{number}.jpg",
            "width": 100 * shapes[number % 3][0],
            "height": 100 * shapes[number % 3][1],
            "metadata": {},
        }
        for number in range(offset, min(offset + limit, total))
    ]
    return {"images": images, "next": None, "total": total, "detail": None}


def _heard(faults: list[str], kind: str, text: str) -> None:
    if kind in ("error", "warning") and not _REFUSED.match(text):
        faults.append(text)


def _check(visit: Visit) -> None:
    assert visit.faults == []
    own = (visit.origin, f"blob:{visit.origin}")
    assert [one.url for one in visit.requests if not one.url.startswith(own)] == []


@pytest.fixture
def origin(catalogue: Path) -> Iterator[str]:
    """A read-only server of the catalogue."""
    with running(catalogue) as address:
        yield address


@pytest.fixture
def writable(catalogue: Path, tmp_path: Path) -> Iterator[str]:
    """A writable server of the catalogue."""
    with running(catalogue, writable=True, uploads=tmp_path / "uploads") as address:
        yield address
