"""Two images side by side."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, File, Form, HTTPException, UploadFile

from imagefinder.local_features.compare import Comparison, compare
from imagefinder.server import forms
from imagefinder.server.dependencies import Allowed, AskedByForm
from imagefinder.server.problems import documented
from imagefinder.server.schemas import Compared

_SHOWN = 200
"""Pairs in an answer: more would hide the images."""

router = APIRouter(tags=["search"])


@router.post(
    "/v1/compare",
    summary="Whether two images show the same thing, and where",
    responses=documented(400, 403, 404, 410),
)
def compare_two(
    catalogue: AskedByForm,
    settings: Allowed,
    image: Annotated[list[UploadFile] | None, File(description="One of the images.")] = None,
    id: Annotated[  # noqa: A002  the field's name
        list[str] | None, Form(description="One that is stored.")
    ] = None,
    url: Annotated[
        list[str] | None, Form(description="One of elsewhere, if this server fetches.")
    ] = None,
) -> Compared:
    """By their local features (SIFT): uploads come first, then stored images, then others."""
    if sum(len(given or ()) for given in (image, id, url)) != 2:
        raise HTTPException(422, "give two images: image, id or url")
    one, other = forms.contents(catalogue, image, id, url, settings.fetch)
    return _told(compare(one, other, limits=catalogue.finder.limits))


def _told(found: Comparison) -> Compared:
    left, right = found.local
    pairs = found.correspondences.pairs[:: max(1, -(-len(found.correspondences) // _SHOWN))]
    points = np.hstack([left.points[pairs[:, 0]], right.points[pairs[:, 1]]])
    return Compared(
        features=(len(left), len(right)),
        matches=len(found.correspondences),
        verified=bool(found.correspondences.verified),
        pairs=points.round(4).tolist(),
    )
