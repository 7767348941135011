"""SIFT: corners and blobs, found again in any turn and size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from imagefinder.types import Image, LocalFeatures, Measure, Resize


@dataclass(frozen=True)
class Sift:
    """RootSIFT descriptors of the keypoints of an image, the largest first.

    Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004; the square roots
    that make cosines of them better are from Arandjelović and Zisserman, "Three things everyone
    should know to improve object retrieval", CVPR 2012.
    """

    features: int = 500
    """At most so many of an image."""
    side: int = 640
    """Larger images are scaled down to this many pixels a side."""

    dim: ClassVar[int] = 128
    measure: ClassVar[Measure] = "cosine"

    def __post_init__(self) -> None:
        for name in ("features", "side"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number above 0, not {value!r}")

    @property
    def resize(self) -> Resize:
        """In its proportions."""
        return Resize(self.side, self.side, mode="within", filter="box")

    def extract(self, images: Sequence[Image]) -> list[LocalFeatures]:
        """See Extractor."""
        return [self._extracted(image) for image in images]

    def _extracted(self, image: Image) -> LocalFeatures:
        detector = cv2.SIFT.create()
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        found, descriptors = detector.detectAndCompute(grey, None)
        if not found:
            return LocalFeatures(np.empty((0, 2), np.float32), np.empty((0, 128), np.float32))
        order = np.argsort([-point.size for point in found], kind="stable")[: self.features]
        height, width = grey.shape
        points = np.array([point.pt for point in found], np.float32)[order] / (width, height)
        return LocalFeatures(points.astype(np.float32), _rooted(descriptors[order]))


def _rooted(descriptors: NDArray[np.float32]) -> NDArray[np.float32]:
    sums = np.maximum(descriptors.sum(axis=1, keepdims=True), np.float32(1e-12))
    roots: NDArray[np.float32] = np.sqrt(descriptors / sums)
    return roots
