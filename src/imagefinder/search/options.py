"""Search options: what a query has besides images, filters, and which hits to keep."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypedDict, get_args

from imagefinder.filters import conditions
from imagefinder.types import Box, Matcher, Measure

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from imagefinder.search.query import QueryImage


@dataclass(frozen=True)
class SearchOptions:
    """How to search, and which hits to return. Raises ValueError for what cannot be combined."""

    k: int = 3
    """How many hits, at most."""
    minus: QueryImage | Iterable[QueryImage] = ()
    """Negative examples: images to move the query away from."""
    text: str | None = None
    """Words to search with, alone or with images; needs an encoder with a text encoder."""
    vectors: ArrayLike | None = None
    """What the catalogue's encoder gave for one image elsewhere, ``(dim,)`` or ``(n, dim)``.

    To search with, alone or with images; there are no verdicts then.
    """
    crop: Box | None = None
    """The region of the images to search with."""
    measures: Sequence[Measure] = ()
    """In place of the encoder's own; several are fused by their ranks."""
    rerank: str | Matcher | None = None
    """Re-rank by local features: ``mutual``, ``geometric`` or a matcher."""
    shortlist: int | None = 40
    """Images to re-rank, those with the most similar local features; ``None`` for all."""
    folders: Sequence[str | os.PathLike[str]] = ()
    """Only images in these folders. Filters apply before the search: k hits if k images pass."""
    where: Mapping[str, Any] | None = None
    """Only images whose metadata match all of it: ``{"room": "kitchen", "price": {"lt": 20}}``.

    Operators are ``eq``, ``ne``, ``lt``, ``lte``, ``gt``, ``gte``, ``in`` and ``not_in``.
    """
    threshold: float | None = None
    """Leave out hits with a lower score."""
    matches_only: bool = False
    """Leave out hits that are not matches; needs a query that is one image."""
    verify: int = 10
    """How many of the first hits to verify by pixels and local features; 0 for none."""
    rate: float | None = None
    """The accepted false-positive rate of matches, if not that of the calibration (0.001)."""

    def __post_init__(self) -> None:
        if self.k < 1 or (self.shortlist is not None and self.shortlist < 1):
            raise ValueError("k and shortlist must be at least 1")
        if not set(self.measures) <= set(get_args(Measure)):
            raise ValueError(f"a measure must be one of {', '.join(get_args(Measure))}")
        if self.rerank is not None and self.measures:
            raise ValueError("rerank cannot be combined with measures: leave one of them out")
        if self.threshold is not None and not math.isfinite(self.threshold):
            raise ValueError("threshold must be a finite number")
        if self.verify < 0:
            raise ValueError("verify must be at least 0")
        if self.rate is not None and not 0 < self.rate < 1:
            raise ValueError("the false-positive rate must be between 0 and 1")
        conditions(self.where)


class SearchKeywords(TypedDict, total=False):
    """The fields of SearchOptions as keyword arguments."""

    minus: QueryImage | Iterable[QueryImage]
    text: str | None
    vectors: ArrayLike | None
    crop: Box | None
    measures: Sequence[Measure]
    rerank: str | Matcher | None
    shortlist: int | None
    folders: Sequence[str | os.PathLike[str]]
    where: Mapping[str, Any] | None
    threshold: float | None
    matches_only: bool
    verify: int
    rate: float | None


def with_keywords(
    options: SearchOptions | None, k: int | None, keywords: SearchKeywords
) -> SearchOptions:
    """The options, overridden by ``k`` and the keywords that are given. Raises ValueError."""
    chosen = replace(options or SearchOptions(), **keywords)
    return chosen if k is None else replace(chosen, k=k)
