"""Genuine pairs: stored images, and modified copies of themselves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import PIL.Image

from imagefinder._utils.concurrency import cores, prefetch_map
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.encoders.inference import encode_each
from imagefinder.encoders.regions import whole_encoder
from imagefinder.errors import CalibrationError, UnencodableImage
from imagefinder.images.decode import decode
from imagefinder.images.limits import Limits
from imagefinder.images.ncc import MIN_CONTENT, align
from imagefinder.images.signature import ncc_signature
from imagefinder.images.stored_files import file_with_content
from imagefinder.images.transforms import COPIES
from imagefinder.similarity import normalized_for, scores
from imagefinder.types import Image, Progress, Resize, Signature
from imagefinder.verification.evidence import evidence_columns
from imagefinder.verification.pareto import Values
from imagefinder.verification.sample import QuerySample

_COPIED = 150  # images of which copies are made
_SIDE = 1024  # pixels of an image before it is modified: copies of huge ones would take long


@dataclass(frozen=True)
class Genuine:
    """How copies compare with their originals."""

    scores: Values
    """Of each copy and its original, ``(n,)``."""
    columns: Values
    """The evidence of the same pairs, ``(n, d)``."""
    related: Values
    """Scores of all pairs of one original's family."""


@dataclass(frozen=True)
class _Copies:
    row: int
    signature: Signature
    """Of the original."""
    pixels: list[Image]
    signatures: list[Signature]


def genuine_pairs(catalogue: Catalogue, sample: QuerySample, progress: Progress) -> Genuine:
    """Compare stored images with copies, made in memory with the twelve transformations of COPIES.

    Images that show next to nothing are left out. Raises CalibrationError if no file is left.
    """
    copied = partial(_copied, resize=catalogue.encoder.resize, limits=catalogue.limits)
    with ThreadPoolExecutor(cores(), "copy") as threads:
        originals = progress(_originals(sample, catalogue.limits))
        found = prefetch_map(threads, copied, originals, ahead=2 * cores())
        families = [_compared(catalogue, sample, one) for one in found if one is not None]
    if not families:
        raise CalibrationError(
            "no file of a stored image is left that shows enough to make copies from: "
            "use --labels to say which images belong together"
        )
    return Genuine(
        np.concatenate([one.scores for one in families]),
        np.concatenate([one.columns for one in families]),
        np.concatenate([one.related for one in families]),
    )


def _compared(catalogue: Catalogue, sample: QuerySample, copies: _Copies) -> Genuine:
    measure = catalogue.recipe.measure
    encoded = encode_each(whole_encoder(catalogue.encoder), copies.pixels)
    good = [
        (normalized_for(measure, one), signature)
        for one, signature in zip(encoded, copies.signatures, strict=True)
        if not isinstance(one, UnencodableImage)
    ]
    own = sample.rows[copies.row : copies.row + 1]
    family = np.concatenate([own, *(row for row, _ in good)])
    compared = scores(measure, family, family).astype(np.float64)
    aligned = [align(signature, [copies.signature])[0] for _, signature in good]
    return Genuine(
        compared[0, 1:],
        evidence_columns(measure, aligned, compared[0, 1:].tolist()),
        compared[np.triu_indices(len(family), 1)],
    )


def _originals(sample: QuerySample, limits: Limits) -> list[tuple[int, str]]:
    """The rows of some images in the sample, each with a file that has not changed."""
    chosen: list[tuple[int, str]] = []
    for row, record in enumerate(sample.records):
        file = file_with_content(record, limits)
        if file is not None:
            chosen.append((row, file.path))
        if len(chosen) == _COPIED:
            break
    return chosen


def _copied(given: tuple[int, str], resize: Resize, limits: Limits) -> _Copies | None:
    row, path = given
    image = PIL.Image.fromarray(decode(path, Resize(_SIDE, _SIDE, mode="within"), limits).pixels)
    own = ncc_signature(image, limits)
    if own.content < MIN_CONTENT:
        return None  # a blank page is like the copy of any other
    changed = [change(image) for change in COPIES.values()]
    pixels = [decode(one, resize, limits).pixels for one in changed]
    return _Copies(row, own, pixels, [ncc_signature(one, limits) for one in changed])
