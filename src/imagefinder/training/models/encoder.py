"""The encoder in training: parts from image to map, and a row from the map's means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from imagefinder.training.device import mixed

Triple: TypeAlias = tuple[float, float, float]


class Network(nn.Module):
    """One for any base. Norms keep the statistics that they came with, as in ``training.passes``.

    ``frozen`` of the parts are left as they are.
    """

    def __init__(
        self,
        parts: Sequence[nn.Module],
        embed: nn.Module,
        *,
        dim: int,
        size: int,
        mean: Triple,
        std: Triple,
        frozen: int,
        batch: int,
    ) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.embed = embed
        self.project: nn.Module | None = None
        """Unit rows to smaller ones."""
        self.precise = False
        """Whether 32 bits are computed with, also where 16 are quicker."""
        self.dim, self.size, self.mean, self.std, self.frozen = dim, size, mean, std, frozen
        self.batch = batch
        """Views in a step that 4 GB hold."""
        self.eval().requires_grad_(False)

    def learning(self) -> list[nn.Parameter]:
        """Set up for training: those parameters that are to change."""
        learning = [*self.parts[self.frozen :].parameters(), *self.embed.parameters()]
        for one in learning:
            one.requires_grad_(True)
        return learning

    @torch.no_grad()
    def blend(self, base: Mapping[str, Tensor], share: float) -> None:
        """Go ``share`` of the way from the base's weights to these."""
        for name, weights in self.state_dict().items():
            if weights.is_floating_point():
                weights.copy_(base[name].to(weights.device).lerp(weights, share))

    def fed(self, pixels: Tensor) -> Tensor:
        """Of 0 to 255, shape (images, 3, height, width), as the first part wants them."""
        mean, std = (pixels.new_tensor(x, dtype=torch.float32) for x in (self.mean, self.std))
        return (pixels.float() / 255 - mean[:, None, None]) / std[:, None, None]

    def rows(self, fed: Tensor) -> Tensor:
        """As they are, shape (images, dim)."""
        maps = fed
        with nullcontext() if self.precise else mixed(fed.device):
            for part in self.parts:
                maps = part(maps)
        rows: Tensor = self.embed(maps.float().mean((2, 3)))
        return rows

    def forward(self, fed: Tensor) -> Tensor:
        """Unit rows, projected if that was fitted."""
        rows = functional.normalize(self.rows(fed), dim=1)
        return rows if self.project is None else functional.normalize(self.project(rows), dim=1)
