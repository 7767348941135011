"""What held-out images say of an encoder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from imagefinder.evaluation.embedding_metrics import leave_one_out, own_original_first
from imagefinder.images.transforms import COPIES, Copy
from imagefinder.training.dataloader import Change, Showings, as_they_are, by_odds
from imagefinder.training.dataset import Numbers
from imagefinder.training.loop import loss_of
from imagefinder.training.losses import Autoencoder, Objective
from imagefinder.training.losses.autoencoder import SIDE
from imagefinder.training.models.encoder import Network
from imagefinder.training.pixel_cache import PixelCache
from imagefinder.training.report import Rebuilt

_BATCH = 64
_COPIED = 200  # images of which copies are made

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Judges:
    """Images that are not learnt from, by their numbers, and the classes of all images."""

    images: PixelCache
    numbers: Numbers
    classes: Sequence[str]

    def figures(self, network: Network) -> Mapping[str, float]:
        """``mAP`` and ``R@1`` where there are classes, each leaving one out; and ``copies``.

        That is the share of copies, changed in twelve ways, that find their own original first.
        """
        found = {}
        kept = self._rows(network, self.numbers)
        if self.have_classes:
            by_class = leave_one_out(kept, self._names)
            found = {"mAP": by_class.mean_average_precision, "R@1": by_class.recall_at_1}
        some = self.numbers[:: -(-len(self.numbers) // _COPIED)]
        own = np.searchsorted(self.numbers, some).tolist()
        shares = [
            own_original_first(self._rows(network, some, _ignoring_chance(copy)), kept, own)
            for copy in COPIES.values()
        ]
        return {**found, "copies": float(np.mean(shares))}

    def judge(self, network: Network, objective: Objective, batch: int) -> float:
        """The figure that decides when training ends: mAP, or the loss of views that never vary."""
        if objective.by_classes:
            rows = self._rows(network, self.numbers)
            return leave_one_out(rows, self._names).mean_average_precision
        showings = Showings(self.images, network.size, by_odds(objective.odds))
        drawn = objective.drawn(self.numbers, batch, np.random.default_rng(0))
        with torch.no_grad():
            losses = [
                float(loss_of(network, objective, *shown)) for shown in showings.batches(drawn)
            ]
        return float(np.mean(losses))

    @torch.no_grad()
    def rebuilt(self, network: Network, objective: Objective, count: int) -> Rebuilt:
        """Some of the images, and what an autoencoder makes of them; nothing of others."""
        if not isinstance(objective, Autoencoder):
            return []
        some = self.numbers[:: -(-len(self.numbers) // count)]
        where = next(network.parameters()).device
        (shown,) = Showings(self.images, network.size).batches([some])
        pixels = shown[0].to(where)
        pairs = (pixels.float() / 255, objective.rebuilt(network.rows(network.fed(pixels))))
        originals, again = (_as_images(one) for one in pairs)
        return list(zip(originals, again, strict=True))

    @property
    def have_classes(self) -> bool:
        """Whether two of them belong together, and others do not."""
        names = set(self._names)
        return 1 < len(names) < len(self.numbers) and "" not in names

    @property
    def _names(self) -> list[str]:
        return [self.classes[number] for number in self.numbers.tolist()]

    def _rows(self, network: Network, numbers: Numbers, change: Change = as_they_are) -> Rows:
        return rows_of(network, self.images, numbers, change)


@torch.no_grad()
def rows_of(
    network: Network, images: PixelCache, numbers: Numbers, change: Change = as_they_are
) -> Rows:
    """Unit rows of images, (numbers, dim)."""
    where = next(network.parameters()).device
    showings = Showings(images, network.size, change)
    rows = [
        network(network.fed(pixels.to(where))).cpu().numpy()
        for pixels, _ in showings.batches(_batches(numbers))
    ]
    return np.concatenate(rows)


def _as_images(values: Tensor) -> NDArray[np.uint8]:
    """Of 0 to 1, shape (images, 3, any, any), to (images, SIDE, SIDE, 3)."""
    small = functional.interpolate(values, (SIDE, SIDE), mode="area")
    return (small * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def _batches(numbers: Numbers) -> Iterator[Numbers]:
    for start in range(0, len(numbers), _BATCH):
        yield numbers[start : start + _BATCH]


def _ignoring_chance(copy: Copy) -> Change:
    def change(image: Image.Image, _: Generator) -> Image.Image:
        return copy(image)

    return change
