"""Names become encoders, encoders become recipes, and recipes become encoders again."""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from imagefinder.encoders.classic import Classic
from imagefinder.errors import MissingExtra, PluginError, UnknownPlugin
from imagefinder.registry import plugins as registry
from imagefinder.registry.factory import encoder_from, make_encoder, make_index, recipe_of
from imagefinder.registry.plugins import Family, Plugin, load, plugins
from imagefinder.types import Encoder, Measure, Recipe, Resize

FAMILIES: list[Family] = ["encoders", "indexes", "stores"]
WITHOUT_ARGUMENT = [
    name
    for name, plugin in plugins("encoders").items()
    if not plugin.argument and "model" not in plugin.options  # tests/hub has the pretrained ones
]

MODULE = """
from dataclasses import dataclass
import numpy as np
from imagefinder.types import Resize

@dataclass(frozen=True)
class Mean:
    power: float = 1.0
    dim, measure, resize = 3, "l2", Resize(8, 8)

    def encode(self, images):
        return [(i.mean((0, 1))[None] ** self.power).astype(np.float32) for i in images]
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of somebody else's, with an encoder "mean" and others that claim too much."""
    (tmp_path / "somebody.py").write_text(MODULE)
    about = tmp_path / "somebody-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: somebody\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[imagefinder.encoders]\n"
        "mean = somebody:Mean\n"
        "classic = somebody:Mean\n"
        "exported = somebody_else.api:Exported\n"
        "misspelt = somebody:Meen\n"
        "broken = no_such_module:Encoder\n"
    )
    (tmp_path / "somebody_else").mkdir()
    (tmp_path / "somebody_else" / "code.py").write_text(MODULE.replace("Mean", "Exported"))
    (tmp_path / "somebody_else" / "api.py").write_text("from somebody_else.code import Exported")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "somebody", raising=False)
    return tmp_path


def through_json(recipe: Recipe) -> Recipe:
    return Recipe(**json.loads(json.dumps(asdict(recipe))))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_plugin_of_ours_says_what_it_is_and_can_be_loaded(family: Family) -> None:
    for name, plugin in plugins(family).items():
        assert plugin.about
        assert load(family, name).__name__ == plugin.target.partition(":")[2]


@pytest.mark.parametrize("family", FAMILIES)
def test_an_unknown_name_is_answered_with_those_there_are(family: Family) -> None:
    with pytest.raises(UnknownPlugin, match="there is no 'nonesuch' among") as raised:
        load(family, "nonesuch")
    assert all(name in str(raised.value) for name in plugins(family))


def test_an_encoder_is_made_by_its_name() -> None:
    assert make_encoder("classic") == Classic()


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(PluginError, match="classic has no option colour; its options: none"):
        make_encoder("classic", {"colour": 1})


def test_a_missing_argument_and_one_too_many_are_refused() -> None:
    with pytest.raises(PluginError, match="write onnx:PATH instead of 'onnx'"):
        make_encoder("onnx")
    with pytest.raises(PluginError, match="write onnx:PATH instead of 'onnx:'"):
        make_encoder("onnx:")
    with pytest.raises(PluginError, match="write classic instead of 'classic:x'"):
        make_encoder("classic:x")


def test_an_index_is_made_for_a_size_and_a_measure() -> None:
    assert make_index("exact", 8, "hamming").keys.size == 0


@pytest.mark.parametrize("name", WITHOUT_ARGUMENT)
def test_a_recipe_survives_json_and_makes_the_same_encoder(name: str) -> None:
    encoder = make_encoder(name)
    recipe = recipe_of(encoder)
    assert recipe.encoder == name
    assert (recipe.dim, recipe.measure) == (encoder.dim, encoder.measure)
    assert through_json(recipe) == recipe
    assert encoder_from(through_json(recipe)) == encoder


def test_the_recipe_of_a_model_survives_json_and_makes_the_same_encoder(tiny_model: Path) -> None:
    options = {"mean": 0.5, "std": [0.1, 0.2, 0.3], "resize": "crop", "keep": 0.875}
    encoder = make_encoder(f"onnx:{tiny_model}", options)
    recipe = through_json(recipe_of(encoder))
    assert recipe == recipe_of(encoder)
    again = encoder_from(recipe)
    assert again == encoder
    assert recipe_of(again) == recipe


def test_where_and_how_a_model_runs_does_not_count_in_its_recipe(tiny_model: Path) -> None:
    here = recipe_of(make_encoder(f"onnx:{tiny_model}"))
    there = recipe_of(make_encoder(f"onnx:{tiny_model}", {"runtime": "onnxruntime"}))
    other = recipe_of(make_encoder(f"onnx:{tiny_model}", {"channels": "BGR"}))
    assert here == there != other
    assert set(here.runtime) == {"path", "runtime", "precision"}
    assert not set(here.runtime) & set(here.options)


def test_a_recipe_reads_as_a_call() -> None:
    assert str(Recipe("mean", {"power": 2, "size": 8}, 3, "l2")) == "mean(power=2, size=8)"


def test_an_encoder_that_is_no_dataclass_has_no_recipe() -> None:
    with pytest.raises(PluginError, match="is not a dataclass"):
        recipe_of(object())  # type: ignore[arg-type]


def test_a_missing_library_is_answered_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ghost = Plugin("no_such_module:Ghost", extra="ghosts")
    monkeypatch.setitem(registry.PLUGINS["encoders"], "ghost", ghost)
    with pytest.raises(MissingExtra, match=r"'ghost' needs: pip install 'imagefinder\[ghosts\]'"):
        make_encoder("ghost")


@pytest.mark.usefixtures("installed")
def test_an_installed_package_adds_an_encoder() -> None:
    assert plugins("encoders")["mean"] == Plugin("somebody:Mean", "from somebody")
    encoder = make_encoder("mean", {"power": 2.0})
    recipe = through_json(recipe_of(encoder))
    assert recipe == Recipe("mean", {"power": 2.0}, 3, "l2")
    assert encoder_from(recipe) == encoder


@pytest.mark.usefixtures("installed")
def test_a_class_may_be_registered_by_where_it_is_exported() -> None:
    encoder = make_encoder("exported")
    assert recipe_of(encoder).encoder == "exported"
    assert encoder_from(recipe_of(encoder)) == encoder


@pytest.mark.usefixtures("installed")
def test_a_plugin_that_is_not_where_its_package_says_is_an_error() -> None:
    with pytest.raises(PluginError, match="misspelt"):
        make_encoder("misspelt")


@pytest.mark.usefixtures("installed")
def test_an_installed_package_cannot_replace_one_of_ours() -> None:
    assert type(make_encoder("classic")) is Classic
    assert plugins("encoders")["classic"].target == "imagefinder.encoders.classic:Classic"


@pytest.mark.usefixtures("installed")
def test_an_installed_package_that_lacks_a_library_says_so() -> None:
    with pytest.raises(MissingExtra, match="'broken' needs: No module named 'no_such_module'"):
        make_encoder("broken")


@pytest.mark.parametrize("name", ["trap", "trap:Encoder", "trap.Encoder", "os:system", ""])
def test_a_recipe_never_imports_what_is_not_registered(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UnknownPlugin):
        encoder_from(Recipe(name, {}, 3, "l2"))
    assert "trap" not in sys.modules


def test_a_recipe_with_options_that_do_not_fit_is_refused() -> None:
    with pytest.raises(PluginError, match="classic has no option size"):
        encoder_from(Recipe("classic", {"size": 3}, 3, "l2"))


@dataclass(frozen=True)
class Unregistered:
    sizes: tuple[int, ...] = (1, 2)
    dim: ClassVar[int] = 1
    measure: ClassVar[Measure] = "dot"
    resize: ClassVar[Resize] = Resize(8, 8)

    encode = Classic.encode  # never called


def test_an_unregistered_encoder_has_a_recipe_that_says_where_its_class_is() -> None:
    encoder: Encoder = Unregistered()
    recipe = recipe_of(encoder)
    assert recipe == Recipe(f"{__name__}:Unregistered", {"sizes": [1, 2]}, 1, "dot")
    with pytest.raises(UnknownPlugin):
        encoder_from(recipe)
