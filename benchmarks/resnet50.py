"""ResNet-50 as it is commonly run: torch, 32 bits, one image at a time; and as a graph of ours.

The weights are random: they change nothing about the speed.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

_SIDE = 224
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def save_graph(path: Path) -> None:
    """The network up to its embedding, as an ONNX graph."""
    torch, model = _torch_model()

    class Pooled(torch.nn.Module):  # type: ignore[misc,name-defined]
        def forward(self, pixels: Any) -> Any:
            return torch.flatten(model(pixels).pooler_output, 1)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing remarks on how shapes are checked
        torch.onnx.export(
            Pooled().eval(),
            (torch.zeros(1, 3, _SIDE, _SIDE),),
            path,
            input_names=["pixels"],
            output_names=["embedding"],
            dynamic_axes={"pixels": {0: "batch"}, "embedding": {0: "batch"}},
            opset_version=17,
            dynamo=False,
        )


def embedded_one_by_one(paths: Sequence[Path], store: Callable[[Path, bytes], None]) -> None:
    """Each image through each step before the next one."""
    torch, model = _torch_model()
    with torch.inference_mode():
        for path in paths:
            pixels = torch.from_numpy(_pixels(path))
            store(path, model(pixels).pooler_output.numpy().tobytes())


@cache
def _torch_model() -> tuple[Any, Any]:
    # threads that wait for each other by spinning get almost nothing done beside other work
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import torch
    from transformers import ResNetConfig, ResNetModel

    torch.manual_seed(0)
    return torch, ResNetModel(ResNetConfig()).eval().requires_grad_(False)


def _pixels(path: Path) -> NDArray[np.float32]:
    with PIL.Image.open(path) as file:
        image = file.convert("RGB").resize((_SIDE, _SIDE), PIL.Image.Resampling.BILINEAR)
    mean, std = np.array([_MEAN, _STD], np.float32)
    values: NDArray[np.float32] = (np.asarray(image, np.float32) / 255 - mean) / std
    return values.transpose(2, 0, 1)[None]
