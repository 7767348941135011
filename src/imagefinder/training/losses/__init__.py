"""Loss functions: the training objectives, one file each."""

from __future__ import annotations

from collections.abc import Sequence

from imagefinder.training.losses.autoencoder import Autoencoder
from imagefinder.training.losses.base import Objective
from imagefinder.training.losses.contrastive import Contrastive
from imagefinder.training.losses.multi_similarity import MultiSimilarity
from imagefinder.training.settings import ObjectiveName

__all__ = ["Autoencoder", "Contrastive", "MultiSimilarity", "Objective", "make_objective"]


def make_objective(name: ObjectiveName, dim: int, labels: Sequence[str]) -> Objective:
    """For embeddings of ``dim`` numbers; ``labels`` has one for each image."""
    if name == "labels":
        return MultiSimilarity(labels)
    return Contrastive() if name == "contrastive" else Autoencoder(dim)
