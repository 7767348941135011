"""Answers that come as late as a test wants."""

from dataclasses import dataclass

from playwright.sync_api import Page

from ..conftest import PATIENCE
from .conftest import Visit, Visitor

_HOLDING = """
const ask = window.fetch.bind(window);
window.held = [];
window.holding = null;
window.fetch = (path, options = {}) => {
    const name = `${options.method ?? "GET"} ${path}`;
    if (!window.holding || !new RegExp(window.holding).test(name)) return ask(path, options);
    return new Promise((done, fail) => {
        const answer = () => ask(path, options).then(done, fail);
        window.held.push({ name, answer, fail: () => fail(new TypeError("Failed to fetch")) });
    });
};
"""
_HELD = """async ([count, patience]) => {
    const last = performance.now() + patience;
    while (window.held.length !== count && performance.now() < last)
        await new Promise((done) => setTimeout(done, 5));
    return window.held.length;
}"""
_SETTLED = """async ([number, kind]) => {
    const [one] = window.held.splice(number, 1);
    await one[kind]();
    // what waits for it does its part: a body is read in a task of its own
    for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setTimeout(done));
    await new Promise((done) => requestAnimationFrame(done));
}"""


@dataclass
class Answers:
    """Answers of the server that a page waits for, until they are let through."""

    page: Page

    def __post_init__(self) -> None:
        self.page.add_init_script(_HOLDING)

    def hold(self, requests: str, *, at_start: bool = False) -> None:
        """Hold those of requests like "GET v1/images", a regular expression."""
        script = f"window.holding = {requests!r}"
        if at_start:
            self.page.add_init_script(script)
        else:
            self.page.evaluate(script)

    def wait_for(self, count: int) -> None:
        """Wait until as many are held."""
        held: int = self.page.evaluate(_HELD, [count, PATIENCE])
        assert held == count

    def let(self, number: int = 0) -> None:
        """Let one through, by default the oldest, and what waits for it do its part."""
        self.page.evaluate(_SETTLED, [number, "answer"])

    def fail(self, number: int = 0) -> None:
        """Let the server be gone."""
        self.page.evaluate(_SETTLED, [number, "fail"])

    def stop(self) -> None:
        """Hold no further ones."""
        self.page.evaluate("window.holding = null")


def late(visit: Visitor, origin: str) -> tuple[Visit, Answers]:
    """A visitor whose answers can be held."""
    at = visit(origin)
    return at, Answers(at.page)
