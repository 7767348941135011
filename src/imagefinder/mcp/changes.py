"""The tools that change a catalogue. No file of the user's is touched by them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from imagefinder.catalogue.metadata_patch import item_of
from imagefinder.errors import UnreadableImage
from imagefinder.finder import Finder
from imagefinder.images.metadata import check_metadata
from imagefinder.mcp.folders import Folders
from imagefinder.mcp.schemas import ChangeResult, StoredImage
from imagefinder.mcp.tools import Id, Path
from imagefinder.types import Entry, Record

_Metadata = Annotated[
    dict[str, Any],
    Field(description="Takes the place of all metadata of the image, or of the item."),
]
_Item = Annotated[
    str | None,
    Field(description="Whose, where several items share the image: the id or path of one."),
]


class Changes:
    """Of one catalogue."""

    def __init__(
        self,
        finder: Finder,
        folders: Folders,
        show_paths: bool,
        remove: Callable[[Record], None] | None = None,
    ) -> None:
        """Files are added from below ``folders`` alone.

        ``remove`` takes an image out, with what the program keeps of it beside the catalogue.
        """
        self._finder = finder
        self._show_paths = show_paths
        self._folders = folders
        self._remove = remove or self._remove_record

    def add_image(self, path: Path, metadata: _Metadata | None = None) -> ChangeResult:
        """Add an image file to the catalogue."""
        file = self._folders.file(path)
        report = self._finder.add(file, metadata=metadata)
        for failure in report.failed:
            raise UnreadableImage(failure.reason)
        stored = self._finder.store.lookup_paths([str(file)])[str(file)]
        record = self._finder.store.get([stored.key])[stored.key]
        outcome = "added" if report.added else "updated" if report.updated else "unchanged"
        return ChangeResult(image=StoredImage.of(record, self._show_paths), outcome=outcome)

    def remove_image(self, id: Id) -> ChangeResult:  # noqa: A002  the word that users know
        """Remove an image; its file is deleted only if it was uploaded to this server."""
        self._remove(self._finder.get(id))
        return ChangeResult(image=None, outcome="removed from the catalogue")

    def set_metadata(
        self,
        id: Id,  # noqa: A002
        metadata: _Metadata,
        item: _Item = None,
    ) -> ChangeResult:
        """Give an image of the catalogue other metadata, or one of several items that share it."""
        check_metadata(metadata)
        record = self._finder.get(id)
        after = replace(item_of(record, item), metadata=metadata)
        entry = Entry(record, None, [after], revision="replace")
        (outcome,) = self._finder.store.write([entry])
        changed = StoredImage.of(self._finder.get(id), self._show_paths)
        return ChangeResult(image=changed, outcome=outcome)

    def _remove_record(self, record: Record) -> None:
        self._finder.store.remove_images([record.key])
