"""What rows are taught to be; a small file each."""

from __future__ import annotations

from collections.abc import Sequence

from imagefinder.training.losses.autoencoder import Autoencoder
from imagefinder.training.losses.base import Objective
from imagefinder.training.losses.contrastive import Contrastive
from imagefinder.training.losses.multi_similarity import Labels
from imagefinder.training.settings import ObjectiveName

__all__ = ["Autoencoder", "Contrastive", "Labels", "Objective", "make_objective"]


def make_objective(name: ObjectiveName, dim: int, classes: Sequence[str]) -> Objective:
    """For rows of ``dim`` numbers; ``classes`` has one for each image."""
    if name == "labels":
        return Labels(classes)
    return Contrastive() if name == "contrastive" else Autoencoder(dim)
