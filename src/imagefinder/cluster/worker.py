"""Workers: what one core of a cluster does with the shards that it gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from imagefinder._utils.concurrency import batched, use_cores
from imagefinder.catalogue.stages import BATCH, Ingestion, decoded, encoded
from imagefinder.encoders.inference import encode_each
from imagefinder.errors import EncoderChanged, ImageError
from imagefinder.finder import Finder
from imagefinder.images.decode import decode
from imagefinder.images.files import read
from imagefinder.images.inputs import Input
from imagefinder.images.limits import Limits
from imagefinder.images.remote_files import RemoteFile
from imagefinder.search.options import SearchOptions
from imagefinder.search.retrieval import Retriever
from imagefinder.types import Features, Hit, Image, Recipe


class Worker:
    """Opens the catalogue, and only reads from it. For one thread."""

    def __init__(self, location: str, recipe: Recipe, limits: Limits) -> None:
        """Raises EncoderChanged if the catalogue has another encoder than this recipe by now."""
        use_cores(1)
        self._finder = Finder.open(location, limits=limits)
        if self._finder.recipe != recipe:
            raise EncoderChanged(f"{location} has been upgraded to another encoder")

    def begin(self) -> None:
        """Answers once the worker can work."""


class EncodingWorker(Worker):
    """Reads, decodes and encodes images."""

    def process(self, shard: Sequence[Ingestion]) -> list[Ingestion]:
        """The items with embeddings, or with the reason why there are none."""
        catalogue = self._finder
        return [
            item
            for batch in batched(shard, BATCH)
            for item in encoded(decoded(batch, catalogue), catalogue.encoder)
        ]


@dataclass(frozen=True)
class BatchQuery:
    """One of many queries, and what was found."""

    given: Input
    hits: Sequence[Hit] = ()
    failure: str | None = None


class SearchingWorker(Worker):
    """Searches with images, by their embeddings alone."""

    def __init__(
        self, location: str, recipe: Recipe, limits: Limits, options: SearchOptions
    ) -> None:
        super().__init__(location, recipe, limits)
        self._retriever, self._options = Retriever(self._finder), options

    def process(self, shard: Sequence[BatchQuery]) -> list[BatchQuery]:
        """The queries with their hits, or with the reason why there are none."""
        return [query for batch in batched(shard, BATCH) for query in self._answered(batch)]

    def _answered(self, batch: Sequence[BatchQuery]) -> list[BatchQuery]:
        pixels = [self._pixels(query) for query in batch]
        readable = [one for one in pixels if not isinstance(one, str)]
        features = iter(encode_each(self._finder.encoder, readable) if readable else [])
        return [
            replace(query, failure=one)
            if isinstance(one, str)
            else self._search(query, next(features))
            for query, one in zip(batch, pixels, strict=True)
        ]

    def _pixels(self, query: BatchQuery) -> Image | str:
        """The image as the encoder expects it, or why it cannot be read."""
        if query.failure is not None:
            return query.failure
        catalogue = self._finder
        try:
            content: Any = query.given.content
            reading = content.read if isinstance(content, RemoteFile) else partial(read, content)
            return decode(
                reading(catalogue.limits), catalogue.encoder.resize, catalogue.limits
            ).pixels
        except ImageError as error:
            return str(error)

    def _search(self, query: BatchQuery, features: Features | ImageError) -> BatchQuery:
        if isinstance(features, ImageError):
            return replace(query, failure=str(features))
        return replace(query, hits=tuple(self._retriever.search_encoded(features, self._options)))
