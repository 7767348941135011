"""Graphs in the layout of the published ones, with seeded weights: exported from the reference."""

import warnings
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import torch
from transformers import (
    BeitConfig,
    BeitForImageClassification,
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    Dinov2Config,
    Dinov2Model,
    ResNetConfig,
    ResNetForImageClassification,
)

SIDE = 224


def resnet18() -> Any:
    """As microsoft/resnet-18."""
    sizes = {"depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512]}
    return _seeded(ResNetForImageClassification, ResNetConfig(layer_type="basic", **sizes, **_1000))


def resnet50() -> Any:
    """As microsoft/resnet-50, whose configuration is the default one."""
    return _seeded(ResNetForImageClassification, ResNetConfig(**_1000))


def small_resnet50() -> Any:
    """The same layout with a quarter of its layers and a sixteenth of its channels."""
    sizes = {"depths": [1, 1, 1, 1], "hidden_sizes": [16, 32, 64, 128], "embedding_size": 8}
    return _seeded(ResNetForImageClassification, ResNetConfig(**sizes, **_1000))


def beit() -> Any:
    """As microsoft/beit-base-patch16-224, with a sixth of its layers."""
    how = {
        "num_hidden_layers": 2,
        "use_mean_pooling": True,
        "use_relative_position_bias": True,
        "use_absolute_position_embeddings": False,
        "layer_scale_init_value": 0.1,
    }
    return _seeded(BeitForImageClassification, BeitConfig(**how, **_1000))


def dinov2() -> Any:
    """As facebook/dinov2-small, with a sixth of its layers."""
    how = {"hidden_size": 384, "num_attention_heads": 6, "num_hidden_layers": 2, "image_size": 518}
    return _seeded(Dinov2Model, Dinov2Config(patch_size=14, **how))


def clip_vision() -> Any:
    """As the image tower of openai/clip-vit-base-patch32, with a sixth of its layers."""
    return _seeded(CLIPVisionModelWithProjection, CLIPVisionConfig(num_hidden_layers=2))


def clip_text(words: int, end: int) -> Any:
    """As its text tower, for a vocabulary of ``words`` that ends with the token ``end``."""
    how = {"vocab_size": words, "eos_token_id": end, "bos_token_id": end - 1, "pad_token_id": end}
    return _seeded(CLIPTextModelWithProjection, CLIPTextConfig(num_hidden_layers=2, **how))


def exported(model: Any, fed: Mapping[str, Any], output: str) -> bytes:
    """An ONNX graph as the published ones are: free batches, and the names of the reference."""
    buffer: Any = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing remarks on what the reference checks of shapes
        torch.onnx.export(
            _Taking(model, tuple(fed), output).eval(),
            tuple(fed.values()),
            buffer,
            input_names=list(fed),
            output_names=[output],
            dynamic_axes={name: {0: "batch"} for name in (*fed, output)},
            opset_version=17,
            dynamo=False,
        )
    content: bytes = buffer.getvalue()
    return content


def exported_for_images(model: Any, output: str) -> bytes:
    """The same for one that takes images."""
    return exported(model, {"pixel_values": torch.zeros(1, 3, SIDE, SIDE)}, output)


class _Taking(torch.nn.Module):
    """One output of a model that gives many."""

    def __init__(self, model: Any, names: tuple[str, ...], output: str) -> None:
        super().__init__()
        self.model, self.names, self.output = model, names, output

    def forward(self, *fed: torch.Tensor) -> Any:
        return getattr(self.model(**dict(zip(self.names, fed, strict=True))), self.output)


_1000: dict[str, Any] = {"num_labels": 1000}


def _seeded(kind: Any, config: Any) -> Any:
    torch.manual_seed(7)
    return kind(config).eval()
