"""The documents as a whole: short enough, linked to what there is, and no block without a test."""

import re
from pathlib import Path

import pytest

from .pages import DOCS, PAGES, ROOT, all_blocks, name_of, prose

TESTED = {"python", "console", "sh", "sql", "javascript", "json", "toml", "ini", "yaml"}
DRAWN = {"text"}
DIRECTIVES = {"{toctree}", "{eval-rst}", "{literalinclude}", "{include}"}
GENERATED = [
    DOCS / "reference" / "cli.md",
    DOCS / "reference" / "http.md",
]


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_is_in_a_language_that_is_tested(page: Path) -> None:
    for block in all_blocks(page):
        language = block.language.partition(" ")[0]
        assert language in TESTED | DRAWN | DIRECTIVES, block


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=name_of)
def test_links_outside_the_site_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", prose(page)):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_readme_links_every_guide() -> None:
    text = (ROOT / "README.md").read_text()
    for page in (DOCS / "guides").glob("*.md"):
        assert f"(docs/guides/{page.name})" in text


@pytest.mark.parametrize("page", sorted((DOCS / "guides").glob("*.md")), ids=name_of)
def test_a_guide_answers_one_question(page: Path) -> None:
    _, _, question, *_ = page.read_text().splitlines()
    assert question.endswith("?")


@pytest.mark.parametrize("page", GENERATED, ids=name_of)
def test_generated_pages_have_their_marker(page: Path) -> None:
    assert page.read_text().count("<!-- generated -->") == 1
