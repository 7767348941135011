"""The encoder network in training: blocks to feature maps, average pooling, an embedding layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from imagefinder.training.device import mixed_precision

Triple: TypeAlias = tuple[float, float, float]


class Network(nn.Module):
    """Any base model. Batch norms keep the statistics they came with; some blocks are frozen."""

    def __init__(
        self,
        blocks: Sequence[nn.Module],
        embed: nn.Module,
        *,
        dim: int,
        size: int,
        normalization: tuple[Triple, Triple],
        frozen: int,
        batch: int,
    ) -> None:
        """``normalization``: the mean and standard deviation of each channel, for 0 to 1."""
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.embed = embed
        self.project: nn.Module | None = None
        """From unit embeddings to fewer dimensions."""
        self.full_precision = False
        """Whether to compute in 32 bits, even where 16 are faster."""
        self.dim, self.size, self.frozen = dim, size, frozen
        self.mean, self.std = normalization
        self.batch = batch
        """The default batch size, for which 4 GB suffice."""
        self.eval().requires_grad_(False)

    def unfreeze(self) -> list[nn.Parameter]:
        """The trainable parameters, set up for training."""
        trainable = [*self.blocks[self.frozen :].parameters(), *self.embed.parameters()]
        for one in trainable:
            one.requires_grad_(True)
        return trainable

    @torch.no_grad()
    def interpolate(self, base: Mapping[str, Tensor], share: float) -> None:
        """Weight interpolation (WiSE-FT): go ``share`` of the way from the base's weights."""
        for name, weights in self.state_dict().items():
            if weights.is_floating_point():
                weights.copy_(base[name].to(weights.device).lerp(weights, share))

    def preprocess(self, pixels: Tensor) -> Tensor:
        """Of 0 to 255, shape (images, 3, height, width), to the input of the first block."""
        mean, std = (pixels.new_tensor(x, dtype=torch.float32) for x in (self.mean, self.std))
        return (pixels.float() / 255 - mean[:, None, None]) / std[:, None, None]

    def embeddings(self, inputs: Tensor) -> Tensor:
        """Of any length, shape (images, dim)."""
        maps = inputs
        with nullcontext() if self.full_precision else mixed_precision(inputs.device):
            for block in self.blocks:
                maps = block(maps)
        rows: Tensor = self.embed(maps.float().mean((2, 3)))
        return rows

    def forward(self, inputs: Tensor) -> Tensor:
        """Of unit length, after the PCA projection if there is one."""
        rows = functional.normalize(self.embeddings(inputs), dim=1)
        return rows if self.project is None else functional.normalize(self.project(rows), dim=1)
