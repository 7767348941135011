"""What the tools return: structured output with a schema."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from pydantic import BaseModel, Field

from imagefinder.images.metadata import shown_metadata
from imagefinder.near_duplicates.groups import DuplicateGroup
from imagefinder.types import Item, Record, Verdict


class SharedBy(BaseModel):
    """One of several items that share an image."""

    id: str | None = Field(description="The user's own id of it.")
    path: str | None = Field(description="Of its file.")
    metadata: dict[str, Any]

    @classmethod
    def of(cls, item: Item, show_paths: bool) -> SharedBy:
        """From an item of a record."""
        path = _shown(item.path, show_paths)
        return cls(id=item.id, path=path, metadata=shown_metadata(item.metadata))


class StoredImage(BaseModel):
    """An image of the catalogue."""

    id: str = Field(description="16 hexadecimal digits, for other tools.")
    path: str | None = Field(
        description="The first of its files, if it has any; its name alone where folders are kept."
    )
    width: int
    height: int
    bytes: int
    metadata: dict[str, Any]
    items: list[SharedBy] = Field(description="Where several share it, each with its metadata.")

    @classmethod
    def of(cls, record: Record, show_paths: bool, **more: Any) -> Any:
        """From a record."""
        return cls(
            id=record.id,
            path=_shown(record.path, show_paths),
            width=record.width,
            height=record.height,
            bytes=record.size,
            metadata=shown_metadata(record.metadata),
            items=[SharedBy.of(item, show_paths) for item in record.several],
            **more,
        )


class FoundImage(StoredImage):
    """A similar image."""

    score: float = Field(description="Higher is more similar; 1 is identical.")
    verdict: Verdict | None = Field(description="What it has in common with the query.")
    match: bool | None = Field(description="Whether it is the same image or the same thing.")


class SearchResult(BaseModel):
    """The most similar images, best first."""

    hits: list[FoundImage]
    detail: str | None = Field(None, description="Why there are none, if a filter leaves none.")


class DuplicateSet(BaseModel):
    """An image and its near-duplicates."""

    best: StoredImage = Field(description="The one that a person would keep.")
    why: str = Field(description="Why it is the best.")
    spare_bytes: int = Field(description="What the others take.")
    copies: list[StoredImage]

    @classmethod
    def of(cls, group: DuplicateGroup, show_paths: bool) -> DuplicateSet:
        """From a group."""
        return cls(
            best=StoredImage.of(group.best, show_paths),
            why=group.why,
            spare_bytes=group.spare_bytes,
            copies=[StoredImage.of(copy.record, show_paths) for copy in group.copies],
        )


class DuplicatesResult(BaseModel):
    """Groups of near-duplicates."""

    total: int = Field(description="How many groups there are in all.")
    groups: list[DuplicateSet]


class CatalogueDescription(BaseModel):
    """What the catalogue is, and what can be done with it."""

    images: int
    files: int
    encoder: str
    dim: int
    measure: str
    text_search: bool = Field(description="Whether search_by_text works.")
    writable: bool = Field(description="Whether images can be added and removed.")
    folders: list[str] = Field(description="Files that tools are given must lie below these.")


class ChangeResult(BaseModel):
    """What has changed."""

    image: StoredImage | None = Field(None, description="As it is now; null if it was removed.")
    outcome: str


def _shown(path: str | None, show_paths: bool) -> str | None:
    return path if show_paths or path is None else PurePath(path).name
