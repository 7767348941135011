"""The Python blocks of a page run, one after the other, as a reader would run them."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .conftest import Stage
from .pages import Block, blocks

ABOUT_A_SERVER = "http://127.0.0.1:8000"  # these run in test_http_guide
ABOUT_A_LIBRARY = "docs/guides/photo-servers.md"  # these run in test_photo_servers


def pages() -> dict[str, list[Block]]:
    found: dict[str, list[Block]] = {}
    for block in blocks("python"):
        if ABOUT_A_SERVER not in block.text and block.page != ABOUT_A_LIBRARY:
            found.setdefault(block.page, []).append(block)
    return found


@pytest.fixture
def example() -> Iterator[ModuleType]:
    """An empty module; dataclasses look theirs up by its name."""
    module = ModuleType("example")
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, stage: Stage) -> None:
    """What would take long, or need the network, stands in small."""
    from imagefinder import downloads, training

    def settings(**given: Any) -> training.Settings:
        return full(**{**given, "epochs": 1, "size": 32, "batch": 8})

    full = training.Settings
    monkeypatch.setattr(training, "Settings", settings)
    monkeypatch.setattr(downloads, "fetch", lambda url: (stage.template / "query.jpg").read_bytes())


@pytest.mark.parametrize("page", pages())
def test_python_blocks_run(
    page: str,
    stage: Stage,
    example: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = pages()[page]
    made = {name for block in found for name in re.findall(r'create\("([\w.-]+)"', block.text)}
    stage.set_up(tmp_path, without=made)
    monkeypatch.chdir(tmp_path)
    for block in found:
        code = compile("\n" * (block.line - 1) + block.text, block.page, "exec")
        exec(code, vars(example))  # noqa: S102  our own
    check(page, vars(example), tmp_path)


def check(page: str, names: dict[str, Any], folder: Path) -> None:
    """What a page promises beside running at all."""
    match page:
        case "README.md":
            assert names["vectors"].shape == (1, 384)
            assert not names["report"].failed
        case "docs/guides/photographs.md":
            assert [len(group.copies) for group in names["found"].groups] == [1]
        case "docs/guides/shop.md":
            assert len(names["similar"]) == 4
            assert len(names["photograph"]) == 3
        case "docs/guides/url-lists.md":
            assert names["summary"].done == 2
        case "docs/guides/matches.md":
            assert names["hits"].match_ids is not None
        case "docs/guides/vectors.md":
            assert names["report"].added == 9
            assert names["unit"].shape == (1, 384)
            assert names["hit"].rank == 3
        case "docs/guides/evaluation.md":
            assert (folder / "report" / "report.html").exists()
        case "docs/guides/moving.md":
            assert len(names["to_remove"]) == 1
