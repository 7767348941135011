"""Queries that come at the same time are encoded in one inference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

from imagefinder.encoders.inference import encode_each
from imagefinder.errors import UnencodableImage
from imagefinder.types import Encoder, Features, Image, Measure, Resize

_MOST = 32


class Together:
    """An encoder for many threads. While one inference runs the next one's images gather.

    Nobody waits for others to come, so a query alone is as quick as without.
    """

    def __init__(self, encoder: Encoder, told: Callable[[int], None] = lambda number: None) -> None:
        """``told`` hears how many each inference encodes."""
        self._encoder = encoder
        self._told = told
        self._guard = Lock()
        self._waiting: list[tuple[Image, Future[Features | UnencodableImage]]] = []
        self._worker = ThreadPoolExecutor(1, "encode")
        if hasattr(encoder, "encode_text"):
            self.encode_text = encoder.encode_text

    @property
    def dim(self) -> int:
        """See Encoder."""
        return self._encoder.dim

    @property
    def measure(self) -> Measure:
        """See Encoder."""
        return self._encoder.measure

    @property
    def resize(self) -> Resize:
        """See Encoder."""
        return self._encoder.resize

    @property
    def waiting(self) -> int:
        """How many images the next inference will find."""
        return len(self._waiting)

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """See Encoder. Raises UnencodableImage, for these images alone."""
        return [_unless_failed(future.result()) for future in [self._asked(one) for one in images]]

    def close(self) -> None:
        """Once what waits is encoded."""
        self._worker.shutdown()

    def _asked(self, image: Image) -> Future[Features | UnencodableImage]:
        future: Future[Features | UnencodableImage] = Future()
        with self._guard:
            self._waiting.append((image, future))
        self._worker.submit(self._encode_waiting)  # which finds nothing if it was taken along
        return future

    def _encode_waiting(self) -> None:
        with self._guard:
            taken, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
        if not taken:
            return
        self._told(len(taken))
        try:
            results = encode_each(self._encoder, [image for image, _ in taken])
        except BaseException as error:  # is told to those that wait
            for _, future in taken:
                future.set_exception(error)
            return
        for (_, future), result in zip(taken, results, strict=True):
            future.set_result(result)


def _unless_failed(result: Features | UnencodableImage) -> Features:
    if isinstance(result, UnencodableImage):
        raise result
    return result
