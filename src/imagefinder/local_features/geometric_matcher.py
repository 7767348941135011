"""Geometric verification by RANSAC: inliers of a homography or a fundamental matrix."""

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
    """Mutual nearest neighbors that are inliers of one geometry; verified if they are enough.

    A homography fits copies and flat objects; a fundamental matrix fits two views of one scene, but
    takes several times as long. The estimator is OpenCV's MAGSAC++: Barath et al., "MAGSAC++, a
    fast, reliable and accurate robust estimator", CVPR 2020.
    """

    geometry: Geometry = "homography"
    ratio: float = 0.9
    """See ``similarity.ratio_test``."""

    def __post_init__(self) -> None:
        if self.geometry not in get_args(Geometry):
            raise ValueError(f"geometry must be one of {', '.join(get_args(Geometry))}")

    def match(self, query: LocalFeatures, other: LocalFeatures) -> Correspondences:
        """See Matcher."""
        scores = query.descriptors @ other.descriptors.T
        pairs = ratio_test(scores, mutual_neighbors(scores), self.ratio)
        before, after = query.points[pairs[:, 0]], other.points[pairs[:, 1]]
        best = Correspondences(pairs[:0], verified=False)
        for kind in _KINDS if self.geometry == "either" else [self.geometry]:
            inliers = pairs[_inliers(kind, before, after)]
            found = Correspondences(inliers, verified=len(inliers) >= _MIN_INLIERS[kind])
            if found.verified:
                return found
            best = max(best, found, key=len)
        return best


_KINDS = ("homography", "fundamental")
# pairs of unrelated photographs reach 7 and 12 by chance
_MIN_INLIERS = {"homography": 10, "fundamental": 16}
_MIN_PAIRS = {"homography": 5, "fundamental": 8}  # needed by OpenCV
_SIDE = 640  # pixels: the size to which points are scaled
_THRESHOLD = {"homography": 4.0, "fundamental": 2.0}  # reprojection error in pixels


def _inliers(kind: str, before: Points, after: Points) -> NDArray[np.bool_]:
    """Which pairs of points one geometry fits, as a mask."""
    none = np.zeros(len(before), bool)
    if len(before) < _MIN_PAIRS[kind]:
        return none
    try:
        mask = _estimate(kind, before * _SIDE, after * _SIDE)
    except cv2.error:  # for collinear or coincident points
        return none
    return none if mask is None else mask.ravel().astype(bool)


def _estimate(kind: str, before: Points, after: Points) -> Any:
    if kind == "homography":
        return cv2.findHomography(
            before, after, cv2.USAC_MAGSAC, _THRESHOLD[kind], maxIters=2000, confidence=0.999
        )[1]
    return cv2.findFundamentalMat(before, after, cv2.USAC_MAGSAC, _THRESHOLD[kind], 0.999, 2000)[1]
