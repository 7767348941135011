"""Data in the documents: settings that there are, answers as the server gives them."""

import json
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from imagefinder.encoders.onnx import Onnx
from imagefinder.registry.pretrained import models
from imagefinder.server import create_app

from .pages import ROOT, Block, blocks

SCHEMAS: dict[str, Any] = create_app("none.db").openapi()["components"]["schemas"]


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_settings_of_a_graph_are_options_with_these_defaults(block: Block) -> None:
    defaults = {one.metadata.get("option", one.name): one.default for one in fields(Onnx)}
    for name, value in tomllib.loads(block.text).items():
        if name not in ("size", "output"):
            assert defaults[name] == (tuple(value) if isinstance(value, list) else value)


@pytest.mark.parametrize("block", blocks("ini"), ids=str)
def test_rows_of_models_are_rows(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGEFINDER_HOME", str(tmp_path))
    (tmp_path / "models.toml").write_text(block.text)
    assert set(tomllib.loads(block.text)) < set(models())


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_settings_of_compose_are_like_those_of_the_file(block: Block) -> None:
    shipped = yaml.safe_load((ROOT / "compose.yaml").read_text())
    assert set(yaml.safe_load(block.text)["services"]) <= set(shipped["services"])


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_answers_have_the_fields_of_some_answer(block: Block) -> None:
    document = json.loads(block.text)
    fitting = [schema for schema in SCHEMAS.values() if fits(document, schema)]
    assert fitting, f"no answer of the server has the fields {', '.join(document)}"


def fits(value: Any, schema: Any) -> bool:
    """Whether all fields are there, at every depth."""
    if "$ref" in schema:
        return fits(value, SCHEMAS[schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return any(fits(value, one) for one in schema["anyOf"])
    if isinstance(value, list):
        return "items" in schema and all(fits(one, schema["items"]) for one in value)
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        return set(value) == set(known) and all(fits(value[name], known[name]) for name in value)
    return True
