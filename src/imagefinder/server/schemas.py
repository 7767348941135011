"""Response models, from which FastAPI makes the OpenAPI document."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from imagefinder.images.metadata import shown_metadata
from imagefinder.server.kept_thumbnails import kept_name
from imagefinder.server.settings import Settings
from imagefinder.server.upgrades import UpgradeState
from imagefinder.types import Evidence, Hit, Record, Verdict

_ID = "3e92d93bb8cd8fb0"
_MOST_MISSING = 1000
_DETAIL = "Why there are no images, where the filter leaves none."


class EvidenceInfo(BaseModel):
    """What a verdict rests on, besides the score; null is what was not compared."""

    identical: bool = Field(description="The same bytes.")
    correlation: float | None = Field(
        description="Normalized cross-correlation of the aligned pixels; 1 is identical.",
        examples=[0.97],
    )
    overlap: float | None = Field(
        description="The share of the query that the aligned images have in common.",
        examples=[0.64],
    )
    inliers: int | None = Field(
        description="Corresponding local features that fit one geometric transformation.",
        examples=[148],
    )

    @classmethod
    def of(cls, evidence: Evidence | None) -> EvidenceInfo | None:
        """From the evidence of a hit."""
        return None if evidence is None else cls(**asdict(evidence))


VERDICT = (
    "`same image` (a copy, perhaps modified), `same thing` (by geometry, or by a calibration with "
    "labels) or `similar`."
)


class ItemInfo(BaseModel):
    """One of several items that share an image."""

    id: str | None = Field(
        description="The `item` that was given when it was added.", examples=["SKU-17"]
    )
    name: str | None = Field(description="Of its file, without folders.", examples=["harbour.jpg"])
    metadata: dict[str, Any] = Field(examples=[{"price": 20}])

    @classmethod
    def several(cls, record: Record) -> list[ItemInfo]:
        """Those of a record."""
        return [
            cls(
                id=item.id,
                name=Path(item.path).name if item.path else None,
                metadata=shown_metadata(item.metadata),
            )
            for item in record.several
        ]


_ITEMS = (
    "Each with its own metadata, where several files or items share the image; the first one's are "
    "in `metadata`, too. Empty where `metadata` say all."
)


class SearchHit(BaseModel):
    """One image found."""

    rank: int = Field(examples=[1])
    id: str = Field(examples=[_ID])
    name: str | None = Field(description="Without folders.", examples=["harbour.jpg"])
    score: float = Field(description="Higher is more similar; 1 is identical.", examples=[0.982])
    distance: float = Field(description="In the unit of the measure.", examples=[0.018])
    verdict: Verdict | None = Field(
        description=VERDICT + " Null for a query that is not one image.", examples=["same image"]
    )
    probability: float | None = Field(
        description="Of a match; null where too little can be compared.", examples=[0.97]
    )
    match: bool | None = Field(
        description="Whether it is the same image or the same thing, at the calibration's "
        "false-positive rate; null where nothing could be compared.",
        examples=[True],
    )
    evidence: EvidenceInfo | None = Field(description="What the verdict rests on.")
    sha256: str = Field(description="Of the file.")
    size: int = Field(description="In bytes.", examples=[409600])
    width: int = Field(description="In pixels, after orientation by Exif.", examples=[1600])
    height: int = Field(examples=[1200])
    metadata: dict[str, Any] = Field(
        description="Given when the image was added.", examples=[{"room": "kitchen"}]
    )
    items: list[ItemInfo] = Field(description=_ITEMS)
    correspondences: int | None = Field(
        description="The number of corresponding local features, with `rerank`.", examples=[148]
    )
    verified: bool | None = Field(
        description="Whether one geometric transformation explains the correspondences."
    )
    region: tuple[int, int, int, int] | None = Field(
        description="Where they lie in the image: left, top, width, height in pixels."
    )

    @classmethod
    def of(cls, hit: Hit, settings: Settings) -> SearchHit:
        """From a hit."""
        return cls(
            rank=hit.rank,
            id=hit.id,
            name=_shown_name(hit.record, settings),
            score=hit.score,
            distance=hit.distance,
            verdict=hit.verdict,
            probability=hit.probability,
            match=hit.is_match,
            evidence=EvidenceInfo.of(hit.evidence),
            sha256=hit.record.sha256.hex(),
            size=hit.record.size,
            width=hit.record.width,
            height=hit.record.height,
            metadata=shown_metadata(hit.record.metadata),
            items=ItemInfo.several(hit.record),
            correspondences=hit.correspondences,
            verified=hit.verified,
            region=hit.region,
        )


class SearchResponse(BaseModel):
    """The most similar images, best first."""

    query: str | None = Field(
        description="File names, ids, URLs and text of the query.", examples=["query.jpg"]
    )
    encoder: str = Field(examples=["standard"])
    hits: list[SearchHit]
    matches: list[str] | None = Field(
        description="The ids of the hits that are matches; null where nothing could be compared."
    )
    detail: str | None = Field(None, description=_DETAIL, examples=["no image has year=1999"])


class CompareResponse(BaseModel):
    """What two images have in common."""

    verdict: Verdict = Field(description=VERDICT, examples=["same image"])
    probability: float | None = Field(
        description="Of a match; null where too little can be compared.", examples=[0.97]
    )
    match: bool | None = Field(description="Whether it is the same image or the same thing.")
    evidence: EvidenceInfo = Field(description="What the verdict rests on.")
    score: float = Field(description="Similarity by the encoder.", examples=[0.93])
    features: tuple[int, int] = Field(
        description="The number of local features in each.", examples=[[500, 480]]
    )
    correspondences: int = Field(
        description="The number of correspondences that fit one geometric transformation.",
        examples=[148],
    )
    verified: bool = Field(description="Whether that is enough to be the same object.")
    pairs: list[tuple[float, float, float, float]] = Field(
        description="Up to 200 correspondences: x and y in the first and in the second image, as "
        "fractions of width and height.",
        examples=[[[0.25, 0.5, 0.75, 0.5]]],
    )


class ImageInfo(BaseModel):
    """A stored image."""

    id: str = Field(examples=[_ID])
    name: str | None = Field(description="Without folders.", examples=["harbour.jpg"])
    sha256: str = Field(description="Of the file.")
    size: int = Field(description="In bytes.", examples=[409600])
    width: int = Field(description="In pixels, after orientation by Exif.", examples=[1600])
    height: int = Field(examples=[1200])
    places: int = Field(
        description="The number of its files; 0 if it was added from memory.", examples=[1]
    )
    paths: list[str] | None = Field(
        None,
        description="Where they are; null unless the server was started with `--show-paths`.",
        examples=[["/photos/2024/harbour.jpg"]],
    )
    metadata: dict[str, Any] = Field(examples=[{"room": "kitchen"}])
    items: list[ItemInfo] = Field(description=_ITEMS)

    @classmethod
    def of(cls, record: Record, settings: Settings) -> ImageInfo:
        """From a record."""
        return cls(
            id=record.id,
            name=_shown_name(record, settings),
            sha256=record.sha256.hex(),
            size=record.size,
            width=record.width,
            height=record.height,
            places=len(record.files),
            paths=[file.path for file in record.files] if settings.show_paths else None,
            metadata=shown_metadata(record.metadata),
            items=ItemInfo.several(record),
        )


class ImagePage(BaseModel):
    """One page of the images."""

    images: list[ImageInfo]
    next: str | None = Field(
        description="The `cursor` of the next page; null on the last, and with `sort`.",
        examples=[_ID],
    )
    total: int | None = Field(
        None, description="With `sort`: how many there are on all pages.", examples=[2485]
    )
    detail: str | None = Field(None, description=_DETAIL, examples=["no image has year=1999"])


class FolderInfo(BaseModel):
    """A folder with images."""

    path: str = Field(examples=["/photos/2024"])
    images: int = Field(description="In it, however deep.", examples=[120])


class FoldersResponse(BaseModel):
    """The folders in a folder."""

    folders: list[FolderInfo] = Field(description="By their paths.")


class MapPoint(BaseModel):
    """An image on the map."""

    id: str = Field(examples=[_ID])
    name: str | None = Field(description="Without folders.", examples=["harbour.jpg"])
    x: float = Field(description="From left to right, 0 to 1.", examples=[0.25])
    y: float = Field(description="From top to bottom, 0 to 1.", examples=[0.5])
    column: int = Field(description="The cell of a grid that it has alone.", examples=[7])
    row: int = Field(examples=[4])

    @classmethod
    def of(cls, record: Record, position: tuple[float, float], cell: tuple[int, int]) -> MapPoint:
        """From a record, its position and its cell."""
        (x, y), (column, row) = position, cell
        return cls(
            id=record.id,
            name=file_name(record),
            x=round(x, 5),
            y=round(y, 5),
            column=column,
            row=row,
        )


class MapResponse(BaseModel):
    """A 2-D projection of the images, similar ones near each other."""

    encoder: str = Field(examples=["standard"])
    by: str = Field(description="The projection method.", examples=["tsne"])
    total: int = Field(description="The number of images in the catalogue.", examples=[2485])
    gone: int = Field(description="Images left out because their files are missing.", examples=[0])
    points: list[MapPoint] = Field(
        description="Ordered by id; both axes have the same scale, and the longer one spans 0 to 1."
    )


class CatalogueInfo(BaseModel):
    """A catalogue of the server."""

    encoder: str = Field(description="Requests choose a catalogue by it.", examples=["standard"])
    images: int = Field(examples=[2485])
    vectors: int = Field(
        description="More than images if the encoder gives several per image.", examples=[2485]
    )
    signatures: int = Field(
        description="Images with a signature, by which copies are recognized. Those that earlier "
        "versions added get theirs when `imagefinder sync` meets their files.",
        examples=[2485],
    )
    bytes: int = Field(description="The size of its file.", examples=[5242880])
    dim: int = Field(description="The dimension of its vectors.", examples=[320])
    measure: str = Field(examples=["cosine"])
    index: str = Field(examples=["exact"])
    text: bool = Field(description="Whether text queries are possible.")
    calibrated: bool = Field(description="Whether hits are classified as matches or not.")
    local: str | None = Field(
        description="Its local features, for `rerank`; null if it has none.", examples=["sift"]
    )


class MissingImage(BaseModel):
    """A stored image that cannot be encoded again."""

    id: str = Field(examples=["3e92d93bb8cd8fb0"])
    reason: str = Field(examples=["no such file"])


class UpgradeStatus(BaseModel):
    """How far an upgrade to another encoder is."""

    status: Literal["none", "running", "done", "incomplete", "failed"] = Field(
        description="`incomplete`: it stopped before the switch, because of missing images or "
        "because it was interrupted; the same request goes on. `failed`: the server's log says why."
    )
    before: str | None = Field(description="The encoder before.", examples=["classic"])
    after: str | None = Field(
        description="The encoder afterwards; null while it goes back.", examples=["standard"]
    )
    done: int = Field(description="Images that have new vectors.", examples=[1200])
    total: int = Field(examples=[2485])
    missing: list[MissingImage] = Field(
        description=f"Images that cannot be encoded again, at most {_MOST_MISSING:,} of them."
    )
    missing_count: int = Field(description="How many there are.", examples=[0])
    notes: list[str] = Field(description="What has not carried over, and what to do about it.")

    @classmethod
    def of(cls, state: UpgradeState) -> UpgradeStatus:
        """From the state of the server's upgrades."""
        return cls(
            status=state.status,
            before=state.before,
            after=state.after,
            done=state.done,
            total=state.total,
            missing=[
                MissingImage(id=one.record.id, reason=_reason(one.reason))
                for one in state.missing[:_MOST_MISSING]
            ],
            missing_count=len(state.missing),
            notes=list(state.notes),
        )


def _reason(text: str) -> str:
    """Without a plug-in's own message, which may name a path."""
    return "the encoder cannot process it" if text.startswith("the encoder failed") else text


class ServerInfo(BaseModel):
    """The server's catalogues and capabilities."""

    version: str = Field(examples=["0.1.0"])
    catalogues: list[CatalogueInfo] = Field(description="The first is the default.")
    writable: bool = Field(
        description="Whether images can be added and deleted, also with the API key that was sent."
    )
    fetches: bool = Field(description="Whether a search can use URLs.")
    maps: bool = Field(description="Whether `/v1/map` has what it needs: the extra `reduce`.")
    shows_paths: bool = Field(description="Whether clients are told where files lie.")
    shows: list[str] = Field(
        description="Names of metadata that the web page shows, in this order; empty for all.",
        examples=[["title", "price"]],
    )
    max_upload: int = Field(
        description="The maximum size of a request, in bytes.", examples=[20000000]
    )


class HealthResponse(BaseModel):
    """The server is running."""

    status: Literal["ok"] = "ok"


class ReadyResponse(BaseModel):
    """The catalogues are readable, and their indexes loaded."""

    status: Literal["ready"] = "ready"
    images: int = Field(description="In the first catalogue.", examples=[2485])
    encoder: str = Field(description="Of the first catalogue.", examples=["standard"])


class IdsResponse(BaseModel):
    """The ids of the most similar images, best first."""

    ids: list[str] = Field(examples=[[_ID, "420a3d0d5c754346", "2e25d018994b5516"]])


def _shown_name(record: Record, settings: Settings) -> str | None:
    return file_name(record) or kept_name(settings.thumbnails, record)


def file_name(record: Record) -> str | None:
    """The name of the image's file; its folder is the server's own business."""
    return Path(record.path).name if record.path else None
