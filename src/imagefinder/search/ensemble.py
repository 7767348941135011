"""Several finders of the same images, asked together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol, Unpack

from imagefinder.search.hits import Hits
from imagefinder.search.options import SearchKeywords, SearchOptions, with_keywords
from imagefinder.search.query import Asked, listed
from imagefinder.search.ranking import Fusion, fuse
from imagefinder.types import Hit

_DEPTH = 1000  # places of each finder's ranking that count


class Searcher(Protocol):
    """Whatever answers searches: a Finder, or an Ensemble."""

    def search(
        self,
        image: Asked | Iterable[Asked] | None = None,
        k: int | None = None,
        *,
        options: SearchOptions | None = None,
    ) -> Hits:
        """The most similar images, best first."""


class Ensemble:
    """Fuses what several finders find; an image's id is the same in all catalogues.

        with Finder.open("shapes.db") as shapes, Finder.open("colours.db") as colours:
            Ensemble([shapes, colours], how="scores", weights=[2, 1]).search("query.jpg")

    ``how`` is that of ``fusion.fuse``. Closing the finders is left to whoever opened them.
    """

    def __init__(
        self,
        finders: Sequence[Searcher],
        how: Fusion = "reciprocal",
        weights: Sequence[float] | None = None,
    ) -> None:
        """Raises ValueError for another way of fusing, or weights that do not go with them."""
        if not finders:
            raise ValueError("an ensemble needs at least one finder")
        fuse([[] for _ in finders], how, weights)  # says at once what is wrong
        self.finders = list(finders)
        self.how = how
        self.weights = weights

    def search(
        self,
        image: Asked | Iterable[Asked] | None = None,
        k: int | None = None,
        *,
        options: SearchOptions | None = None,
        **keywords: Unpack[SearchKeywords],
    ) -> Hits:
        """The k most similar images (3); options and keywords are those of ``Finder.search``.

        A hit's score is the weighted share of what being first everywhere would give, its distance
        the rest. An image stored in some of the catalogues only counts where it is.
        """
        chosen = with_keywords(options, k, keywords)
        deep = replace(chosen, k=max(chosen.k, _DEPTH))
        asked = listed(image)

        def found(finder: Searcher) -> Hits:
            return finder.search(asked, options=deep)

        with ThreadPoolExecutor(len(self.finders), "finder") as threads:
            every = list(threads.map(found, self.finders))
        rankings = [[(hit.record.key, hit.score) for hit in hits] for hits in every]
        records = {hit.record.key: hit.record for hits in reversed(every) for hit in hits}
        fused = fuse(rankings, self.how, self.weights)[: chosen.k]
        return Hits(
            Hit(rank, score, 1 - score, records[key])
            for rank, (key, score) in enumerate(fused, start=1)
        )
