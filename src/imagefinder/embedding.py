"""Vectors of pictures, without a catalogue."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from imagefinder.errors import ImageError, PluginError
from imagefinder.images import LIMITS, Decoded, Limits, Source, decode
from imagefinder.inputs import several
from imagefinder.pipeline import batched, cores, overlapped
from imagefinder.registry import DEFAULT_ENCODER, make_encoder
from imagefinder.similarity import dtype, unit
from imagefinder.types import Encoder, Features

_BATCH = 32


def embed(
    pictures: Source | Iterable[Source],
    encoder: str | Encoder = DEFAULT_ENCODER,
    *,
    normalize: bool = False,
    limits: Limits = LIMITS,
) -> Features:
    """The vectors of pictures without a catalogue: ``(n, dim)``, a row each, in order.

    ``float32``, raw as the encoder gives them, or with ``normalize`` of length 1; packed ``uint8``
    from the hashes. Raises UnreadableImage or ImageTooLarge for the first picture that cannot be
    used, PluginError for an encoder that does not give one row per picture, and ValueError for
    hashes that are to be normalized.
    """
    encoder = make_encoder(encoder) if isinstance(encoder, str) else encoder
    if normalize and encoder.measure == "hamming":
        raise ValueError("bits have no length to normalize: leave that out for this encoder")
    fit = encoder.fit

    def decoded(numbered: tuple[int, Source]) -> Decoded:
        number, picture = numbered
        try:
            return decode(picture, fit, limits)
        except ImageError as error:
            name = picture if isinstance(picture, str | os.PathLike) else f"picture {number}"
            raise type(error)(f"{name}: {error}") from error

    rows: list[Features] = []
    with ThreadPoolExecutor(cores(), "decode") as decoders:
        pixels = overlapped(
            decoders, decoded, enumerate(several(pictures), start=1), ahead=_BATCH + cores()
        )
        for batch in batched((picture.pixels for picture in pixels), _BATCH):
            rows.extend(encoder.encode(batch))
    if any(len(row) != 1 for row in rows):
        raise PluginError("a local encoder gives any number of rows: use its encode()")
    empty = np.empty((0, encoder.dim), dtype(encoder.measure))
    vectors = np.concatenate([empty, *rows])
    return unit(vectors) if normalize else vectors
