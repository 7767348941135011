"""What to search with: an image, a part of one, several, a text, and what to turn away from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.encoders.inference import encode_one, extract_one
from imagefinder.errors import ImageError, NotFound, PluginError
from imagefinder.images.decode import Source, decode, load_image
from imagefinder.images.files import read
from imagefinder.images.inputs import absolute, content, naming, several
from imagefinder.similarity import normalized_for
from imagefinder.types import Box, Features, Hit, LocalFeatures, Record, is_id, key_of

Asked: TypeAlias = "Source | Hit | Record"
"""A file, bytes, an image in memory, a stored image's id or record, or a hit."""


@dataclass(frozen=True)
class Query:
    """The rows to search with."""

    features: Features
    local: LocalFeatures | None = None
    """Where the catalogue keeps local features and they were asked for."""
    own: int | None = None
    """The key under which the image itself may be stored."""
    alone: bool = True
    """Whether it is one image, with nothing added to it or taken away."""


@dataclass(frozen=True)
class Reader:
    """Makes queries, with what the catalogue's images went through."""

    catalogue: Catalogue
    crop: Box | None = None
    """The part to search with, of every image given."""
    local: bool = False
    """Whether local features are wanted."""

    def query(
        self,
        images: Asked | Iterable[Asked] | None,
        minus: Asked | Iterable[Asked] = (),
        text: str | None = None,
    ) -> Query:
        """Of one image its own rows; of more, and of a text, one row between them."""
        queries = [self._of(image) for image in listed(images)]
        away = [replace(self, crop=None)._of(image) for image in listed(minus)]
        if len(queries) == 1 and not away and text is None:
            return queries[0]
        if self.local:
            raise ValueError("local features are compared with those of one image")
        words = [] if text is None else [self._worded(text)]
        if not queries and not words:
            raise ValueError("give an image or a text to search with")
        plus = [query.features for query in queries] + words
        return Query(self._between(plus, [query.features for query in away]), alone=False)

    def _of(self, image: Asked) -> Query:
        """One image's, from the catalogue where it is stored there."""
        if isinstance(image, Hit | Record):
            return self._known(image.id)
        if is_id(image) and not os.path.exists(image):
            return self._known(image)
        if isinstance(image, str | os.PathLike):
            return self._read(image)
        return self._seen(image)

    def _known(self, id: str) -> Query:  # noqa: A002  the word that users know
        record = self.catalogue.get(id)
        return self._read(_path_of(record)) if self.crop else self._stored(record.key)

    def _stored(self, key: int) -> Query:
        store = self.catalogue.store
        if not self.local:
            return Query(store.features(key), own=key)
        local = store.local_features([key]).get(key)
        if local is None:  # as for one whose vectors were imported
            raise PluginError(
                f"image {key:016x} is stored without local features: search with its file"
            )
        return Query(store.features(key), local, key)

    def _read(self, path: str | os.PathLike[str]) -> Query:
        with naming(path):
            data = read(absolute(path), self.catalogue.limits)
            own = None if self.crop else key_of(hashlib.sha256(data).digest())
            return replace(self._seen(data), own=own)

    def _seen(self, image: Source) -> Query:
        encoder, extractor, limits = (
            self.catalogue.encoder,
            self.catalogue.extractor,
            self.catalogue.limits,
        )
        if self.crop is not None:
            image = _cropped(load_image(image, limits), self.crop)
        features = encode_one(encoder, decode(image, encoder.resize, limits).pixels)
        if extractor is None or not self.local:
            return Query(features)
        pixels = decode(image, extractor.resize, limits).pixels
        return Query(features, extract_one(extractor, pixels))

    def _worded(self, text: str) -> Features:
        encode_text = getattr(self.catalogue.encoder, "encode_text", None)
        if encode_text is None:
            name = self.catalogue.store.recipe.encoder
            raise PluginError(f"{name} knows no words: make a catalogue with --encoder clip")
        features: Features = encode_text([text])[0]
        return features

    def _between(self, plus: Sequence[Features], minus: Sequence[Features]) -> Features:
        """The mean of what is wanted, less the mean of what is not; packed bits are a vote."""
        measure = self.catalogue.encoder.measure
        if any(len(rows) != 1 for rows in (*plus, *minus)) or measure == "hamming":
            if minus:
                raise ValueError(
                    "a search turns away from an image only where each has one row of numbers, "
                    "not packed bits or a row for each of its parts"
                )
            return np.concatenate(plus)
        mean: Features = np.mean([normalized_for(measure, rows) for rows in plus], axis=0)
        if minus:
            mean = mean - np.mean([normalized_for(measure, rows) for rows in minus], axis=0)
        return mean.astype(np.float32, copy=False)


def listed(images: Asked | Iterable[Asked] | None) -> list[Asked]:
    """Each of them; open files, which can be read only once, as their bytes."""
    if images is None:
        return []
    given = [images] if isinstance(images, Hit | Record) else several(images)
    return [content(image) for image in given]


def _path_of(record: Record) -> str:
    if record.path is None:
        raise NotFound(f"image {record.id} was given in memory: there is no file to cut from")
    return record.path


def _cropped(image: np.ndarray, box: Box) -> np.ndarray:
    left, top, width, height = box
    rows, columns = image.shape[:2]
    inside = left >= 0 and top >= 0 and left + width <= columns and top + height <= rows
    if width < 1 or height < 1 or not inside:
        given = ",".join(map(str, box))
        raise ImageError(f"the part {given} does not lie within its {columns} × {rows} pixels")
    return image[top : top + height, left : left + width]
