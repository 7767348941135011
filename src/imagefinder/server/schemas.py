"""What the server answers; the interactive documentation is made from this."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from imagefinder.types import Hit, Record

_ID = "3e92d93bb8cd8fb0"


class Found(BaseModel):
    """One image found."""

    rank: int = Field(examples=[1])
    id: str = Field(examples=[_ID])
    name: str | None = Field(
        description="The file's name, without its folders.", examples=["harbour.jpg"]
    )
    score: float = Field(description="Higher is closer; 1 is identical.", examples=[0.982])
    distance: float = Field(description="In the measure's own unit.", examples=[0.018])
    probability: float | None = Field(
        description="That it is a match; null until the catalogue is calibrated.", examples=[0.97]
    )
    match: bool | None = Field(description="Whether it is one; null likewise.", examples=[True])
    width: int = Field(description="Pixels, upright.", examples=[1600])
    height: int = Field(examples=[1200])
    metadata: dict[str, Any] = Field(
        description="What was told of it when it was added.", examples=[{"room": "kitchen"}]
    )
    correspondences: int | None = Field(
        description="Local features that correspond, with `rerank`.", examples=[148]
    )
    verified: bool | None = Field(description="Whether one geometry explains them.")
    region: tuple[int, int, int, int] | None = Field(
        description="Where in the image they lie: left, top, width, height in pixels."
    )

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
            match=hit.is_match,
            width=hit.record.width,
            height=hit.record.height,
            metadata=dict(hit.record.metadata),
            correspondences=hit.correspondences,
            verified=hit.verified,
            region=hit.region,
        )


class Answer(BaseModel):
    """The most similar images, best first."""

    query: str | None = Field(
        description="The uploaded file's name, or what else was asked with.",
        examples=["query.jpg"],
    )
    encoder: str = Field(examples=["compact"])
    hits: list[Found]
    matches: list[str] | None = Field(
        description="The ids of the hits that are matches; null until the catalogue is calibrated."
    )


class Compared(BaseModel):
    """What corresponds in two images."""

    features: tuple[int, int] = Field(description="Local features of each.", examples=[[500, 480]])
    matches: int = Field(description="Pairs of them that agree on one geometry.", examples=[148])
    verified: bool = Field(description="Whether they are enough to be the same thing.")
    pairs: list[tuple[float, float, float, float]] = Field(
        description="Of up to 200 pairs, x and y in the one and in the other image, as shares of "
        "their widths and heights.",
        examples=[[[0.25, 0.5, 0.75, 0.5]]],
    )


class ImageInfo(BaseModel):
    """What is known of a stored image."""

    id: str = Field(examples=[_ID])
    name: str | None = Field(description="Its file's, without folders.", examples=["harbour.jpg"])
    sha256: str = Field(description="Of its bytes.")
    size: int = Field(description="Bytes.", examples=[409600])
    width: int = Field(description="Pixels, upright.", examples=[1600])
    height: int = Field(examples=[1200])
    places: int = Field(
        description="In how many places it lies; 0 if it was given in memory.", examples=[1]
    )
    metadata: dict[str, Any] = Field(examples=[{"room": "kitchen"}])

    @classmethod
    def of(cls, record: Record) -> ImageInfo:
        """From a record."""
        return cls(
            id=record.id,
            name=name_of(record),
            sha256=record.sha256.hex(),
            size=record.size,
            width=record.width,
            height=record.height,
            places=len(record.files),
            metadata=dict(record.metadata),
        )


class Page(BaseModel):
    """Some of the images, in order of their ids."""

    images: list[ImageInfo]
    next: str | None = Field(
        description="The `cursor` of the following page; null on the last.", examples=[_ID]
    )


class Point(BaseModel):
    """An image on a map."""

    id: str = Field(examples=[_ID])
    name: str | None = Field(description="Its file's, without folders.", examples=["harbour.jpg"])
    x: float = Field(description="To the right, 0 to 1.", examples=[0.25])
    y: float = Field(description="Downwards, 0 to 1.", examples=[0.5])

    @classmethod
    def of(cls, record: Record, x: float, y: float) -> Point:
        """From a record and its place."""
        return cls(id=record.id, name=name_of(record), x=round(x, 5), y=round(y, 5))


class Plane(BaseModel):
    """Images on a plane, those that are alike near each other."""

    encoder: str = Field(examples=["compact"])
    by: str = Field(description="How they were laid.", examples=["tsne"])
    total: int = Field(description="Images in the catalogue.", examples=[2485])
    gone: int = Field(description="Left out, since their files are gone.", examples=[0])
    points: list[Point] = Field(
        description="In order of their ids; the same scale both ways, the longer one from 0 to 1."
    )


class Twin(ImageInfo):
    """A copy of another image."""

    score: float = Field(description="Against the best of its group.", examples=[0.97])


class Kin(BaseModel):
    """One image that is there more than once."""

    best: ImageInfo = Field(description="With the most pixels, of these the largest file.")
    why: str = Field(description="Why it is the best.", examples=["more pixels"])
    copies: list[Twin] = Field(
        description="Best first; none where the same bytes lie in several places."
    )


class Copies(BaseModel):
    """Images that are there more than once."""

    threshold: float = Field(description="The score that copies reach at least.", examples=[0.9])
    verify: str = Field(description="What they agree in, besides the score.", examples=["pixels"])
    unseen: int = Field(description="Images that could not be looked at.", examples=[0])
    total: int = Field(description="Of groups, of which only the first may be here.", examples=[7])
    groups: list[Kin] = Field(description="Those with the best images first.")


class Holding(BaseModel):
    """One catalogue of the server."""

    encoder: str = Field(description="By it a request chooses the catalogue.", examples=["compact"])
    images: int = Field(examples=[2485])
    vectors: int = Field(description="More than images, if it sees parts.", examples=[2485])
    bytes: int = Field(description="Of its file.", examples=[5242880])
    dim: int = Field(description="Numbers in a vector.", examples=[320])
    measure: str = Field(examples=["cosine"])
    index: str = Field(examples=["exact"])
    text: bool = Field(description="Whether it can be searched with words.")
    calibrated: bool = Field(description="Whether hits say if they are matches.")
    local: str | None = Field(
        description="Its local features, for `rerank`; null if it has none.", examples=["sift"]
    )


class Stats(BaseModel):
    """What the server holds, and what it allows."""

    version: str = Field(examples=["0.1.0"])
    catalogues: list[Holding] = Field(description="The first answers if none is named.")
    writable: bool = Field(description="Whether images may be added and deleted.")
    fetches: bool = Field(description="Whether a search may name a URL.")
    max_upload: int = Field(description="Bytes of a request.", examples=[20000000])


class Health(BaseModel):
    """That the server runs."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """That the catalogues can be read."""

    status: Literal["ready"] = "ready"
    images: int = Field(description="In the first catalogue.", examples=[2485])
    encoder: str = Field(description="Of the first catalogue.", examples=["compact"])


class Ids(BaseModel):
    """The ids of the most similar images, best first."""

    ids: list[str] = Field(examples=[[_ID, "420a3d0d5c754346", "2e25d018994b5516"]])


def name_of(record: Record) -> str | None:
    """The name of its file; where that lies is nobody's business but the server's."""
    return Path(record.path).name if record.path else None
