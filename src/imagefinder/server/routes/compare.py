"""Pairwise comparison."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import numpy as np
from fastapi import APIRouter, File, Form, HTTPException, UploadFile

from imagefinder.server.dependencies import CurrentSettings, FormCatalogue
from imagefinder.server.form_data import ImagesFormRoute
from imagefinder.server.forms import ImageFields
from imagefinder.server.problems import error_responses
from imagefinder.server.schemas import CompareResponse, EvidenceInfo
from imagefinder.verification.compare import VerifiedComparison, compare

router = APIRouter(route_class=ImagesFormRoute, tags=["search"])


@router.post(
    "/v1/compare",
    summary="Check whether two images are the same, or show the same thing, and where",
    responses=error_responses(400, 403, 404, 410),
)
def compare_images(
    catalogue: FormCatalogue,
    settings: CurrentSettings,
    image: Annotated[list[UploadFile] | None, File(description="An image.")] = None,
    id: Annotated[  # noqa: A002  the field's name
        list[str] | None, Form(description="The id of a stored image.")
    ] = None,
    url: Annotated[
        list[str] | None, Form(description="The URL of an image, if this server downloads them.")
    ] = None,
) -> CompareResponse:
    """Compare pixels and SIFT features. Order of the images: uploads, stored images, URLs."""
    given = ImageFields(image, id, url)
    if len(given) != 2:
        raise HTTPException(422, "give exactly two images: image, id or url")
    left, right = given.load_bytes(catalogue, settings)
    finder = catalogue.pinned()
    return _response(compare(left, right, catalogue=finder, limits=finder.limits))


def _response(comparison: VerifiedComparison) -> CompareResponse:
    left, right = comparison.local
    found = comparison.correspondences
    pairs = comparison.drawn_pairs()
    points = np.hstack([left.points[pairs[:, 0]], right.points[pairs[:, 1]]])
    verification = comparison.verification
    return CompareResponse(
        verdict=verification.verdict,
        probability=verification.probability,
        match=verification.is_match,
        evidence=EvidenceInfo(**asdict(verification.evidence)),
        score=comparison.score,
        features=(len(left), len(right)),
        correspondences=len(found),
        verified=bool(found.verified),
        pairs=points.round(4).tolist(),
    )
