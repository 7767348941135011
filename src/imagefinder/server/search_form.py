"""The search form: the fields of ``POST /v1/search``."""

from __future__ import annotations

from typing import Literal

from fastapi import UploadFile
from pydantic import BaseModel, Field

from imagefinder.search.options import SearchOptions
from imagefinder.server.catalogues import ServedCatalogue
from imagefinder.server.dependencies import ENCODER_HELP
from imagefinder.server.forms import (
    FILTER_EXAMPLES,
    FILTER_HELP,
    ImageFields,
    parse_box,
    parse_filter,
    parse_vector,
)
from imagefinder.types import Measure

MAX_K = 1000
MAX_VERIFIED = 100


class SearchForm(BaseModel):
    """What to search with, how, and which hits to return."""

    encoder: str | None = Field(None, description=ENCODER_HELP)
    image: list[UploadFile] | None = Field(
        None, description="A query image; several are combined into one query."
    )
    id: list[str] | None = Field(None, description="The id of a stored query image; repeatable.")
    url: list[str] | None = Field(
        None, description="The URL of a query image, if this server downloads them; repeatable."
    )
    text: str | None = Field(
        None,
        description="A text query, alone or combined with images; needs a text encoder.",
        max_length=1000,
    )
    vector: str | None = Field(
        None,
        description="A vector to search with, made elsewhere by the catalogue's encoder, as a JSON "
        "list of numbers; alone or combined with images.",
        examples=["[0.5, -1.25, 0.125]"],
    )
    minus: list[UploadFile] | None = Field(None, description="A negative example; repeatable.")
    minus_id: list[str] | None = Field(
        None, description="The id of a stored negative example; repeatable."
    )
    crop: str | None = Field(
        None,
        description="The region to search with: left, top, width and height in pixels.",
        examples=["410,220,180,260"],
    )
    k: int = Field(3, ge=1, le=MAX_K, description="The maximum number of hits.")
    threshold: float | None = Field(
        None, allow_inf_nan=False, description="The minimum score of a hit."
    )
    matches_only: bool = Field(
        False, description="Return only matches: the same image or the same thing."
    )
    verify: int = Field(
        10,
        ge=0,
        le=MAX_VERIFIED,
        description="How many of the first hits to verify by pixels and local features; with 0 a "
        "search takes about half the time, and verdicts go by the score alone.",
    )
    rate: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="The accepted false-positive rate of matches; default: the calibration's.",
        examples=[0.001],
    )
    where: str | None = Field(
        None,
        description=FILTER_HELP,
        examples=FILTER_EXAMPLES,
    )
    measure: list[Measure] | None = Field(
        None, description="Instead of the encoder's own; several are fused by rank."
    )
    rerank: Literal["mutual", "geometric"] | None = Field(
        None, description="Re-rank by local features, if the catalogue has them."
    )

    @property
    def query(self) -> ImageFields:
        """The query images."""
        return ImageFields(self.image, self.id, self.url)

    @property
    def others(self) -> list[str]:
        """What is searched with besides, as it is named."""
        return [*([self.text] if self.text else []), *(["a vector"] if self.vector else [])]

    def options(self, catalogue: ServedCatalogue) -> SearchOptions:
        """The other fields. Raises HTTPException, or ValueError for what cannot be combined."""
        return SearchOptions(
            k=self.k,
            minus=ImageFields(self.minus, self.minus_id).load(catalogue, None),
            text=self.text or None,
            vectors=parse_vector(self.vector),
            crop=parse_box(self.crop),
            measures=list(dict.fromkeys(self.measure or ())),
            rerank=self.rerank,
            threshold=self.threshold,
            matches_only=self.matches_only,
            verify=self.verify,
            rate=self.rate,
            where=parse_filter(self.where),
        )
