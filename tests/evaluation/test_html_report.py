"""A report as files."""

import io
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import PIL.Image
import pytest

from imagefinder import MissingExtra
from imagefinder.evaluation import evaluate, save
from imagefinder.evaluation.plots import plots
from imagefinder.evaluation.report import Confusion
from imagefinder.visualization.plotting import DARK, LIGHT

from .conftest import Catalogue

EVIL = "a <b> & $x_ \"c\" 'd'"
PICTURES = {
    f"{EVIL}/1.png": (200,),
    f"{EVIL}/<script>.png": (210,),
    "dark/1.png": (10,),
    "dark/2.png": (20,),
}


class Sources(HTMLParser):
    """Every tag, and every address that a page names."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [
            value or "" for name, value in attrs if name in ("src", "srcset", "href")
        ]


def test_a_report_is_a_page_a_document_and_plots(catalogue: Catalogue, tmp_path: Path) -> None:
    found = evaluate(catalogue(PICTURES))
    written = save(found, tmp_path / "new" / "report")
    assert [path.name for path in written] == [
        "report.json",
        "report.html",
        "precision-recall.png",
        "scores.png",
        "confusion.png",
    ]
    assert json.loads(written[0].read_text()) == json.loads(json.dumps(found.as_dict()))
    for path in written[2:]:
        with PIL.Image.open(path) as image:
            assert min(image.size) > 300
    assert save(found, tmp_path / "new" / "report") == written


def test_the_page_needs_nothing_from_elsewhere(catalogue: Catalogue, tmp_path: Path) -> None:
    found = evaluate(catalogue(PICTURES))
    _, page, *_ = save(found, tmp_path / "report")
    text = page.read_text()
    sources = Sources()
    sources.feed(text)
    assert "script" not in sources.tags
    assert "link" not in sources.tags
    assert "url(" not in text
    # three plots for light screens and dark ones, and each query with three hits, best and worst
    assert len(sources.addresses) == 3 * 2 + 2 * 4 * 4
    assert all(re.match("data:image/(png|jpeg);base64,", one) for one in sources.addresses)
    assert text.count("✓") == 2 * 4
    assert text.count("✗") == 2 * 4 * 2
    assert "prefers-color-scheme: dark" in text


def test_the_page_takes_no_name_for_html(catalogue: Catalogue, tmp_path: Path) -> None:
    _, page, *_ = save(evaluate(catalogue(PICTURES)), tmp_path / "report")
    text = page.read_text()
    assert "<b> &" not in text
    assert "a &lt;b&gt; &amp; $x_ &#34;c&#34; &#39;d&#39;" in text


def test_pairs_have_no_classes_to_confuse(catalogue: Catalogue, tmp_path: Path) -> None:
    finder = catalogue(PICTURES)
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("query,relevant\nstored/dark/1.png,stored/dark/2.png\n")
    written = save(evaluate(finder, pairs=pairs), tmp_path / "report")
    assert [path.name for path in written][2:] == ["precision-recall.png", "scores.png"]
    assert "By class" not in written[1].read_text()


def test_an_image_that_vanished_is_told_of(catalogue: Catalogue, tmp_path: Path) -> None:
    found = evaluate(catalogue(PICTURES))
    (tmp_path / "stored" / "dark" / "1.png").unlink()
    _, page, *_ = save(found, tmp_path / "report")
    assert "(no such file)" in page.read_text()


def test_plots_come_for_light_and_dark_screens(catalogue: Catalogue) -> None:
    found = evaluate(catalogue(PICTURES))
    for theme, brightness in ((LIGHT, 255), (DARK, 22)):
        for png in plots(found, theme).values():
            with PIL.Image.open(io.BytesIO(png)) as image:
                assert image.convert("RGB").getpixel((0, 0))[0] == brightness  # type: ignore[index]


def test_of_many_classes_those_most_often_wrong_are_drawn() -> None:
    from imagefinder.evaluation.plots import _table

    names = [f"{number:03}" for number in range(100)]
    right = [Confusion(name, name, 9) for name in names]
    wrong = [Confusion(name, "000", 1) for name in names[50:90]]
    none = [Confusion(names[89], None, 1)]
    rows, columns, counts = _table([*right, *wrong, *none])
    assert rows == names[50:90]
    assert columns == [*names[50:90], "(another)", "(no class)"]
    assert counts[:, 40].tolist() == [1] * 40
    assert counts[:, 41].sum() == 1
    assert counts.sum() == 40 * 9 + 40 + 1


def test_without_matplotlib_it_says_what_to_install(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    found = evaluate(catalogue(PICTURES))
    with pytest.raises(MissingExtra, match=r"pip install 'imagefinder\[plot\]'"):
        save(found, tmp_path / "report")
    assert not (tmp_path / "report").exists()
