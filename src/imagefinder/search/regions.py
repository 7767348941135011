"""Where in its image a hit is: the region whose stored vector is nearest to the query's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.encoders.regions import grid_of, region_of
from imagefinder.search.hits import Hits
from imagefinder.similarity import normalized_for, scores
from imagefinder.types import Features, Measure


def with_regions(hits: Hits, query: Features, catalogue: Catalogue) -> Hits:
    """The hits with their regions, in a catalogue that has them and for a query of one vector.

    A region that is known already, as from correspondences, stays.
    """
    recipe = catalogue.recipe
    if grid_of(recipe) is None or len(query) != 1:
        return hits
    wanted = [hit.record.key for hit in hits if hit.region is None]
    stored = catalogue.store.features_of(wanted)  # without those that have just been removed
    nearest = _nearest_rows(query, stored, recipe.measure)
    return Hits(
        replace(hit, region=region_of(recipe, nearest[hit.record.key], hit.record))
        if hit.region is None and hit.record.key in nearest
        else hit
        for hit in hits
    )


def _nearest_rows(
    query: Features, stored: Mapping[int, Features], measure: Measure
) -> dict[int, int]:
    """The row of each image that is nearest to the query."""
    keys = [key for key, rows in stored.items() if len(rows)]
    if not keys:
        return {}
    rows = normalized_for(measure, np.concatenate([stored[key] for key in keys]))
    found = scores(measure, normalized_for(measure, query), rows)[0]
    ends = np.cumsum([len(stored[key]) for key in keys])[:-1]
    return {key: int(np.argmax(own)) for key, own in zip(keys, np.split(found, ends), strict=True)}
