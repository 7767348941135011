"""The fit of a joint projection: PCA in which an image and its copies are pulled together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagefinder.encoders.joint_projection import JointProjection, join
from imagefinder.similarity import unit

Rows = NDArray[np.float32]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class FitConfig:
    """How a projection is fitted."""

    weights: list[float]
    """How much each member counts."""
    dim: int
    whitening: float
    """0 keeps the variances of the principal components, 1 makes them equal."""
    robustness: float
    """0 is plain PCA; with 1, what changes between an image and its copies is fully whitened."""
    shrinkage: float
    """The share of the mean variance that is added to all variances between copies."""
    classes: float
    """How much the network's own classes, and not the views, say which axes matter."""


def fit(
    config: FitConfig,
    sources: Sequence[str],
    views: Sequence[Rows],
    copies: Sequence[Rows],
    classifier: Rows,
) -> JointProjection:
    """From the members' rows of views, and of a modified copy of each.

    ``classifier``, (classes, dim), holds the last weights of the last member: the directions in
    which the classes that it was trained on differ, of which there are more than in any views.
    """
    means = [unit(rows).mean(axis=0) for rows in views]
    joined = join(views, means, config.weights).astype(np.float64)
    changes = joined - join(copies, means, config.weights)
    mean = joined.mean(axis=0)
    calmed = _power(_shrunk(changes.T @ changes / len(changes), config), -config.robustness / 2)
    spread = _with_classes(np.cov(joined, rowvar=False), classifier, config.classes)
    variances, axes = np.linalg.eigh(calmed @ spread @ calmed)
    largest = np.argsort(variances)[::-1][: config.dim]
    kept = calmed @ axes[:, largest] * variances[largest] ** (-config.whitening / 2)
    kept /= np.abs(kept).max()
    return JointProjection(
        sources=tuple(sources),
        weights=tuple(config.weights),
        means=tuple(means),
        offset=(mean @ kept).astype(np.float32),
        axes=kept.astype(np.float32),
    )


def _shrunk(covariance: Matrix, config: FitConfig) -> Matrix:
    average = np.trace(covariance) / len(covariance)
    return np.asarray(covariance + config.shrinkage * average * np.eye(len(covariance)))


def _with_classes(covariance: Matrix, classifier: Rows, share: float) -> Matrix:
    """With that share of the last member's variance laid out as that of its classes."""
    between = np.cov(classifier.astype(np.float64), rowvar=False)
    own = np.s_[-len(between) :, -len(between) :]
    mixed = covariance.copy()
    total = np.trace(covariance[own])
    mixed[own] = (1 - share) * covariance[own] + share * total / np.trace(between) * between
    return mixed


def _power(symmetric: Matrix, exponent: float) -> Matrix:
    values, vectors = np.linalg.eigh(symmetric)
    return np.asarray((vectors * values**exponent) @ vectors.T)
