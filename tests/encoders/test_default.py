"""The default encoder: which it is, and what is said where its package is missing."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from imagefinder import Finder, embed
from imagefinder.cli.app import app
from imagefinder.encoders import default
from imagefinder.encoders.default import default_encoder
from imagefinder.errors import DefaultEncoderMissing, ModelError


@pytest.fixture
def without_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without the package of EfficientNet-Lite0."""
    monkeypatch.setattr(default, "is_present", lambda _: False)
    default._warn.cache_clear()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    file = tmp_path / "image.png"
    Image.linear_gradient("L").save(file)
    return file


def test_standard_is_the_default(image: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", DefaultEncoderMissing)
        assert default_encoder() == "standard"
    assert embed(image).shape == (1, 384)
    with Finder.create(tmp_path / "photos.db") as finder:
        assert finder.recipe.encoder == "standard"


@pytest.mark.usefixtures("without_package")
def test_without_its_package_compact_is_used_and_said_once(image: Path, tmp_path: Path) -> None:
    with pytest.warns(DefaultEncoderMissing, match="pip install") as said:
        vectors = embed(image)
        with Finder.create(tmp_path / "photos.db") as finder:
            assert finder.recipe.encoder == "compact"
    assert len(said) == 1
    assert vectors.shape == (1, 320)


@pytest.mark.usefixtures("without_package", "with_stderr")
def test_nothing_goes_over_to_a_lesser_encoder_unasked(tmp_path: Path) -> None:
    database = str(tmp_path / "photos.db")
    with Finder.create(database, "dhash") as finder:
        with pytest.raises(ModelError, match=r"standard is not installed: pip install .*, or name"):
            finder.upgrade()
        refused = CliRunner().invoke(app, ["upgrade", "--db", database])
        assert isinstance(refused.exception, ModelError) and "compact is used" not in refused.stderr
        assert finder.recipe.encoder == "dhash"
        finder.upgrade("classic", keep=True)
    assert CliRunner().invoke(app, ["upgrade", "--db", database, "--back"]).exit_code == 0


@pytest.mark.usefixtures("without_package", "with_stderr")
def test_info_of_a_catalogue_made_with_it_says_what_to_install(tmp_path: Path) -> None:
    for name in ("standard", "regions:standard"):
        database = str(tmp_path / f"{name[:3]}.db")
        Finder.create(database, name).close()
        told = json.loads(CliRunner().invoke(app, ["info", "--db", database, "--json"]).stdout)
        assert "standard is not installed: pip install" in told["default encoder"]


@pytest.mark.usefixtures("without_package", "with_stderr")
def test_info_and_encoders_say_what_to_install(tmp_path: Path) -> None:
    database = str(tmp_path / "photos.db")
    Finder.create(database, "compact").close()
    told = json.loads(CliRunner().invoke(app, ["info", "--db", database, "--json"]).stdout)
    assert "standard is not installed: pip install" in told["default encoder"]
    listed = CliRunner().invoke(app, ["encoders"]).stdout
    assert "the default is compact: standard is not installed" in " ".join(listed.split())
