"""A random sample of a catalogue's images and their vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.encoders.regions import whole_rows
from imagefinder.errors import CalibrationError
from imagefinder.similarity import normalized_for
from imagefinder.types import Features, Record

FEWEST = 50
"""Images below which nothing can be calibrated."""
_QUERIES = 2000


@dataclass(frozen=True)
class QuerySample:
    """Images that serve as queries."""

    records: list[Record]
    rows: Features
    """Normalized for the measure, ``(n, dim)``."""


def draw_sample(catalogue: Catalogue, rng: np.random.Generator) -> QuerySample:
    """Up to 2,000 images. Raises CalibrationError for too few, or several vectors per image."""
    keys = rng.permutation(catalogue.store.select())[:_QUERIES].tolist()
    if len(keys) < FEWEST:
        raise CalibrationError(
            f"{len(keys)} images are too few to calibrate with: add more, at least {FEWEST}"
        )
    stored, recipe = catalogue.store.features_of(keys), catalogue.recipe
    records = {key: one for key, one in catalogue.store.get(keys).items() if key in stored}
    rows = [whole_rows(recipe, stored[key]) for key in records]
    if any(len(row) != 1 for row in rows):
        raise CalibrationError(
            f"{recipe.encoder} gives several vectors per image; calibration needs a global encoder"
        )
    return QuerySample(list(records.values()), normalized_for(recipe.measure, np.concatenate(rows)))
