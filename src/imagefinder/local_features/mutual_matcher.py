"""Mutual nearest neighbours: what in two images is most like each other."""

from __future__ import annotations

from dataclasses import dataclass

from imagefinder.similarity import mutual_neighbors
from imagefinder.types import Correspondences, LocalFeatures


@dataclass(frozen=True)
class MutualMatcher:
    """Counts the pairs of which each is the other's best match."""

    def match(self, query: LocalFeatures, other: LocalFeatures) -> Correspondences:
        """See Matcher."""
        return Correspondences(mutual_neighbors(query.descriptors @ other.descriptors.T))
