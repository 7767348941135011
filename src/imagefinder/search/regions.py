"""Where in its image a hit is: the region whose stored vector is nearest to the query's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.encoders.regions import grid_of, region_of
from imagefinder.search.hits import Hits
from imagefinder.similarity import normalized_for, scores
from imagefinder.types import Box, Features, Hit, Recipe


def with_regions(hits: Hits, query: Features, catalogue: Catalogue) -> Hits:
    """The hits with their regions, in a catalogue that has them and for a query of one vector.

    A region that is known already, as from correspondences, stays.
    """
    recipe = catalogue.recipe
    if grid_of(recipe) is None or len(query) != 1:
        return hits
    wanted = [hit.record.key for hit in hits if hit.region is None]
    stored = catalogue.store.features_of(wanted)  # without those that have just been removed
    return Hits(
        replace(hit, region=_region(hit, query, stored[hit.record.key], recipe))
        if hit.region is None and hit.record.key in stored
        else hit
        for hit in hits
    )


def _region(hit: Hit, query: Features, rows: Features, recipe: Recipe) -> Box | None:
    if not len(rows):
        return None
    measure = recipe.measure
    found = scores(measure, normalized_for(measure, query), normalized_for(measure, rows))
    return region_of(recipe, int(np.argmax(found[0])), hit.record)
