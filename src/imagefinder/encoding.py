"""Encoding that takes nothing for granted: a plug-in may fail on a picture, or overflow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imagefinder.errors import ImageFinderError, UnencodableImage
from imagefinder.types import Encoder, Extractor, Features, Image, LocalFeatures


def encode_each(encoder: Encoder, images: Sequence[Image]) -> list[Features | UnencodableImage]:
    """For each picture its features, or why there are none: one picture costs no other its own.

    Errors of ours, such as a model that is missing, are about the encoder itself and are raised.
    """
    try:
        encoded = encoder.encode(images)
        if len(encoded) != len(images):
            raise ValueError(f"it gives features of {len(encoded)} for {len(images)} pictures")
        return [_checked(features) for features in encoded]
    except ImageFinderError:
        raise
    except Exception as error:  # the encoder may be anybody's
        if len(images) == 1:
            return [_failure("encoder", error)]
        return [result for image in images for result in encode_each(encoder, [image])]


def encode_one(encoder: Encoder, image: Image) -> Features:
    """The features of one picture. Raises UnencodableImage."""
    (result,) = encode_each(encoder, [image])
    if isinstance(result, UnencodableImage):
        raise result
    return result


def extract_one(extractor: Extractor, image: Image) -> LocalFeatures:
    """The local features of one picture. Raises UnencodableImage."""
    try:
        (local,) = extractor.extract([image])
    except ImageFinderError:
        raise
    except Exception as error:
        raise _failure("extractor", error) from error
    if not np.isfinite(local.descriptors).all() or not np.isfinite(local.points).all():
        raise UnencodableImage("the extractor gives numbers for it that are not finite")
    return local


def _checked(features: Features) -> Features | UnencodableImage:
    # one NaN in a catalogue would make nonsense of every ranking
    if np.isfinite(features).all():
        return features
    return UnencodableImage("the encoder gives numbers for it that are not finite")


def _failure(which: str, error: Exception) -> UnencodableImage:
    reason = " ".join(str(error).split()) or type(error).__name__
    return UnencodableImage(f"the {which} fails on it: {reason}")
