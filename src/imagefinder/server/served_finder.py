"""A finder as a server uses it: images of concurrent requests are encoded in shared batches."""

from __future__ import annotations

from collections.abc import Callable

from imagefinder.encoders.inference import encodes_text
from imagefinder.finder import Finder
from imagefinder.images.limits import Limits
from imagefinder.server.dynamic_batching import BatchingEncoder
from imagefinder.types import Encoder


class ServedFinder(Finder):
    """Goes on with another encoder when its catalogue is upgraded, also in shared batches."""

    text_search: bool
    """Whether it can be searched by text."""

    def __init__(self, finder: Finder, on_batch: Callable[[int], None], limits: Limits) -> None:
        """Of the same catalogue; see BatchingEncoder."""
        self._on_batch = on_batch
        self._made: list[BatchingEncoder] = []
        batching = self._prepared(finder.encoder)
        super().__init__(finder.store, batching, finder.extractor, limits)

    def close(self) -> None:
        """Close the catalogue, and finish what is being encoded."""
        super().close()
        for encoder in self._made:
            encoder.close()

    def _prepared(self, encoder: Encoder) -> Encoder:
        self.text_search = encodes_text(encoder)
        self._made.append(BatchingEncoder(encoder, self._on_batch))
        return self._made[-1]
