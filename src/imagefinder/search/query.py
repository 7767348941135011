"""Queries: embeddings to search with, from images, a crop, a text and negative examples."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.encoders.inference import LARGEST, encode_one, encode_text_one, extract_one
from imagefinder.encoders.regions import whole_encoder, whole_rows
from imagefinder.errors import ImageError, NotFound, PluginError
from imagefinder.images.decode import Source, decode, decode_each
from imagefinder.images.inputs import content, image_list, naming_errors, read_source
from imagefinder.images.signature import SIGNATURE_RESIZE, signature_of
from imagefinder.similarity import dtype, normalized_for
from imagefinder.types import (
    Box,
    Extractor,
    Features,
    Hit,
    Image,
    LocalFeatures,
    Measure,
    QueryExtractor,
    Record,
    Signature,
    TextEncoder,
    id_of,
    is_id,
    key_of,
)

QueryImage: TypeAlias = "Source | Hit | Record"
"""A file, bytes, an image in memory, the id or record of a stored image, or a hit."""


@dataclass(frozen=True)
class Query:
    """The embeddings to search with."""

    features: Features
    local: LocalFeatures | None = None
    """For re-ranking and verification."""
    own_key: int | None = None
    """The key of the image itself, which may be stored."""
    is_single: bool = True
    """Whether it is one image alone, without negative examples or a text."""
    sign: Callable[[], Signature | None] = lambda: None
    """Makes or reads the signature."""

    @cached_property
    def signature(self) -> Signature | None:
        """Of a single image; ``None`` for one that is stored without."""
        return self.sign()


class _Pixels(NamedTuple):
    """An image in the size that each of these expects."""

    encoder: Image
    signature: Image | None
    extractor: Image | None = None


@dataclass(frozen=True)
class QueryBuilder:
    """Makes queries with the encoder and the extractor of a catalogue."""

    catalogue: Catalogue
    crop: Box | None = None
    """The region of the images to search with."""
    local: bool = False
    """Whether to extract local features, if the catalogue keeps them."""
    reranks: bool = False
    """Whether the query must have them."""
    signature: bool = True
    """Whether to make the signature of an image that is not stored."""

    def query(
        self,
        images: QueryImage | Iterable[QueryImage] | None,
        minus: QueryImage | Iterable[QueryImage] = (),
        text: str | None = None,
        vectors: ArrayLike | None = None,
    ) -> Query:
        """The embeddings of one image; of several images, a text, and vectors, their mean."""
        given = as_list(images)
        is_single = len(given) == 1 and text is None and vectors is None
        plain = replace(self, local=False, signature=False)
        builder = self if is_single else plain
        queries = [builder._of(image) for image in given]
        negatives = [replace(plain, crop=None)._of(image) for image in as_list(minus)]
        if is_single and not negatives:
            return queries[0]
        if self.reranks:
            raise ValueError(
                "re-ranking needs a single query image, without a text, vectors or negative "
                "examples"
            )
        others = [] if text is None else [self._of_text(text)]
        others += [] if vectors is None else [self._of_vectors(vectors)]
        if not queries and not others:
            raise ValueError("give an image, a text or vectors to search with")
        positives = [query.features for query in queries] + others
        subtracted = [query.features for query in negatives]
        return Query(self._combined(positives, subtracted), is_single=False)

    def _of(self, image: QueryImage) -> Query:
        if isinstance(image, Hit | Record):
            return self._of_id(image.id)
        if is_id(image) and not os.path.exists(image):
            return self._of_id(image)
        if isinstance(image, str | os.PathLike):
            return self._of_file(image)
        return self._of_bytes(image) if isinstance(image, bytes) else self._encoded(image)

    def _of_id(self, id: str) -> Query:  # noqa: A002  the word that users know
        record = self.catalogue.get(id)
        return self._of_file(_path_of(record)) if self.crop else self._stored(record.key)

    def _stored(self, key: int) -> Query:
        store = self.catalogue.store
        query = Query(
            whole_rows(store.recipe, store.features(key)),
            own_key=key,
            sign=lambda: store.signatures([key]).get(key),
        )
        if not self.local:
            return query
        local = store.local_features([key]).get(key)
        if local is None and self.reranks:  # as for one whose vectors were imported
            raise PluginError(
                f"image {id_of(key)} is stored without local features: search with its file"
            )
        return replace(query, local=local)

    def _of_file(self, path: str | os.PathLike[str]) -> Query:
        with naming_errors(path):
            return self._of_bytes(read_source(path, self.catalogue.limits), path)

    def _of_bytes(self, data: bytes, name: Source = "the query image") -> Query:
        own_key = None if self.crop else key_of(hashlib.sha256(data).digest())
        return replace(self._encoded(data, name), own_key=own_key)

    def _encoded(self, image: Source, name: Source = "the query image") -> Query:
        given = self._pixels(image, name)
        query = Query(encode_one(whole_encoder(self.catalogue.encoder), given.encoder))
        if given.signature is not None:
            query = replace(query, sign=partial(signature_of, given.signature))
        if self._extractor is None or given.extractor is None:
            return query
        return replace(query, local=extract_one(self._extractor, given.extractor))

    def _pixels(self, image: Source, name: Source) -> _Pixels:
        """In all sizes that are needed; the original is in memory no longer."""
        limits, extractor = self.catalogue.limits, self._extractor
        if self.crop is not None:
            image = _cropped(decode(image, limits=limits).warned(name).pixels, self.crop)
        resize = self.catalogue.encoder.resize
        others = [SIGNATURE_RESIZE] if self.signature else []
        decoded, small = decode_each(image, resize, others, limits)
        signature = small[0].pixels if small and small[0] else None
        pixels = _Pixels(decoded.warned(name).pixels, signature)
        if extractor is None or not self.local:
            return pixels
        return pixels._replace(extractor=decode(image, extractor.resize, limits).pixels)

    @property
    def _extractor(self) -> Extractor | None:
        extractor = self.catalogue.extractor
        if self.reranks and isinstance(extractor, QueryExtractor):
            return extractor.for_queries
        return extractor

    def _of_text(self, text: str) -> Features:
        encoder = self.catalogue.encoder
        if not isinstance(encoder, TextEncoder):
            name = self.catalogue.store.recipe.encoder
            raise PluginError(
                f"{name} has no text encoder: make a catalogue with --encoder clip or siglip"
            )
        return encode_text_one(encoder, text)

    def _of_vectors(self, vectors: ArrayLike) -> Features:
        """Checked, and in the catalogue's own dtype."""
        encoder = self.catalogue.encoder
        rows = np.atleast_2d(np.asarray(vectors))
        if rows.ndim != 2 or not len(rows) or rows.shape[1] != encoder.dim:
            raise ValueError(
                f"the vectors to search with have the shape {np.shape(vectors)}, "
                f"but those of the catalogue {encoder.dim} columns"
            )
        return _of_measure(encoder.measure, rows)

    def _combined(self, positives: Sequence[Features], negatives: Sequence[Features]) -> Features:
        """The mean of the positives minus that of the negatives (Rocchio).

        Several vectors an image, or packed bits, have no mean: they are searched with together.
        """
        measure = self.catalogue.encoder.measure
        if any(len(rows) != 1 for rows in (*positives, *negatives)) or measure == "hamming":
            if negatives:
                raise ValueError("negative examples need one float vector per image")
            return np.concatenate(positives)
        mean: Features = np.mean([normalized_for(measure, rows) for rows in positives], axis=0)
        if negatives:
            mean = mean - np.mean([normalized_for(measure, rows) for rows in negatives], axis=0)
        return mean.astype(np.float32, copy=False)


def _of_measure(measure: Measure, rows: NDArray[Any]) -> Features:
    """Rows in the dtype of those that are compared so. Raises ValueError for other numbers."""
    kind = np.dtype(dtype(measure))
    fits = np.can_cast(rows.dtype, kind, "same_kind")
    if kind == np.uint8 and np.issubdtype(rows.dtype, np.integer):
        fits = bool(rows.min() >= 0 and rows.max() < 256)
    if not fits:
        raise ValueError(f"the vectors to search with are {rows.dtype}, instead of {kind}")
    if kind != np.uint8 and not np.abs(rows, dtype=np.float64).max() <= LARGEST:
        raise ValueError("the vectors to search with have values that are not finite")
    return rows.astype(kind, copy=False)


def as_list(images: QueryImage | Iterable[QueryImage] | None) -> list[QueryImage]:
    """The images as a list, with open files, which can be read only once, as their bytes."""
    if images is None:
        return []
    given = [images] if isinstance(images, Hit | Record) else image_list(images)
    return [content(image) for image in given]


def _path_of(record: Record) -> str:
    if record.path is None:
        raise NotFound(f"image {record.id} was given in memory: crop a file instead")
    return record.path


def _cropped(image: np.ndarray, box: Box) -> np.ndarray:
    left, top, width, height = box
    rows, columns = image.shape[:2]
    inside = left >= 0 and top >= 0 and left + width <= columns and top + height <= rows
    if width < 1 or height < 1 or not inside:
        given = ",".join(map(str, box))
        raise ImageError(f"the crop {given} is not inside the image of {columns} × {rows} pixels")
    return image[top : top + height, left : left + width]
