"""Response models of near-duplicates, from which FastAPI makes the OpenAPI document."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Literal

from pydantic import BaseModel, Field

from imagefinder.images.locations import Location
from imagefinder.near_duplicates.groups import DuplicateGroup as FoundGroup
from imagefinder.near_duplicates.groups import NearDuplicate
from imagefinder.near_duplicates.selection import kept_first
from imagefinder.server.schemas import VERDICT, EvidenceInfo, ImageInfo
from imagefinder.server.settings import Settings
from imagefinder.types import Record, Verdict


class FileInfo(BaseModel):
    """A file of an image."""

    name: str = Field(description="Without folders.", examples=["harbour.jpg"])
    path: str | None = Field(
        description="With its folders; null unless the server was started with `--show-paths`.",
        examples=["/photos/2024/harbour.jpg"],
    )
    modified: datetime | None = Field(description="When it was last changed.")
    state: Literal["file", "link", "gone"] = Field(
        description="A `link` leads to another of the image's files; `gone`: there is none now."
    )

    @classmethod
    def of(cls, place: Location, mtime_ns: int, show_paths: bool) -> FileInfo:
        """From a path of an image."""
        return cls(
            name=PurePath(place.path).name,
            path=place.path if show_paths else None,
            modified=_moment(mtime_ns),
            state=place.state,
        )


class CopyInfo(ImageInfo):
    """An image of a group."""

    files: list[FileInfo] = Field(
        description="Those that exist first, then links to them, then those that are gone."
    )


def _copy_fields(record: Record, settings: Settings) -> dict[str, object]:
    times = {file.path: file.mtime_ns for file in record.files}
    files = [FileInfo.of(one, times[one.path], settings.show_paths) for one in kept_first(record)]
    fields = ImageInfo.of(record, settings).model_dump() | {"files": files}
    return fields | {"name": files[0].name} if files else fields  # of the one that would stay


def _moment(mtime_ns: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(mtime_ns // 10**9, UTC) if mtime_ns else None
    except (OverflowError, ValueError, OSError):  # of no year that has a name
        return None


class DuplicateImage(CopyInfo):
    """A duplicate of the best image of its group."""

    score: float = Field(description="Similarity to the best image.", examples=[0.97])
    verdict: Verdict = Field(description=VERDICT, examples=["same image"])
    probability: float | None = Field(
        description="Of a match; null where too little can be compared.", examples=[0.97]
    )
    match: bool | None = Field(description="Whether it is the same image or the same thing.")
    evidence: EvidenceInfo = Field(description="What the verdict rests on.")
    why: list[str] = Field(
        description="Why the best image is better than this one, the most important reason first.",
        examples=[["more pixels", "in color"]],
    )

    @classmethod
    def of_copy(cls, copy: NearDuplicate, settings: Settings) -> DuplicateImage:
        """From a copy."""
        return cls.model_validate(
            _copy_fields(copy.record, settings)
            | {
                "score": copy.score,
                "verdict": copy.verification.verdict,
                "probability": copy.verification.probability,
                "match": copy.verification.is_match,
                "evidence": EvidenceInfo(**asdict(copy.verification.evidence)),
                "why": list(copy.why),
            }
        )


class DuplicateGroup(BaseModel):
    """An image and its duplicates."""

    best: CopyInfo = Field(description="The one that a person would keep.")
    why: str = Field(
        description="The most important reason why it is better than the first copy.",
        examples=["more pixels"],
    )
    spare_bytes: int = Field(
        description="What all files but one with the best image take.", examples=[48213]
    )
    copies: list[DuplicateImage] = Field(
        description="Largest first; empty if the group is one image with several identical files."
    )

    @classmethod
    def of(cls, group: FoundGroup, settings: Settings) -> DuplicateGroup:
        """From a group."""
        return cls(
            best=CopyInfo.model_validate(_copy_fields(group.best, settings)),
            why=group.why,
            spare_bytes=group.spare_bytes,
            copies=[DuplicateImage.of_copy(copy, settings) for copy in group.copies],
        )


class DuplicatesResponse(BaseModel):
    """Groups of near-duplicates."""

    threshold: float = Field(description="The minimum score of duplicates.", examples=[0.9])
    verify: str = Field(description="What must agree besides the score.", examples=["pixels"])
    unseen: int = Field(description="Images that could not be verified.", examples=[0])
    undecided: int = Field(
        description="Pairs that look alike, but show too little to be compared.", examples=[0]
    )
    total: int = Field(
        description="The number of groups, of which `groups` has the first.", examples=[7]
    )
    groups: list[DuplicateGroup] = Field(description="Those with the best images first.")


class SearchBegun(BaseModel):
    """What is looked for."""

    threshold: float = Field(description="The minimum score of duplicates.", examples=[0.9])
    verify: str = Field(description="What must agree besides the score.", examples=["pixels"])
    images: int = Field(description="How many are compared.", examples=[2485])


class SearchFinished(BaseModel):
    """What could not be compared."""

    unseen: int = Field(description="Images that could not be verified.", examples=[0])
    undecided: int = Field(
        description="Pairs that look alike, but show too little to be compared.", examples=[0]
    )


class DuplicatesLine(BaseModel):
    """One line of a search for near-duplicates; it has one of these fields."""

    begun: SearchBegun | None = Field(default=None, description="The first line.")
    share: float | None = Field(
        default=None,
        description="How much of the present step is done, from time to time.",
        examples=[0.4],
    )
    group: DuplicateGroup | None = Field(default=None, description="A group that was found.")
    finished: SearchFinished | None = Field(default=None, description="The last line.")
    error: str | None = Field(default=None, description="The last line, if it ended early: why.")


class DecisionsResponse(BaseModel):
    """All that was said of images that are no duplicates."""

    decisions: list[list[str]] = Field(
        description="Sets of ids; no two of a set are duplicates of each other.",
        examples=[[["3e92d93bb8cd8fb0", "420a3d0d5c754346"]]],
    )


class RemovableFile(BaseModel):
    """A file to remove, and the one that stays in its place."""

    path: str = Field(examples=["/photos/2024/harbour (1).jpg"])
    kept: str = Field(examples=["/photos/2024/harbour.jpg"])


class RemovableFiles(BaseModel):
    """Files to remove."""

    files: list[RemovableFile] = Field(min_length=1, max_length=100_000)
