"""Geometric verification: matches that one camera, or one plane, explains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from imagefinder.similarity import mutual_neighbors, ratio_test
from imagefinder.types import Correspondences, LocalFeatures, Points

Geometry = Literal["homography", "fundamental", "either"]


@dataclass(frozen=True)
class GeometricMatcher:
    """Keeps the mutual neighbours that agree on one geometry, and says whether they are enough.

    A homography explains copies and flat things, a fundamental matrix two views of one scene, in
    several times the time. Barath et al., "MAGSAC++, a fast, reliable and accurate robust
    estimator", CVPR 2020, as OpenCV has it.
    """

    geometry: Geometry = "homography"
    ratio: float = 0.9
    """See ``similarity.ratio_test``."""

    def __post_init__(self) -> None:
        if self.geometry not in get_args(Geometry):
            raise ValueError(f"geometry is one of {', '.join(get_args(Geometry))}")

    def match(self, query: LocalFeatures, other: LocalFeatures) -> Correspondences:
        """See Matcher."""
        scores = query.descriptors @ other.descriptors.T
        pairs = ratio_test(scores, mutual_neighbors(scores), self.ratio)
        before, after = query.points[pairs[:, 0]], other.points[pairs[:, 1]]
        best = Correspondences(pairs[:0], verified=False)
        for kind in _KINDS if self.geometry == "either" else [self.geometry]:
            inliers = pairs[_agreeing(kind, before, after)]
            found = Correspondences(inliers, verified=len(inliers) >= _ENOUGH[kind])
            if found.verified:
                return found
            best = max(best, found, key=len)
        return best


_KINDS = ("homography", "fundamental")
# unrelated photographs reach 7 and 12 by chance
_ENOUGH = {"homography": 10, "fundamental": 16}
_LEAST = {"homography": 5, "fundamental": 8}  # what OpenCV can begin with
_SIDE = 640  # points are compared in pixels of an image of this size
_WITHIN = {"homography": 4.0, "fundamental": 2.0}  # pixels


def _agreeing(kind: str, before: Points, after: Points) -> NDArray[np.bool_]:
    """Which pairs of points one geometry explains."""
    none = np.zeros(len(before), bool)
    if len(before) < _LEAST[kind]:
        return none
    try:
        mask = _estimated(kind, before * _SIDE, after * _SIDE)
    except cv2.error:  # for points that lie on one line, or on each other
        return none
    return none if mask is None else mask.ravel().astype(bool)


def _estimated(kind: str, before: Points, after: Points) -> Any:
    if kind == "homography":
        return cv2.findHomography(
            before, after, cv2.USAC_MAGSAC, _WITHIN[kind], maxIters=2000, confidence=0.999
        )[1]
    return cv2.findFundamentalMat(before, after, cv2.USAC_MAGSAC, _WITHIN[kind], 0.999, 2000)[1]
