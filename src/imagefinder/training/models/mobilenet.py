"""The student: MobileNetV2's layout, cut into parts that can be trained one by one.

The layout is that of Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks"
(arXiv 1801.04381), with TensorFlow's padding of (0, 1) where a part halves the image, so that
its maps lie exactly over those of a teacher of that family.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from imagefinder.training.device import mixed

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
    """Convolution, batch norm and, unless it is linear, ReLU6."""

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
        """Maps in and out: (images, channels, height, width)."""
        maps = self.norm(self._convolved(maps))
        return functional.relu6(maps) if self.act else maps

    @torch.no_grad()
    def fix(self, weight: Tensor, bias: Tensor) -> None:
        """Take these, which have a norm in them, and do without the norm from now on."""
        self.conv.weight = nn.Parameter(weight.clone())
        self.conv.bias = nn.Parameter(bias.clone())
        self.norm = nn.Identity()  # type: ignore[assignment]  # nobody asks it for statistics

    def _convolved(self, maps: Tensor) -> Tensor:
        slow = maps.requires_grad and maps.device.type == "cpu"
        if self.stride == 1 or slow:
            # going back through a strided depthwise convolution takes a processor thirty times as
            # long as through a plain one, of which every other number is taken
            filtered: Tensor = self.conv(maps)
            return filtered[:, :, self.stride - 1 :: self.stride, self.stride - 1 :: self.stride]
        padded = functional.pad(maps, (0, 1, 0, 1))
        return functional.conv2d(
            padded, self.conv.weight, self.conv.bias, stride=self.stride, groups=self.conv.groups
        )


class Block(nn.Module):
    """An inverted residual: widen, filter each channel by itself, narrow."""

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
        """Maps in and out: (images, channels, height, width)."""
        changed: Tensor = self.layers(maps)
        return maps + changed if self.residual else changed


class Shape(NamedTuple):
    """What a part gives: so many channels, the image divided by so much."""

    channels: int
    stride: int


class Student(nn.Module):
    """19 parts from image to map, then a linear layer to the embedding."""

    def __init__(self, dim: int = 320, width: float = 1.0) -> None:
        super().__init__()
        stem = _even(STEM * width)
        parts: list[nn.Module] = [Convolution(3, stem, 3, 2)]
        self.shapes = [Shape(stem, 2)]
        for expansion, channels, repeats, first in _STAGES:
            for repeat in range(repeats):
                before, after = self.shapes[-1].channels, _even(channels * width)
                stride = first if repeat == 0 else 1
                parts.append(Block(before, after, expansion, stride))
                self.shapes.append(Shape(after, self.shapes[-1].stride * stride))
        head = _even(HEAD * width)
        parts.append(Convolution(self.shapes[-1].channels, head, 1))
        self.shapes.append(Shape(head, self.shapes[-1].stride))
        self.parts = nn.ModuleList(parts)
        self.embed = nn.Linear(head, dim)

    def maps(self, pixels: Tensor) -> list[Tensor]:
        """What each part gives for pixels of -1 to 1, shape (images, 3, height, width)."""
        maps = [pixels]
        with mixed(pixels.device):
            for part in self.parts:
                maps.append(part(maps[-1]))
        return maps[1:]

    def pooled(self, pixels: Tensor) -> Tensor:
        """The last map's means, shape (images, channels of the head)."""
        return self.maps(pixels)[-1].float().mean((2, 3))

    def forward(self, pixels: Tensor) -> Tensor:
        """Unit rows, shape (images, dim)."""
        return functional.normalize(self.embed(self.pooled(pixels)), dim=1)


def measure_norms(module: nn.Module, batches: Iterable[Tensor]) -> None:
    """Take the batch norms' statistics afresh, as plain means over these batches."""
    norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d)]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # PyTorch's word for the plain mean
    module.train()
    with torch.no_grad():
        for batch in batches:
            module(batch)
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
    module.eval()


def _even(channels: float) -> int:
    return max(8, round(channels / 8) * 8)
