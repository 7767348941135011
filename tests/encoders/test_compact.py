"""The encoder inside the package: its file, its card, and what it is good for."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

from imagefinder import embed
from imagefinder.encoders.compact import SHA256, WEIGHTS, Compact
from imagefinder.errors import PluginError
from imagefinder.evaluation.embedding_metrics import leave_one_out, own_original_first
from imagefinder.images.transforms import COPIES
from imagefinder.images.walk import find_images
from imagefinder.registry.factory import make_encoder

from ..conftest import drawn

CARD = WEIGHTS.with_suffix(".md").read_text()


def test_the_weights_are_those_of_the_model_card() -> None:
    assert hashlib.sha256(WEIGHTS.read_bytes()).hexdigest() == SHA256
    assert SHA256 in CARD
    assert WEIGHTS.stat().st_size < 12e6


def test_the_model_card_names_every_source_of_the_plan() -> None:
    plan = Path(__file__).parents[2] / "distillation" / "compact.toml"
    sources = re.findall(r'^name = "(.+)__(.+)"$', plan.read_text(), re.MULTILINE)
    assert len(sources) >= 8
    for owner, name in sources:
        assert f"{owner}/{name}" in CARD


def test_rows_have_length_one_and_runtimes_agree() -> None:
    images = [drawn(seed, Compact.resize.width, Compact.resize.height) for seed in range(6)]
    openvino = np.concatenate(Compact(precision="f32").encode(images))
    onnxruntime = np.concatenate(Compact(runtime="onnxruntime").encode(images))
    assert openvino.shape == (6, 320)
    assert np.linalg.norm(openvino, axis=1) == pytest.approx(np.ones(6), abs=1e-5)
    assert (openvino * onnxruntime).sum(axis=1).min() >= 0.999


def test_sixteen_bits_change_little() -> None:
    images = [drawn(seed, Compact.resize.width, Compact.resize.height) for seed in range(6)]
    fast, exact = (np.concatenate(Compact(precision=p).encode(images)) for p in ("auto", "f32"))
    assert (fast * exact).sum(axis=1).min() >= 0.99


def test_a_wrong_option_is_named_when_the_encoder_is_made() -> None:
    with pytest.raises(PluginError, match="precision is one of auto, f32, bf16"):
        make_encoder("compact", {"precision": "f8"})


def test_unrelated_images_score_about_zero(assets: Path) -> None:
    rows = embed(sorted(find_images(assets / "data/grocery/test"))[::60])
    scores = (rows @ rows.T)[np.triu_indices(len(rows), 1)]
    assert abs(float(np.median(scores))) < 0.15


def test_photographs_of_a_kind_are_found(assets: Path) -> None:
    paths = list(find_images(assets / "data/clothing/test"))
    found = leave_one_out(embed(paths), [path.parent.name for path in paths])
    assert found.mean_average_precision > 0.5
    assert found.recall_at_1 > 0.7


def test_copies_are_known_again(assets: Path) -> None:
    import PIL.Image

    originals = [
        PIL.Image.open(path).convert("RGB")
        for path in list(find_images(assets / "data/clothing/test"))[::12]
    ]
    rows = embed(originals)
    for name, change in COPIES.items():
        share = own_original_first(
            embed([change(image) for image in originals]), rows, range(len(rows))
        )
        assert share >= 0.9, name
