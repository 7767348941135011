"""Every dependency has its reason in the documents, and its version in the constraints."""

import re
import tomllib
from collections.abc import Iterator

import pytest

from .pages import DOCS, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def dependencies() -> Iterator[str]:
    """What people install; but for tools that only development needs."""
    extras = PROJECT["optional-dependencies"]
    theirs = [one for name in extras if name not in ("all", "dev") for one in extras[name]]
    for requirement in [*PROJECT["dependencies"], *theirs]:
        name = re.split(r"[][<>=]", requirement)[0]
        if name != "onnxruntime-gpu":  # excludes onnxruntime
            yield name


@pytest.mark.parametrize("name", sorted(set(dependencies())))
def test_every_dependency_has_its_reason(name: str) -> None:
    why = (DOCS / "why.md").read_text()
    table = why[why.index("## Dependencies") :]
    assert re.search(rf"^\|[^|]*\b{re.escape(name)}\b", table, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(set(dependencies())))
def test_every_dependency_is_pinned(name: str) -> None:
    pins = (ROOT / "constraints.txt").read_text().replace("_", "-").lower()
    assert re.search(rf"^{re.escape(name)}==", pins, re.MULTILINE)


def test_first_steps_name_every_extra() -> None:
    page = (DOCS / "guides" / "first-steps.md").read_text()
    for extra in set(PROJECT["optional-dependencies"]) - {"docs", "dev"}:
        assert f"`{extra}`" in page
