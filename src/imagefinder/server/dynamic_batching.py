"""Dynamic batching: images of concurrent requests are encoded in one inference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TypeAlias

from imagefinder.encoders.inference import encode_each
from imagefinder.encoders.regions import whole_encoder
from imagefinder.encoders.wrapper import EncoderWrapper
from imagefinder.errors import UnencodableImage
from imagefinder.types import Encoder, Features, Image, TextEncoder

_MAX_BATCH = 32

_Result: TypeAlias = Future[Features | UnencodableImage]


class BatchingEncoder(EncoderWrapper):
    """An encoder for many threads: images queue while an inference runs, and form the next batch.

    No request waits for others to arrive, so a single one is as fast as without batching.
    """

    def __init__(self, encoder: Encoder, on_batch: Callable[[int], None] | None = None) -> None:
        """``on_batch`` is called with the size of each batch."""
        super().__init__(encoder)
        self._on_batch = on_batch
        self._lock = Lock()
        self._queue: list[tuple[Image, _Result]] = []
        self._worker = ThreadPoolExecutor(1, "encode")
        self.whole = self
        """For queries; see ``encoders.regions``."""
        if (whole := whole_encoder(encoder)) is not encoder:
            self.whole = BatchingEncoder(whole, on_batch)
        if isinstance(encoder, TextEncoder):
            self.encode_text = encoder.encode_text

    @property
    def queued(self) -> int:
        """The number of images that wait for the next batches."""
        return len(self._queue) + (self.whole.queued if self.whole is not self else 0)

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """See Encoder. Raises UnencodableImage, for one of these images only."""
        results: list[_Result] = [Future() for _ in images]
        with self._lock:
            self._queue += zip(images, results, strict=True)
        for _ in range(0, len(images), _MAX_BATCH):  # enough batches for all that is queued
            self._worker.submit(self._encode_batch)
        return [_features(result.result()) for result in results]

    def close(self) -> None:
        """Finish what is queued, and stop."""
        self._worker.shutdown()
        if self.whole is not self:
            self.whole.close()

    def _encode_batch(self) -> None:
        with self._lock:
            batch, self._queue = self._queue[:_MAX_BATCH], self._queue[_MAX_BATCH:]
        if not batch:  # an earlier batch took these images along
            return
        if self._on_batch is not None:
            self._on_batch(len(batch))
        try:
            results = encode_each(self.wrapped, [image for image, _ in batch])
        except BaseException as error:  # raised again in every waiting thread
            for _, future in batch:
                future.set_exception(error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            future.set_result(result)


def _features(result: Features | UnencodableImage) -> Features:
    if isinstance(result, UnencodableImage):
        raise result
    return result
