"""Mutual nearest neighbors of the descriptors of two images."""

from __future__ import annotations

from dataclasses import dataclass

from imagefinder.similarity import mutual_neighbors
from imagefinder.types import Correspondences, LocalFeatures


@dataclass(frozen=True)
class MutualMatcher:
    """All pairs of descriptors that are each other's nearest neighbor, without verification."""

    def match(self, query: LocalFeatures, other: LocalFeatures) -> Correspondences:
        """See Matcher."""
        return Correspondences(mutual_neighbors(query.descriptors @ other.descriptors.T))
