"""What many tests share: real models and images where there are any, and small drawn ones."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import PIL.Image
import pytest
from hypothesis import settings
from onnx import TensorProto, helper, numpy_helper

from imagefinder.types import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Draw = Callable[..., Image]

PATIENCE = 30_000  # milliseconds that a browser is waited for: other work may share the machine
_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")

# a shell's background job ignores Ctrl-C, and so would the programs that the tests interrupt
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("same every time", derandomize=True, deadline=None)
settings.load_profile("same every time")


@pytest.fixture(scope="session")
def assets() -> Path:
    """Real models and images, laid out as models/ and data/."""
    folder = os.environ.get("IMAGEFINDER_TEST_ASSETS")
    if not folder:
        pytest.skip("IMAGEFINDER_TEST_ASSETS does not name a folder of real models and images")
    if not Path(folder).is_dir():
        pytest.skip(f"IMAGEFINDER_TEST_ASSETS names {folder}, which is no folder")
    return Path(folder)


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Chromium; it ends with the module, for no event loop can begin beside Playwright's."""
    chromium = os.environ.get("IMAGEFINDER_CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium: install it, or name it in IMAGEFINDER_CHROMIUM")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", *_CAMERA]
        started = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield started
        started.close()


@pytest.fixture(scope="session")
def draw() -> Draw:
    return drawn


@pytest.fixture
def image_file(tmp_path: Path) -> Path:
    path = tmp_path / "image.png"
    PIL.Image.fromarray(drawn(0)).save(path)
    return path


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph of 32 × 32 images: a convolution, and the mean of each of its 8 channels."""
    weights = np.random.default_rng(0).normal(size=(8, 3, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["pixels", "weights"], ["edges"], strides=[2, 2]),
            helper.make_node("Relu", ["edges"], ["strong"]),
            helper.make_node("GlobalAveragePool", ["strong"], ["embedding"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 8, 1, 1])],
        [numpy_helper.from_array(weights, "weights")],
    )
    path = tmp_path_factory.mktemp("models") / "tiny.onnx"
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def drawn(seed: int, width: int = 120, height: int = 90) -> Image:
    """Soft clouds of colour with three boxes on them: another image for each seed."""
    rng = np.random.default_rng(seed)
    clouds = PIL.Image.fromarray(rng.integers(0, 256, (5, 6, 3), np.uint8))
    pixels = np.array(clouds.resize((width, height), PIL.Image.Resampling.BICUBIC))
    for _ in range(3):
        left, top = rng.integers(0, width * 3 // 4), rng.integers(0, height * 3 // 4)
        pixels[top : top + height // 4, left : left + width // 4] = rng.integers(0, 256, 3)
    return pixels
