"""Validation metrics: mAP, recall at 1, loss and near-duplicate retrieval on held-out images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from imagefinder.evaluation.embedding_metrics import leave_one_out, own_original_first
from imagefinder.images.transforms import COPIES, Transform
from imagefinder.training.augmentation import Augmentation, augment, identity
from imagefinder.training.dataloader import ViewLoader
from imagefinder.training.dataset import Indices
from imagefinder.training.loop import loss_of
from imagefinder.training.losses import Autoencoder, Objective
from imagefinder.training.losses.autoencoder import SIDE
from imagefinder.training.models.encoder import Network
from imagefinder.training.pixel_cache import PixelCache
from imagefinder.training.report import Reconstructions

_BATCH = 64
_COPIED = 200  # images of which copies are made

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Validation:
    """The indices of the validation images, and the labels of all images."""

    images: PixelCache
    indices: Indices
    labels: Sequence[str]

    def metrics(self, network: Network) -> Mapping[str, float]:
        """Leave-one-out ``mAP`` and ``R@1`` where there are classes; and ``copies``.

        That is the share of near-duplicates, made by twelve transformations, whose nearest
        neighbor is their original.
        """
        found = {}
        originals = self._encode(network, self.indices)
        if self.have_classes:
            by_class = leave_one_out(originals, self._own_labels)
            found = {"mAP": by_class.mean_average_precision, "R@1": by_class.recall_at_1}
        some = self._sample(_COPIED)
        own = np.searchsorted(self.indices, some).tolist()
        shares = [
            own_original_first(self._encode(network, some, _fixed(transform)), originals, own)
            for transform in COPIES.values()
        ]
        return {**found, "copies": float(np.mean(shares))}

    def score(self, network: Network, objective: Objective, batch: int) -> float:
        """What early stopping observes: mAP, or the loss of views that are always the same."""
        if objective.supervised:
            rows = self._encode(network, self.indices)
            return leave_one_out(rows, self._own_labels).mean_average_precision
        loader = ViewLoader(self.images, network.size, partial(augment, objective.augmentations))
        sampled = objective.batches(self.indices, batch, np.random.default_rng(0))
        with torch.no_grad():
            losses = [float(loss_of(network, objective, *one)) for one in loader.batches(sampled)]
        return float(np.mean(losses))

    @torch.no_grad()
    def reconstructions(
        self, network: Network, objective: Objective, count: int
    ) -> Reconstructions:
        """About ``count`` images with what an autoencoder makes of them; else none."""
        if not isinstance(objective, Autoencoder):
            return []
        where = next(network.parameters()).device
        ((pixels, _),) = ViewLoader(self.images, network.size).batches([self._sample(count)])
        pixels = pixels.to(where)
        embeddings = network.embeddings(network.preprocess(pixels))
        pairs = (pixels.float() / 255, objective.reconstruct(embeddings))
        originals, reconstructed = (_as_images(one) for one in pairs)
        return list(zip(originals, reconstructed, strict=True))

    @property
    def have_classes(self) -> bool:
        """Whether all have a label, some the same and some another."""
        classes = set(self._own_labels)
        return 1 < len(classes) < len(self.indices) and "" not in classes

    @property
    def _own_labels(self) -> list[str]:
        return [self.labels[index] for index in self.indices.tolist()]

    def _sample(self, count: int) -> Indices:
        """At most ``count``, evenly spaced."""
        return self.indices[:: -(-len(self.indices) // count)]

    def _encode(
        self, network: Network, indices: Indices, augmentation: Augmentation = identity
    ) -> Rows:
        return encode(network, self.images, indices, augmentation)


@torch.no_grad()
def encode(
    network: Network,
    images: PixelCache,
    indices: Indices,
    augmentation: Augmentation = identity,
) -> Rows:
    """Unit embeddings of images, (indices, dim)."""
    where = next(network.parameters()).device
    loader = ViewLoader(images, network.size, augmentation)
    batches = (indices[start : start + _BATCH] for start in range(0, len(indices), _BATCH))
    rows = [
        network(network.preprocess(pixels.to(where))).cpu().numpy()
        for pixels, _ in loader.batches(batches)
    ]
    return np.concatenate(rows)


def _as_images(values: Tensor) -> NDArray[np.uint8]:
    """Of 0 to 1, shape (images, 3, any, any), to (images, SIDE, SIDE, 3)."""
    small = functional.interpolate(values, (SIDE, SIDE), mode="area")
    return (small * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def _fixed(transform: Transform) -> Augmentation:
    """The transformation as an augmentation without randomness."""

    def augmentation(image: Image.Image, _: Generator) -> Image.Image:
        return transform(image)

    return augmentation
