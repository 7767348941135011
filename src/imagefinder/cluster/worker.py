"""Worker: the stages of the ingest pipeline that one core of a cluster runs."""

from __future__ import annotations

from collections.abc import Sequence

from imagefinder._utils.concurrency import batched, use_cores
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.catalogue.stages import BATCH, Item, decoded, encoded
from imagefinder.errors import EncoderChanged
from imagefinder.images.limits import Limits
from imagefinder.types import Recipe


class Worker:
    """Reads, decodes and encodes shards; only reads from the catalogue. For one thread."""

    def __init__(self, location: str, recipe: Recipe, limits: Limits) -> None:
        """Raises EncoderChanged if the catalogue has another encoder than this recipe by now."""
        use_cores(1)
        self._catalogue = Catalogue.open(location, limits=limits)
        if self._catalogue.recipe != recipe:
            raise EncoderChanged(f"{location} has been upgraded to another encoder")

    def begin(self) -> None:
        """Answers once the worker can work."""

    def process(self, shard: Sequence[Item]) -> list[Item]:
        """The items with embeddings, or with the reason why there are none."""
        catalogue = self._catalogue
        return [
            item
            for batch in batched(shard, BATCH)
            for item in encoded([decoded(item, catalogue) for item in batch], catalogue.encoder)
        ]
