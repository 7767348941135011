"""Logistic regression by Newton's method, for a few columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imagefinder.verification.pareto import Values

_ITERATIONS = 50
_RIDGE = 1e-9


def fit_logistic(
    columns: Values,
    genuine: Values,
    ridge: Sequence[float] | None = None,
) -> Values:
    """The weights, ``(d,)``, of the columns, ``(n, d)``, by which the genuine rows are told.

    ``genuine``, ``(n,)``, is true or false; both kinds weigh as if they were equally frequent. The
    targets are short of 0 and 1, so that the curve is no step: Platt, "Probabilistic outputs for
    support vector machines", 1999. ``ridge`` penalizes each weight.
    """
    is_genuine = np.asarray(genuine, bool)
    sizes = np.array([(~is_genuine).sum(), is_genuine.sum()])
    weights = (0.5 / sizes)[is_genuine.astype(int)]
    targets = np.where(is_genuine, (sizes[1] + 1) / (sizes[1] + 2), 1 / (sizes[0] + 2))
    penalty = np.full(columns.shape[1], _RIDGE) if ridge is None else np.asarray(ridge) + _RIDGE
    found = np.zeros(columns.shape[1])
    for _ in range(_ITERATIONS):
        given = logistic(columns @ found)
        gradient = columns.T @ (weights * (targets - given)) - penalty * found
        curvature = columns.T @ (columns * (weights * given * (1 - given))[:, None])
        found = found + np.linalg.solve(curvature + np.diag(penalty), gradient).clip(-1, 1)
    return np.asarray(found)


def logistic(values: Values) -> Values:
    """``1 / (1 + exp(-values))``."""
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -30, 30))))
