"""What the server answers; the interactive documentation is made from this."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from imagefinder.types import Hit, Record


class Found(BaseModel):
    """One picture found."""

    rank: int = Field(examples=[1])
    id: str = Field(examples=["0f3a9c5be2d47188"])
    name: str | None = Field(
        description="The file's name, without its folders.", examples=["harbour.jpg"]
    )
    score: float = Field(description="Higher is closer; 1 is identical.", examples=[0.982])
    distance: float = Field(description="In the measure's own unit.", examples=[0.018])
    probability: float | None = Field(
        description="That it is a match; null until the catalogue is calibrated.", examples=[0.97]
    )
    match: bool | None = Field(description="Whether it is one; null likewise.", examples=[True])

    @classmethod
    def of(cls, hit: Hit) -> Found:
        """From a hit."""
        return cls(
            rank=hit.rank,
            id=hit.id,
            name=name_of(hit.record),
            score=hit.score,
            distance=hit.distance,
            probability=hit.probability,
            match=hit.match,
        )


class Answer(BaseModel):
    """The most similar pictures, best first."""

    query: str | None = Field(description="The uploaded file's name.", examples=["query.jpg"])
    encoder: str = Field(examples=["compact"])
    hits: list[Found]
    matches: list[str] | None = Field(
        description="The ids of the hits that are matches; null until the catalogue is calibrated."
    )


class Picture(BaseModel):
    """What is known of a stored picture."""

    id: str
    name: str | None
    sha256: str
    size: int = Field(description="Bytes.")
    width: int
    height: int
    metadata: dict[str, Any]

    @classmethod
    def of(cls, record: Record) -> Picture:
        """From a record."""
        return cls(
            id=record.id,
            name=name_of(record),
            sha256=record.sha256.hex(),
            size=record.size,
            width=record.width,
            height=record.height,
            metadata=dict(record.metadata),
        )


class Health(BaseModel):
    """That the server works."""

    status: str = "ok"
    pictures: int
    encoder: str


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str


def name_of(record: Record) -> str | None:
    """The name of its file; where that lies is nobody's business but the server's."""
    return Path(record.path).name if record.path else None
