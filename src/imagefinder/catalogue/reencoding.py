"""Re-encoding: new vectors of stored images, from their files, in bounded memory.

Key → record → read, verify, decode (threads) → encode (batches) → write
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from imagefinder._utils.concurrency import batched, cores, prefetch_map
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.encoders.inference import encode_each
from imagefinder.errors import ImageError, UnencodableImage
from imagefinder.images.decode import decode_each
from imagefinder.images.files import read
from imagefinder.images.signature import SIGNATURE_RESIZE
from imagefinder.types import Encoder, Features, Image, Keys, Progress, Record, Upgrade

_BATCH = 32
_PAGE = 256  # records read at a time


@dataclass(frozen=True)
class LostImage:
    """A stored image that cannot be encoded again, and the reason."""

    record: Record
    reason: str


@dataclass(frozen=True)
class _Decoded:
    record: Record
    pixels: Image | None
    reason: str = ""


class Reencoder:
    """Encodes the stored images that have no new vectors yet; for one thread."""

    def __init__(self, catalogue: Catalogue, encoder: Encoder, upgrade: Upgrade) -> None:
        """From the files of a catalogue's images, for an upgrade of its store."""
        self._catalogue, self._encoder, self._upgrade = catalogue, encoder, upgrade
        self._lost: dict[int, LostImage] = {}
        self.encoded = 0
        """How many images have new vectors by it."""

    def run(self, progress: Progress = iter) -> None:
        """Encode all images of now, but for those that are known to be lost.

        Each batch is stored by itself. Images that are added meanwhile may or may not be among
        them.
        """
        workers = cores()
        with ThreadPoolExecutor(workers, "decode") as decoders:
            records = progress(self._waiting())
            ahead = _BATCH + 2 * workers
            decoded = prefetch_map(decoders, self._decoded, records, ahead)
            for batch in batched(decoded, _BATCH):
                features = self._features(batch)
                self._upgrade.write(features)
                self.encoded += len(features)

    def count_waiting(self) -> int:
        """How many images have no new vectors and are not known to be lost."""
        return sum(key not in self._lost for key in self._upgrade.missing().tolist())

    def lost(self) -> list[LostImage]:
        """The images that are stored now and have no new vectors, once all others have some."""
        return [self._lost[key] for key in self._upgrade.missing().tolist()]

    def _waiting(self) -> Iterator[Record]:
        for keys in self._pages():
            for key, record in self._catalogue.store.get(keys.tolist()).items():
                known = self._lost.get(key)
                if known is None or known.record.files != record.files:
                    yield record

    def _pages(self) -> Iterator[Keys]:
        last = -1
        while len(keys := self._upgrade.missing(last, _PAGE)):
            yield keys
            last = int(keys[-1])

    def _decoded(self, record: Record) -> _Decoded:
        """In a thread: the pixels, from the first of its files that still has its content."""
        reason = "it was added from memory, not from a file"
        for file in record.files:
            try:
                return _Decoded(record, self._pixels(file.path, record))
            except ImageError as error:
                reason = str(error)
        return _Decoded(record, None, reason)

    def _pixels(self, path: str, record: Record) -> Image:
        limits = self._catalogue.limits.for_stored
        data = read(path, limits)
        if hashlib.sha256(data).digest() != record.sha256:
            raise ImageError("its file has changed: run imagefinder sync on its folder first")
        # the same sizes as when an image is added, so that it is decoded in the same way
        return decode_each(data, self._encoder.resize, [SIGNATURE_RESIZE], limits)[0].pixels

    def _features(self, batch: Sequence[_Decoded]) -> dict[int, Features]:
        """By key; what fails is lost."""
        lost = [LostImage(one.record, one.reason) for one in batch if one.pixels is None]
        images = {one.record.key: one.pixels for one in batch if one.pixels is not None}
        records = {one.record.key: one.record for one in batch}
        found: dict[int, Features] = {}
        results = encode_each(self._encoder, list(images.values())) if images else []
        for key, result in zip(images, results, strict=True):
            if isinstance(result, UnencodableImage):
                lost.append(LostImage(records[key], str(result)))
            else:
                found[key] = result
        self._lost |= {one.record.key: one for one in lost}
        return found
