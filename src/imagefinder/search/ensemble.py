"""Ensembles: several catalogues of the same images, searched together by rank fusion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol, Unpack

from imagefinder.search.hits import Hits
from imagefinder.search.options import SearchKeywords, SearchOptions, with_keywords
from imagefinder.search.query import QueryImage, as_list
from imagefinder.search.ranking import Fusion, fuse
from imagefinder.types import Hit

_DEPTH = 1000  # ranks of each searcher that count


class Searcher(Protocol):
    """A Finder or an Ensemble."""

    def search(
        self,
        image: QueryImage | Iterable[QueryImage] | None = None,
        k: int | None = None,
        *,
        options: SearchOptions | None = None,
    ) -> Hits:
        """The most similar images, best first."""


class Ensemble:
    """Fuses the rankings of several searchers; an image has the same id in all catalogues.

        with Finder.open("shapes.db") as shapes, Finder.open("colors.db") as colors:
            Ensemble([shapes, colors], how="scores", weights=[2, 1]).search("query.jpg")

    ``how`` is that of ``ranking.fuse``. Closing the finders is left to whoever opened them.
    """

    def __init__(
        self,
        finders: Sequence[Searcher],
        how: Fusion = "reciprocal",
        weights: Sequence[float] | None = None,
    ) -> None:
        """Raises ValueError for another ``how``, or weights that do not fit."""
        if not finders:
            raise ValueError("an ensemble needs at least one finder")
        fuse([[] for _ in finders], how, weights)  # raises now rather than at the first search
        self.finders = list(finders)
        self.how = how
        self.weights = weights

    def search(
        self,
        image: QueryImage | Iterable[QueryImage] | None = None,
        k: int | None = None,
        *,
        options: SearchOptions | None = None,
        **keywords: Unpack[SearchKeywords],
    ) -> Hits:
        """The k most similar images (3); options and keywords are those of ``Finder.search``.

        The score of a hit is its weighted mean of points, 1 for an image that is first everywhere;
        the distance is 1 - score. An image that only some catalogues have counts in those.
        """
        chosen = with_keywords(options, k, keywords)
        deep = replace(chosen, k=max(chosen.k, _DEPTH))
        images = as_list(image)

        def search(finder: Searcher) -> Hits:
            return finder.search(images, options=deep)

        with ThreadPoolExecutor(len(self.finders), "finder") as threads:
            results = list(threads.map(search, self.finders))
        rankings = [[(hit.record.key, hit.score) for hit in hits] for hits in results]
        surest = _surest(results)
        records = {hit.record.key: hit.record for hits in reversed(results) for hit in hits}
        regions = {hit.record.key: hit.region for hits in results for hit in hits if hit.region}
        fused = fuse(rankings, self.how, self.weights)[: chosen.k]
        found = Hits(
            replace(
                surest[key],
                rank=rank,
                score=score,
                distance=1 - score,
                record=records[key],
                region=regions.get(key),
            )
            for rank, (key, score) in enumerate(fused, start=1)
        )
        if not found:
            found.detail = next((hits.detail for hits in results if hits.detail), None)
        return found


def _surest(results: Sequence[Hits]) -> dict[int, Hit]:
    """Each image's hit of the catalogue that is surest of a match."""
    known: dict[int, Hit] = {}
    for hits in results:
        for hit in hits:
            before = known.setdefault(hit.record.key, hit)
            if _sureness(hit) > _sureness(before):
                known[hit.record.key] = hit
    return known


def _sureness(hit: Hit) -> tuple[bool, float, bool]:
    is_verified = hit.evidence is not None and hit.evidence.correlation is not None
    return bool(hit.is_match), hit.probability or 0.0, is_verified
