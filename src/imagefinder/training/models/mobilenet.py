"""MobileNetV2, as 19 blocks that can be trained one by one, and an embedding layer.

Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (arXiv 1801.04381), with
TensorFlow's padding of (0, 1) where a block has stride 2, so that feature maps are aligned with
those of a teacher of that family.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from imagefinder.training.device import mixed_precision

# (expansion, channels, repeats, first stride)
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
STEM = 32
HEAD = 1280


class Convolution(nn.Module):
    """Convolution, batch norm and, where ``act``, ReLU6."""

    def __init__(
        self,
        before: int,
        after: int,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        act: bool = True,
    ) -> None:
        super().__init__()
        self.stride = stride
        self.act = act
        self.conv = nn.Conv2d(before, after, kernel, padding=kernel // 2, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(after)

    def forward(self, maps: Tensor) -> Tensor:
        """Feature maps in and out: (images, channels, height, width)."""
        maps = self.norm(self._convolved(maps))
        return functional.relu6(maps) if self.act else maps

    @torch.no_grad()
    def set_folded(self, weight: Tensor, bias: Tensor) -> None:
        """Weights with the batch norm folded in, which therefore is removed."""
        self.conv.weight = nn.Parameter(weight.clone())
        self.conv.bias = nn.Parameter(bias.clone())
        self.norm = nn.Identity()  # type: ignore[assignment]  # its statistics are not needed any more

    def _convolved(self, maps: Tensor) -> Tensor:
        slow = maps.requires_grad and maps.device.type == "cpu"
        if self.stride == 1 or slow:
            # on CPUs the backward pass of a strided depthwise convolution takes thirty times as
            # long as that of a dense one, of which every other output is taken
            filtered: Tensor = self.conv(maps)
            return filtered[:, :, self.stride - 1 :: self.stride, self.stride - 1 :: self.stride]
        padded = functional.pad(maps, (0, 1, 0, 1))
        return functional.conv2d(
            padded, self.conv.weight, self.conv.bias, stride=self.stride, groups=self.conv.groups
        )


class InvertedResidual(nn.Module):
    """Expand the channels, convolve each by itself, project to fewer."""

    def __init__(self, before: int, after: int, expansion: int, stride: int) -> None:
        super().__init__()
        inner = before * expansion
        self.residual = stride == 1 and before == after
        self.layers = nn.Sequential(
            *([Convolution(before, inner, 1)] if expansion > 1 else []),
            Convolution(inner, inner, 3, stride, groups=inner),
            Convolution(inner, after, 1, act=False),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Feature maps in and out: (images, channels, height, width)."""
        changed: Tensor = self.layers(maps)
        return maps + changed if self.residual else changed


class BlockShape(NamedTuple):
    """Of a block's output: its channels, and how many input pixels its step is."""

    channels: int
    stride: int


class MobileNetV2(nn.Module):
    """19 blocks from image to feature map, then a linear layer to the embedding."""

    def __init__(self, dim: int = 320, width: float = 1.0) -> None:
        super().__init__()
        stem = _multiple_of_8(STEM * width)
        blocks: list[nn.Module] = [Convolution(3, stem, 3, 2)]
        self.shapes = [BlockShape(stem, 2)]
        for expansion, channels, repeats, first in _STAGES:
            for repeat in range(repeats):
                before, after = self.shapes[-1].channels, _multiple_of_8(channels * width)
                stride = first if repeat == 0 else 1
                blocks.append(InvertedResidual(before, after, expansion, stride))
                self.shapes.append(BlockShape(after, self.shapes[-1].stride * stride))
        head = _multiple_of_8(HEAD * width)
        blocks.append(Convolution(self.shapes[-1].channels, head, 1))
        self.shapes.append(BlockShape(head, self.shapes[-1].stride))
        self.blocks = nn.ModuleList(blocks)
        self.embed = nn.Linear(head, dim)

    def feature_maps(self, pixels: Tensor) -> list[Tensor]:
        """Each block's output for pixels of -1 to 1, shape (images, 3, height, width)."""
        maps = [pixels]
        with mixed_precision(pixels.device):
            for block in self.blocks:
                maps.append(block(maps[-1]))
        return maps[1:]

    def pooled(self, pixels: Tensor) -> Tensor:
        """Global average pooling of the last feature map, shape (images, channels)."""
        return self.feature_maps(pixels)[-1].float().mean((2, 3))

    def forward(self, pixels: Tensor) -> Tensor:
        """Unit embeddings, shape (images, dim)."""
        return functional.normalize(self.embed(self.pooled(pixels)), dim=1)


def recalibrate_batch_norm(module: nn.Module, batches: Iterable[Tensor]) -> None:
    """Estimate the batch norms' statistics anew, as plain means over these batches."""
    norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # PyTorch's way to ask for the plain mean
    module.train()
    with torch.no_grad():
        for batch in batches:
            module(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    module.eval()


def _multiple_of_8(channels: float) -> int:
    return max(8, round(channels / 8) * 8)
