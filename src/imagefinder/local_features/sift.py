"""SIFT keypoints with RootSIFT descriptors, invariant to scale and rotation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from imagefinder.types import Image, LocalFeatures, Measure, Resize

_QUERY_FACTOR = 4


@dataclass(frozen=True)
class Sift:
    """RootSIFT descriptors of an image's keypoints, the largest keypoints first.

    Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004; Arandjelović and
    Zisserman, "Three things everyone should know to improve object retrieval", CVPR 2012.
    """

    features: int = 500
    """Maximum number per image."""
    side: int = 640
    """Larger images are scaled down to fit a square of this many pixels."""

    dim: ClassVar[int] = 128
    measure: ClassVar[Measure] = "cosine"

    def __post_init__(self) -> None:
        for name in ("features", "side"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number above 0, not {value!r}")

    @property
    def resize(self) -> Resize:
        """Scaled down, keeping the aspect ratio."""
        return Resize(self.side, self.side, mode="within", filter="box")

    @property
    def for_queries(self) -> Sift:
        """With more features: a query may show the image that is sought among other things."""
        return replace(self, features=_QUERY_FACTOR * self.features)

    def extract(self, images: Sequence[Image]) -> list[LocalFeatures]:
        """See Extractor."""
        return [self._extract_one(image) for image in images]

    def _extract_one(self, image: Image) -> LocalFeatures:
        detector = cv2.SIFT.create()
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        keypoints, descriptors = detector.detectAndCompute(gray, None)
        if not keypoints:
            return LocalFeatures(np.empty((0, 2), np.float32), np.empty((0, 128), np.float32))
        order = np.argsort([-point.size for point in keypoints], kind="stable")[: self.features]
        height, width = gray.shape
        points = np.array([point.pt for point in keypoints], np.float32)[order] / (width, height)
        return LocalFeatures(points.astype(np.float32), _root_sift(descriptors[order]))


def _root_sift(descriptors: NDArray[np.float32]) -> NDArray[np.float32]:
    sums = np.maximum(descriptors.sum(axis=1, keepdims=True), np.float32(1e-12))
    roots: NDArray[np.float32] = np.sqrt(descriptors / sums)
    return roots
