"""Genuine scores: how stored images score against modified copies of themselves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import PIL.Image

from imagefinder._utils.concurrency import cores, prefetch_map
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.encoders.inference import encode_each
from imagefinder.errors import CalibrationError, UnencodableImage
from imagefinder.images.decode import decode
from imagefinder.images.limits import Limits
from imagefinder.images.ncc import MIN_CONTENT
from imagefinder.images.signature import ncc_signature
from imagefinder.images.stored_files import file_with_content
from imagefinder.images.transforms import COPIES
from imagefinder.similarity import normalized_for, scores
from imagefinder.types import Image, Progress, Resize
from imagefinder.verification.pareto import Values
from imagefinder.verification.sample import QuerySample

_COPIED = 150  # images of which copies are made
_SIDE = 1024  # pixels of an image before it is modified: copies of huge ones would take long


def copy_scores(
    catalogue: Catalogue, sample: QuerySample, progress: Progress
) -> tuple[Values, Values]:
    """Scores of copies against their originals, and of all pairs of one original's family.

    The copies are made in memory from stored files, with the twelve transformations of COPIES.
    Images that show next to nothing are left out. Raises CalibrationError if no file is left.
    """
    genuine: list[Values] = []
    related: list[Values] = []
    copied = partial(_copied, resize=catalogue.encoder.resize, limits=catalogue.limits)
    measure = catalogue.recipe.measure
    with ThreadPoolExecutor(cores(), "copy") as threads:
        originals = progress(_originals(sample, catalogue.limits))
        for row, copies in prefetch_map(threads, copied, originals, ahead=2 * cores()):
            if not copies:
                continue
            encoded = encode_each(catalogue.encoder, copies)
            vectors = [one for one in encoded if not isinstance(one, UnencodableImage)]
            family = np.concatenate([sample.rows[row : row + 1], *vectors])
            family[1:] = normalized_for(measure, family[1:])
            compared = scores(measure, family, family).astype(np.float64)
            genuine.append(compared[0, 1:])
            related.append(compared[np.triu_indices(len(family), 1)])
    if not any(map(len, genuine)):
        raise CalibrationError(
            "no file of a stored image is left that shows enough to make copies from: "
            "use --labels to say which images belong together"
        )
    return np.concatenate(genuine), np.concatenate(related)


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


def _copied(given: tuple[int, str], resize: Resize, limits: Limits) -> tuple[int, list[Image]]:
    row, path = given
    image = PIL.Image.fromarray(decode(path, Resize(_SIDE, _SIDE, mode="within"), limits).pixels)
    if ncc_signature(image).content < MIN_CONTENT:
        return row, []  # a blank page is like the copy of any other
    return row, [decode(change(image), resize, limits).pixels for change in COPIES.values()]
