"""The tools that search: all of them leave the catalogue and the files as they are."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from mcp_types import CallToolResult, ImageContent
from pydantic import Field

from imagefinder.encoders.inference import encodes_text
from imagefinder.errors import UnreadableImage
from imagefinder.finder import Finder
from imagefinder.images.data_urls import data_of
from imagefinder.images.files import read
from imagefinder.images.opened_files import stored_file
from imagefinder.images.thumbnails import thumbnail
from imagefinder.mcp.folders import Folders
from imagefinder.mcp.schemas import (
    CatalogueDescription,
    DuplicateSet,
    DuplicatesResult,
    FoundImage,
    SearchResult,
    StoredImage,
)
from imagefinder.near_duplicates.detect import duplicates
from imagefinder.search.hits import Hits

Path = Annotated[str, Field(description="A file below an allowed folder.", max_length=4096)]
Id = Annotated[str, Field(description="The id of an image of the catalogue.", max_length=64)]
_K = Annotated[int, Field(ge=1, le=100, description="How many images at most.")]
_Where = Annotated[
    dict[str, Any] | None,
    Field(description='Only images with this metadata: {"room": "kitchen", "price": {"lt": 20}}.'),
]


class Tools:
    """Of one catalogue."""

    def __init__(self, finder: Finder, folders: Folders, writable: bool, show_paths: bool) -> None:
        """Files are read below ``folders`` alone."""
        self._finder = finder
        self._folders = folders
        self._writable = writable
        self._show_paths = show_paths

    def describe_catalogue(self) -> CatalogueDescription:
        """Tell how many images there are, what made their vectors, and what can be done."""
        statistics, recipe = self._finder.statistics(), self._finder.recipe
        return CatalogueDescription(
            images=statistics.images,
            files=statistics.files,
            encoder=recipe.encoder,
            dim=recipe.dim,
            measure=recipe.measure,
            text_search=encodes_text(self._finder.encoder),
            writable=self._writable,
            folders=list(map(str, self._folders.roots)),
        )

    def search_by_image(
        self,
        path: Path | None = None,
        data: Annotated[
            str | None, Field(description="In place of a file: a data URL, or base64.")
        ] = None,
        k: _K = 10,
        where: _Where = None,
    ) -> SearchResult:
        """Find the most similar images to an image that need not be in the catalogue."""
        if (path is None) == (data is None):
            raise ValueError("give one of path and data")
        if path is not None:
            image = read(self._folders.file(path), self._finder.limits)
        else:
            image = _decoded(data or "")
        return self._result(self._finder.search(image, k, where=where))

    def search_by_text(
        self,
        text: Annotated[str, Field(min_length=1, max_length=1000)],
        k: _K = 10,
        where: _Where = None,
    ) -> SearchResult:
        """Find the images that a text describes, if the catalogue's encoder knows words."""
        return self._result(self._finder.search(text=text, k=k, where=where))

    def similar_to(self, id: Id, k: _K = 10, where: _Where = None) -> SearchResult:  # noqa: A002
        """Find the most similar images to an image of the catalogue, which is not among them."""
        record = self._finder.get(id)
        hits = self._finder.search(record, k + 1, where=where)
        others = Hits(hit for hit in hits if hit.id != record.id)
        others.detail = hits.detail
        return self._result(others, k)

    def find_duplicates(
        self,
        most: Annotated[int, Field(ge=1, le=100, description="How many groups at most.")] = 20,
        threshold: Annotated[
            float | None, Field(allow_inf_nan=False, description="The least score of a copy.")
        ] = None,
    ) -> DuplicatesResult:
        """Find groups of near-duplicates, each with its best image and why it is the best."""
        found = duplicates(self._finder, threshold=threshold).groups
        groups = [DuplicateSet.of(group, self._show_paths) for group in found[:most]]
        return DuplicatesResult(total=len(found), groups=groups)

    def get_image(
        self,
        id: Id,  # noqa: A002  the word that users know
        side: Annotated[
            int, Field(ge=32, le=1024, description="Pixels of the longer side at most.")
        ] = 512,
    ) -> Annotated[CallToolResult, StoredImage]:
        """Show an image of the catalogue as a thumbnail, with what is known about it."""
        record = self._finder.get(id)
        about = StoredImage.of(record, self._show_paths)
        with stored_file(record, self._folders.may_open) as opened:
            if opened is None:
                raise UnreadableImage(
                    "the image's file is missing, has changed, or may not be shown"
                )
            small = thumbnail(read(opened.stream), side, self._finder.limits)
        content = ImageContent(
            type="image", data=base64.b64encode(small.jpeg).decode(), mime_type="image/jpeg"
        )
        return CallToolResult(content=[content], structured_content=about.model_dump(mode="json"))

    def _result(self, hits: Hits, most: int | None = None) -> SearchResult:
        found = [
            FoundImage.of(
                hit.record,
                self._show_paths,
                score=hit.score,
                verdict=hit.verdict,
                match=hit.is_match,
            )
            for hit in hits[:most]
        ]
        return SearchResult(hits=found, detail=hits.detail)


def _decoded(given: str) -> bytes:
    """Raises ValueError for what is neither a data URL nor base64."""
    try:
        encoded = given.encode("ascii")
        written = data_of(encoded)
        if written is None:
            written = base64.b64decode(b"".join(encoded.split()), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise ValueError("data: expected a data URL or base64") from None
    return written
