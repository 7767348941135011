"""The page about pretrained models has a row for each."""

from imagefinder.registry.pretrained import models

from .pages import DOCS


def test_every_model_has_its_row() -> None:
    page = (DOCS / "reference" / "pretrained-models.md").read_text()
    for name in models():
        assert f"| `{name}` |" in page
