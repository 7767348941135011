"""The rows that an upsert reads, read at once, and those that it writes, written at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from imagefinder.stores.items import NOTHING, updated
from imagefinder.stores.postgres import records
from imagefinder.stores.postgres.blobs import (
    insert_local_features,
    insert_new_signatures,
    insert_signatures,
)
from imagefinder.stores.postgres.session import Session
from imagefinder.stores.postgres.vectors import insert_vectors
from imagefinder.stores.postgres.writes import record_write
from imagefinder.types import (
    Entry,
    Features,
    File,
    LocalFeatures,
    Origin,
    Recipe,
    Record,
    Signature,
)


@dataclass
class _Image:
    """What may change of an image."""

    sha256: bytes
    metadata: str
    in_memory: bool


@dataclass
class BufferedRows:
    """See UpsertRows; the transaction has locked the catalogue, so nothing changes meanwhile.

    That is why new rows are copied right into their tables: a temporary one, from which they would
    be inserted unless they are there, would write every vector twice.
    """

    session: Session
    recipe: Recipe
    extractor: Recipe | None
    _images: dict[int, _Image] = field(default_factory=dict)
    _files: dict[str, tuple[int, Origin]] = field(default_factory=dict)
    _paths: dict[int, set[str]] = field(default_factory=dict)
    """Of each image."""
    _known: set[str] = field(default_factory=set)
    """Paths that were stored before."""
    _new: dict[int, Record] = field(default_factory=dict)
    _changed: set[int] = field(default_factory=set)
    _written: dict[str, tuple[int, int, Origin]] = field(default_factory=dict)
    _vectors: dict[int, Features] = field(default_factory=dict)
    _local: dict[int, LocalFeatures] = field(default_factory=dict)
    _signatures: dict[int, Signature] = field(default_factory=dict)

    def load(self, entries: Sequence[Entry]) -> None:
        """Read what there is of these images and paths."""
        keys = list({entry.record.key for entry in entries})
        for key, *about in self.session.rows(
            f"SELECT key, sha256, metadata_text, in_memory FROM {{s}}.images"
            f" WHERE {records.OF_KEYS}",
            (keys,),
        ):
            self._images[key] = _Image(*about)
        self._paths = records.select_paths_of(self.session, list(self._images))
        paths = list({file.path for entry in entries for file in entry.record.files})
        for path, key, origin in self.session.rows(
            "SELECT path, key, origin FROM {s}.files WHERE path = ANY(%s::text[])", (paths,)
        ):
            self._files[path] = key, origin
        self._known = set(self._files)

    def sha256_of(self, key: int) -> bytes | None:
        """See UpsertRows."""
        image = self._images.get(key)
        return None if image is None else image.sha256

    def insert_image(self, record: Record, features: Features, local: LocalFeatures | None) -> None:
        """See UpsertRows."""
        if local is not None:
            self._local[record.key] = local
        self._images[record.key] = _Image(record.sha256, NOTHING, False)
        self._new[record.key], self._vectors[record.key] = record, features

    def insert_signature(self, key: int, signature: Signature) -> None:
        """See UpsertRows."""
        self._signatures.setdefault(key, signature)

    def update_image(self, entry: Entry) -> bool:
        """See UpsertRows."""
        key, image = entry.record.key, self._images[entry.record.key]
        before = image.metadata, image.in_memory
        if entry.metadata is not None or image.metadata != NOTHING:
            image.metadata = updated(image.metadata, self._paths.get(key, ()), entry)
        image.in_memory = image.in_memory or not entry.record.files
        if before != (image.metadata, image.in_memory):
            self._changed.add(key)
        return before[0] != image.metadata

    def upsert_file(self, key: int, file: File) -> int | None:
        """See UpsertRows."""
        before, origin = self._files.get(file.path, (None, file.origin))
        if before != key or file.origin != "imported":
            origin = file.origin
        self._files[file.path] = key, origin
        self._paths.setdefault(key, set()).add(file.path)
        if before not in (None, key):
            self._paths.get(before, set()).discard(file.path)
        self._written[file.path] = key, file.mtime_ns, origin
        return before

    def delete_orphans(self, keys: set[int]) -> None:
        """See UpsertRows; writes everything before."""
        if self._new:
            self._insert_images(record_write(self.session))
            insert_vectors(self.session, self._vectors, self.recipe)
        if self._local:
            insert_local_features(self.session, self._local, self.extractor)
        self._insert_signatures()
        changed = {key: self._images[key] for key in self._changed - self._new.keys()}
        records.update_images(
            self.session, {key: (one.metadata, one.in_memory) for key, one in changed.items()}
        )
        self._write_files()
        records.delete_orphans(self.session, list(keys))

    def _insert_images(self, version: int) -> None:
        images = [(record, self._images[key]) for key, record in self._new.items()]
        rows = [
            records.ImageRow(record, image.metadata, image.in_memory) for record, image in images
        ]
        records.insert_images(self.session, rows, version)

    def _insert_signatures(self) -> None:
        new = {key: one for key, one in self._signatures.items() if key in self._new}
        if new:
            insert_new_signatures(self.session, new)
        others = {key: one for key, one in self._signatures.items() if key not in new}
        if others:
            insert_signatures(self.session, others)

    def _write_files(self) -> None:
        new = {path: one for path, one in self._written.items() if path not in self._known}
        if new:
            types = ("text", "int8", "int8", "text")
            rows = ((path, *about) for path, about in new.items())
            self.session.copy_rows("{s}.files (path, key, mtime_ns, origin)", types, rows)
        known = {path: one for path, one in self._written.items() if path in self._known}
        records.upsert_files(self.session, known)
