"""The source speaks the language of the field: the glossary's terms are in the files it names."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "imagefinder"
ROWS = re.findall(
    r"^\| ([^|]+) \| [^|]+ \| `([^`|]+)` \|$", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE
)
# names of the first version that said nothing to a reader who knows the field
INVENTED = {
    *("agreement", "asking", "auditing", "calibrating", "depending", "drawing", "duplication"),
    *("hosts", "judgement", "judging", "labelling", "lettering", "lessons", "looks", "matching"),
    *("observing", "parts", "place", "places", "replacing", "saving", "sheet", "showings", "sites"),
    *("tails", "taking", "telling", "truth", "turns", "work"),
    *("Arriving", "Course", "Describe", "Figure", "Fit", "Intake", "Judge", "Judged", "Ledger"),
    *("Look", "Looked", "Moment", "NeedsKey", "Observed", "Place", "Question", "Reranker", "Scan"),
    *("Showings", "Tailed", "Together", "Truth", "Turns", "Wanted", "Work"),
}


def test_the_glossary_has_forty_terms() -> None:
    assert len(ROWS) >= 40


@pytest.mark.parametrize(("term", "file"), ROWS, ids=[term for term, _ in ROWS])
def test_the_file_of_a_term_has_it(term: str, file: str) -> None:
    text = " ".join((SOURCE / file).read_text().split()).lower()
    spellings = [one.strip().lower() for one in re.split(r"[,()]", term) if one.strip()]
    missing = [one for one in spellings if one not in text]
    assert not missing, f"{file} does not say {', '.join(missing)}"


def test_no_module_or_class_has_an_invented_name() -> None:
    files = list(SOURCE.rglob("*.py"))
    classes = {
        node.name
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ClassDef)
    }
    assert not INVENTED & (classes | {file.stem for file in files})
