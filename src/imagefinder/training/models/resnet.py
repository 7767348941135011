"""A ResNet from the hub (He et al., "Deep residual learning for image recognition", CVPR 2016)."""

from __future__ import annotations

from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from imagefinder.encoders.hub import download
from imagefinder.errors import ModelError
from imagefinder.registry.pretrained import ModelFile
from imagefinder.training.models.encoder import Network

REPOSITORIES = {"resnet18": "microsoft/resnet-18", "resnet50": "microsoft/resnet-50"}

_SIDE = 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's."""
_FROZEN = 1  # of 5: the stem

_BATCHES = {"basic": 64, "bottleneck": 32}  # at 224 pixels 1.5 and about 3 GB


def resnet(repository: str, size: int, frozen: int) -> Network:
    """All but its last layer, the classifier; its rows are the means of its last map.

    Only safetensors are read, for a pickle may run anything. Raises ModelError.
    """
    model = _model(repository)
    return Network(
        [model.embedder, *model.encoder.stages],
        nn.Identity(),
        dim=model.config.hidden_sizes[-1],
        size=size or _SIDE,
        mean=MEAN,
        std=STD,
        batch=_BATCHES[model.config.layer_type],
        frozen=frozen if frozen >= 0 else _FROZEN,
    )


def _model(repository: str) -> Any:
    from transformers import ResNetConfig, ResNetForImageClassification

    settings, weights = (
        download(ModelFile(file, repository)) for file in ("config.json", "model.safetensors")
    )
    try:
        config = ResNetConfig.from_json_file(settings)
        if config.model_type != "resnet":
            raise ValueError(f"it is a {config.model_type}")
        with torch.device("meta"):  # its first weights are not worth drawing
            model = ResNetForImageClassification(config)
        model.load_state_dict(load_file(weights), assign=True)
    except (SafetensorError, RuntimeError, ValueError, TypeError, KeyError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"{repository} is no ResNet that can be trained: {reason}") from error
    return model.resnet
