"""Base models: ResNets from the Hugging Face Hub.

He et al., "Deep residual learning for image recognition", CVPR 2016.
"""

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
_FROZEN = 1  # of 5 blocks: the stem
_BATCHES = {"basic": 64, "bottleneck": 32}  # take 1.5 and about 3 GB at 224 pixels


def resnet_network(repository: str, size: int | None = None, frozen: int | None = None) -> Network:
    """Without its classifier: embeddings are the averages of the last feature map.

    Only safetensors are read, as a pickle can execute code. Raises ModelError.
    """
    model = _model(repository)
    return Network(
        [model.embedder, *model.encoder.stages],
        nn.Identity(),
        dim=model.config.hidden_sizes[-1],
        size=size or _SIDE,
        normalization=(MEAN, STD),
        batch=_BATCHES[model.config.layer_type],
        frozen=_FROZEN if frozen is None else frozen,
    )


def _model(repository: str) -> Any:
    from transformers import ResNetConfig, ResNetForImageClassification

    settings, weights = (
        download(ModelFile(file, repository)) for file in ("config.json", "model.safetensors")
    )
    try:
        config = ResNetConfig.from_json_file(settings)
        if config.model_type != "resnet":
            raise ValueError(f"its model type is {config.model_type}")
        with torch.device("meta"):  # its random initial weights are not needed
            model = ResNetForImageClassification(config)
        model.load_state_dict(load_file(weights), assign=True)
    except (SafetensorError, RuntimeError, ValueError, TypeError, KeyError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"{repository} is not a ResNet that can be fine-tuned: {reason}"
        ) from error
    return model.resnet
