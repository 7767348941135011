"""Inference: embeddings of images, whatever a plug-in does; one failure costs no other image."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from imagefinder._utils.concurrency import batched, cores, prefetch_map
from imagefinder._utils.text import one_line
from imagefinder.encoders.default import default_encoder
from imagefinder.encoders.instance_cache import INSTANCES
from imagefinder.errors import ImageError, ImageFinderError, PluginError, UnencodableImage
from imagefinder.images.decode import Source, decode
from imagefinder.images.inputs import image_list
from imagefinder.images.limits import LIMITS, Limits
from imagefinder.registry.factory import make_encoder
from imagefinder.similarity import dtype, unit
from imagefinder.types import (
    Encoder,
    Extractor,
    Features,
    Image,
    LocalFeatures,
    Resize,
    TextEncoder,
)

LARGEST = 1e15
"""Of a value in an embedding: its square, summed over all dimensions, is still a float32."""


def encode_each(encoder: Encoder, images: Sequence[Image]) -> list[Features | UnencodableImage]:
    """For each image its features, or the error: one image costs no other its features.

    An ImageFinderError, such as a missing model, concerns the encoder itself and is raised.
    """
    try:
        encoded = encoder.encode(images)
        if len(encoded) != len(images):
            raise ValueError(f"it returned {len(encoded)} features for {len(images)} images")
        return [_checked(features) for features in encoded]
    except UnencodableImage as error:
        failure = error
    except ImageFinderError:
        raise
    except Exception as error:  # the encoder may be a third party's
        failure = _failure("encoder", error)
    if len(images) == 1:
        return [failure]
    return [result for image in images for result in encode_each(encoder, [image])]


def encode_one(encoder: Encoder, image: Image) -> Features:
    """The features of one image. Raises UnencodableImage."""
    (result,) = encode_each(encoder, [image])
    if isinstance(result, UnencodableImage):
        raise result
    return result


def encode_text_one(encoder: TextEncoder, text: str) -> Features:
    """The features of a text. Raises PluginError if they are not finite."""
    (features,) = encoder.encode_text([text])
    checked = _checked(features)
    if isinstance(checked, UnencodableImage):
        raise PluginError(f"the text cannot be encoded: {checked}")
    return checked


def encodes_text(encoder: Encoder) -> bool:
    """Whether it encodes texts too; a pretrained model's text encoder may be missing."""
    try:  # which is the only test
        return isinstance(encoder, TextEncoder) and bool(encoder.encode_text(["an image"]))
    except PluginError:
        return False


def extract_one(extractor: Extractor, image: Image) -> LocalFeatures:
    """The local features of one image. Raises UnencodableImage."""
    try:
        (local,) = extractor.extract([image])
    except ImageFinderError:
        raise
    except Exception as error:
        raise _failure("extractor", error) from error
    if not np.isfinite(local.descriptors).all() or not np.isfinite(local.points).all():
        raise UnencodableImage("the extractor returned values that are not finite")
    return local


def _checked(features: Features) -> Features | UnencodableImage:
    # one NaN in a catalogue would spoil every ranking, and so would a length that overflows
    if not np.isfinite(features).all():
        return UnencodableImage("the encoder returned values that are not finite")
    if features.dtype != np.uint8 and np.abs(features).max(initial=0) > LARGEST:
        return UnencodableImage("the encoder returned values that are too large")
    return features


def _failure(which: str, error: Exception) -> UnencodableImage:
    return UnencodableImage(f"the {which} failed: {one_line(error)}")


_BATCH = 32


def embed(
    images: Source | Iterable[Source],
    encoder: str | Encoder | None = None,
    *,
    normalize: bool = False,
    limits: Limits = LIMITS,
) -> Features:
    """Embeddings of images without a catalogue: ``(n, dim)``, one row per image, in order.

    ``float32``, of unit length with ``normalize``; packed ``uint8`` for hashes. Raises
    ImageError for the first image that cannot be used, PluginError for an encoder that does not
    give one row per image, and ValueError if hashes are to be normalized. The encoders named last
    stay in memory, ready for the next call.
    """
    encoder = encoder or default_encoder()
    if isinstance(encoder, str):
        encoder = INSTANCES.shared(make_encoder(encoder))
    if normalize and encoder.measure == "hamming":
        raise ValueError("binary codes cannot be normalized: leave normalize out for this encoder")
    rows: list[Features] = []
    for batch in batched(_named(image_list(images), encoder.resize, limits), _BATCH):
        encoded = encode_each(encoder, [pixels for _, pixels in batch])
        for (name, _), result in zip(batch, encoded, strict=True):
            if isinstance(result, UnencodableImage):
                raise UnencodableImage(f"{name}: {result}") from result
            rows.append(result)
    if any(len(row) != 1 for row in rows):
        raise PluginError("a local encoder gives any number of rows per image: use its encode()")
    empty = np.empty((0, encoder.dim), dtype(encoder.measure))
    vectors = np.concatenate([empty, *rows])
    return unit(vectors) if normalize else vectors


def _named(images: Iterable[Source], resize: Resize, limits: Limits) -> Iterator[tuple[str, Image]]:
    """Each image's name in messages, and its pixels; several are decoded at a time."""

    def decode_one(numbered: tuple[int, Source]) -> tuple[str, Image]:
        number, image = numbered
        name = os.fspath(image) if isinstance(image, str | os.PathLike) else f"image {number}"
        try:
            return name, decode(image, resize, limits).warned(image).pixels
        except ImageError as error:
            raise type(error)(f"{name}: {error}") from error

    numbered = enumerate(images, start=1)
    if isinstance(images, Sequence) and len(images) == 1:  # threads would only cost time
        yield from map(decode_one, numbered)
        return
    with ThreadPoolExecutor(cores(), "decode") as decoders:
        yield from prefetch_map(decoders, decode_one, numbered, ahead=_BATCH + cores())
