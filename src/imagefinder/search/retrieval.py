"""Retrieval pipeline: query → nearest neighbors → ranking → hits, perhaps re-ranked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np

from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.catalogue.empty_selection import why_empty
from imagefinder.errors import PluginError
from imagefinder.images.inputs import stored_name
from imagefinder.images.locations import living_first
from imagefinder.registry.factory import make_matcher
from imagefinder.search.hits import Hits, filter_hits
from imagefinder.search.options import SearchOptions
from imagefinder.search.query import Query, QueryBuilder, QueryImage
from imagefinder.search.ranking import Ranking, fuse, maxsim
from imagefinder.search.regions import with_regions
from imagefinder.search.reranking import Candidate, rerank
from imagefinder.similarity import distances
from imagefinder.types import Features, Hit, Keys, LocalFeatures, Measure, Record
from imagefinder.verification.verifier import Probe, Verifier
from imagefinder.verification.verify import Fingerprint

Of = TypeVar("Of")

_DEPTH = 100  # embeddings
_ATTEMPTS = 10  # to find images that are not removed at once
_ROUNDING = 1e-6


class Retriever:
    """Answers searches of one catalogue. Thread-safe."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Nothing is read yet."""
        self._catalogue = catalogue
        self._verifier = Verifier(catalogue)

    def search(
        self, images: QueryImage | Iterable[QueryImage] | None, options: SearchOptions
    ) -> Hits:
        """The k most similar images, best first; see ``Finder.search``."""
        subset = self._subset(options)
        reranks = options.rerank is not None
        verifies = options.verify > 0
        builder = QueryBuilder(
            self._catalogue, options.crop, reranks or verifies, reranks, signature=verifies
        )
        if options.rerank is not None and self._catalogue.extractor is None:
            raise PluginError(
                "the catalogue was made without local features: make one with --local sift"
            )
        query = builder.query(images, options.minus, options.text, options.vectors)
        hits = self._verified(query, self._unverified(query, options, subset), options, subset)
        folders = _folders(options)
        hits = Hits(
            replace(hit, record=living_first(hit.record, folders))
            for hit in filter_hits(hits, options.threshold, options.matches_only)
        )
        hits = with_regions(hits, query.features, self._catalogue)
        if subset is not None and not len(subset):
            hits.detail = why_empty(self._catalogue.store, folders, options.where)
        return hits

    def search_encoded(self, features: Features, options: SearchOptions) -> Hits:
        """The k images most similar to embeddings that are made already; without verdicts."""
        query = Query(features, is_single=False)
        return self._unverified(query, options, self._subset(options))

    def _subset(self, options: SearchOptions) -> Keys | None:
        """The images that pass the filters; None without filters."""
        if not options.folders and not options.where:
            return None
        return self._catalogue.store.select(_folders(options), options.where)

    def _unverified(self, query: Query, options: SearchOptions, subset: Keys | None) -> Hits:
        if options.rerank is not None and query.local is not None:
            return self._reranked(query, query.local, options, subset)
        if len(options.measures) > 1:
            fused = partial(self._fused, query, measures=options.measures, subset=subset)
            return self._hits(fused, options.k, None)
        measure = self._measure(options)
        ranked = partial(self._ranked, query, measure=measure, subset=subset)
        return self._hits(ranked, options.k, measure)

    def _measure(self, options: SearchOptions) -> Measure | None:
        """By which hits are scored; None if their scores are of another kind."""
        if options.rerank is not None or len(options.measures) > 1:
            return None
        return options.measures[0] if options.measures else self._catalogue.encoder.measure

    def _verified(
        self, query: Query, hits: Hits, options: SearchOptions, subset: Keys | None
    ) -> Hits:
        """With verdicts, if the query is one image."""
        if not query.is_single:
            return hits
        signature = query.signature if hits and options.verify else None
        fingerprint = Fingerprint(query.own_key, signature, query.local)
        verified = self._verifier.verify_hits(
            Probe(query.features, fingerprint),
            hits,
            depth=options.verify,
            measure=self._measure(options),
            images=None if subset is None else len(subset),
            rate=options.rate,
        )
        return Hits(verified)

    def _fused(
        self, query: Query, k: int, measures: Sequence[Measure], subset: Keys | None
    ) -> Ranking:
        return fuse([self._ranked(query, max(k, _DEPTH), one, subset) for one in measures])[:k]

    def _ranked(
        self, query: Query, k: int, measure: Measure | None, subset: Keys | None
    ) -> Ranking:
        # a local encoder has many vectors an image: deep enough for the ranking not to depend on k,
        # and deeper until there are k images
        depth = max(k, _DEPTH)
        while True:
            neighbors = self._catalogue.store.search(query.features, depth, measure, subset)
            ranking = _own_first(maxsim(neighbors), query.own_key)[:k]
            exhausted = neighbors.keys.shape[1] < depth or bool((neighbors.keys < 0).any())
            if len(ranking) == k or exhausted:
                return ranking
            depth *= 4

    def _present(
        self, rank: Callable[[int], list[tuple[int, Of]]], k: int
    ) -> list[tuple[Record, Of]]:
        """The records of the k best, with what came with their keys.

        An image may be removed after it was found, and then others take its place.
        """
        count, present = k, []
        for _ in range(_ATTEMPTS):
            ranking = rank(count)
            records = self._catalogue.store.get([key for key, _ in ranking])
            present = [(records[key], of) for key, of in ranking if key in records][:k]
            if len(present) == k or len(records) == len(ranking):
                break
            count *= 2
        return present

    def _hits(self, rank: Callable[[int], Ranking], k: int, measure: Measure | None) -> Hits:
        present = self._present(rank, k)
        scores = np.array([score for _, score in present], np.float32)
        # a fused score is a fraction of the best
        dim = self._catalogue.encoder.dim
        apart = distances(measure, scores, dim) if measure else 1 - scores
        return Hits(
            Hit(rank, score, distance, record)
            for rank, ((record, score), distance) in enumerate(
                zip(present, apart.tolist(), strict=True), start=1
            )
        )

    def _reranked(
        self, query: Query, local: LocalFeatures, options: SearchOptions, subset: Keys | None
    ) -> Hits:
        store, matcher = self._catalogue.store, options.rerank
        if isinstance(matcher, str):
            matcher = make_matcher(matcher)
        assert matcher is not None  # noqa: S101  or this is not called

        def best(count: int) -> list[tuple[int, Candidate]]:
            candidates = self._candidates(query, local, replace(options, k=count), subset)
            return [(one.key, one) for one in rerank(local, candidates, store, matcher, count)]

        present = self._present(best, options.k)
        return Hits(_hit(rank, one, record) for rank, (record, one) in enumerate(present, start=1))

    def _candidates(
        self, query: Query, local: LocalFeatures, options: SearchOptions, subset: Keys | None
    ) -> list[int]:
        """The k nearest by the encoder, then the shortlist, or all images."""
        store = self._catalogue.store
        near = [key for key, _ in self._ranked(query, options.k, None, subset)]
        if options.shortlist is None or options.shortlist >= len(store):
            others = (store.select() if subset is None else subset).tolist()
        else:
            others = store.shortlist(local, options.shortlist, subset)
        return list(dict.fromkeys([*near, *others]))


def _folders(options: SearchOptions) -> list[str]:
    """The folders."""
    return [stored_name(folder) for folder in options.folders]


def _own_first(ranking: Ranking, own_key: int | None) -> Ranking:
    """The query image itself before others of the same score, up to rounding."""
    if not ranking:
        return ranking
    best = ranking[0][1]
    return sorted(ranking, key=lambda pair: pair[0] != own_key or pair[1] < best - _ROUNDING)


def _hit(rank: int, candidate: Candidate, record: Record) -> Hit:
    return Hit(
        rank,
        candidate.score,
        1 - candidate.score,
        record,
        len(candidate.correspondences),
        candidate.correspondences.verified,
        candidate.region(record),
    )
