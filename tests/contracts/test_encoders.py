"""Every encoder keeps the contract, on whatever it runs."""

from pathlib import Path

import pytest

from imagefinder.errors import MissingExtra, ModelError
from imagefinder.registry.factory import make_encoder
from imagefinder.registry.plugins import plugins
from imagefinder.testing.contracts import check_encoder

WITHOUT_ARGUMENT = [name for name, plugin in plugins("encoders").items() if not plugin.argument]


@pytest.mark.parametrize("name", WITHOUT_ARGUMENT)
def test_every_encoder_of_ours_keeps_the_contract(name: str) -> None:
    try:
        encoder = make_encoder(name)
    except (MissingExtra, ModelError) as error:
        pytest.skip(str(error))
    check_encoder(encoder)


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("precision", ["auto", "f32"])
@pytest.mark.parametrize("normalize", [False, True])
def test_a_model_keeps_the_contract(
    runtime: str, precision: str, normalize: bool, tiny_model: Path
) -> None:
    options = {"runtime": runtime, "precision": precision, "normalize": normalize}
    check_encoder(make_encoder(f"onnx:{tiny_model}", options))
