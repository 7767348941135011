"""The rows of some images, changed in memory before they are written in one commit."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import lance
import pyarrow as pa

from imagefinder.stores.items import settled
from imagefinder.stores.lance.changes import Changes
from imagefinder.stores.lance.schema import HEAVY, LIGHT
from imagefinder.stores.lance.selection import select_by_keys, select_by_keys_or_paths
from imagefinder.stores.lance.vectors import vector_array, vectors_of
from imagefinder.types import Features

_RANDOM_BITS = 31
ABOUT_FILE = ("path", "mtime_ns", "origin")


@dataclass
class Row:
    """A row, without what is heavy unless it is new."""

    values: dict[str, Any]
    address: int | None = None
    """Where it is stored; None for a new row."""
    heavy: dict[str, Any] = field(default_factory=dict)
    """What is given of it, besides what is stored."""
    is_changed: bool = False

    @property
    def key(self) -> int:
        """Of its image."""
        return int(self.values["key"])

    @property
    def is_needed(self) -> bool:
        """Whether it holds anything."""
        value = self.values
        return not value["ordinal"] or value["path"] is not None or bool(value["has_vector"])

    def set(self, **values: Any) -> None:
        """Change some of its values."""
        if any(self.values[name] != value for name, value in values.items()):
            self.values.update(values)
            self.is_changed = True


class Draft:
    """The images that one write is about, and those that have their paths so far."""

    def __init__(self, dataset: lance.LanceDataset) -> None:
        """Nothing is loaded yet."""
        self._dataset = dataset
        self.images: dict[int, dict[int, Row]] = {}
        """The rows of each image, by their ordinals."""
        self.paths: dict[str, Row] = {}
        self._deleted: list[int] = []
        self.written = (dataset.version + 1) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
        """The number of this write: greater than of any that it has seen, and no other has it."""

    def load(self, keys: Iterable[int], paths: Sequence[str] = ()) -> None:
        """Read what there is of these images, and of those that have these paths."""
        wanted = set(map(int, keys))
        rows = select_by_keys_or_paths(self._dataset, LIGHT, sorted(wanted), paths)
        found = rows.to_pylist()
        others = sorted({values["key"] for values in found} - wanted)
        found += select_by_keys(self._dataset, LIGHT, others, with_address=True).to_pylist()
        for values in found:
            self._add(Row(values, values.pop("_rowaddr")))

    def insert_image(
        self, values: Mapping[str, Any], features: Features, local: bytes | None
    ) -> None:
        """A new image without paths; ``local`` are its packed local features."""
        key = int(values["key"])
        first = {
            **dict.fromkeys(LIGHT),
            **values,
            "local_size": None if local is None else len(local),
            "has_signature": False,
        }
        row = self._new_row(first, 0, features[0] if len(features) else None)
        row.heavy["local"] = local
        self._add(row)
        for ordinal in range(1, len(features)):
            row = self._new_row(dict.fromkeys(LIGHT) | {"key": key}, ordinal, features[ordinal])
            self._add(row)

    def set_signature(self, key: int, packed: bytes) -> None:
        """The signature of an image, in place of another."""
        row = self.images[key][0]
        row.heavy["signature"] = packed
        row.set(has_signature=True)

    def insert_path(self, key: int, values: Mapping[str, Any]) -> None:
        """A path of an image, which no other has any more."""
        rows = self.images[key]
        free = (row for row in rows.values() if row.address is None and not row.values["path"])
        row = next(free, None)
        if row is None:
            row = self._new_row(dict.fromkeys(LIGHT) | {"key": key}, max(rows) + 1)
            rows[max(rows) + 1] = row
        row.set(**values)
        self.paths[row.values["path"]] = row

    def remove_path(self, path: str) -> int:
        """The key of the image that had it."""
        row = self.paths.pop(path)
        row.set(**dict.fromkeys(ABOUT_FILE))
        if not row.is_needed:
            self._drop(row)
            del self.images[row.key][row.values["ordinal"]]
        return row.key

    def remove_image(self, key: int) -> None:
        """All rows of an image."""
        for row in self.images.pop(key).values():
            self._drop(row)
            self.paths.pop(row.values["path"], None)

    def remove_orphan(self, key: int) -> None:
        """An image, if it has no path left and was never given in memory.

        What was said of files that it has lost is settled, if it stays.
        """
        rows = self.images.get(key)
        if not rows:
            return
        paths = self.paths_of(key)
        if paths or rows[0].values["in_memory"]:
            rows[0].set(metadata=settled(rows[0].values["metadata"], paths))
        else:
            self.remove_image(key)

    def paths_of(self, key: int) -> list[str]:
        """The paths of an image."""
        paths = (row.values["path"] for row in self.images[key].values())
        return [path for path in paths if path is not None]

    def changes(self) -> Changes | None:
        """What is to be committed; None if that is nothing."""
        changed = [row for rows in self.images.values() for row in rows.values() if row.is_changed]
        deleted = [*self._deleted, *(row.address for row in changed if row.address is not None)]
        if not changed and not deleted:
            return None
        self._load_heavy([row for row in changed if row.address is not None])
        return Changes(deleted, self._as_table(changed) if changed else None)

    def _new_row(self, values: dict[str, Any], ordinal: int, vector: Features | None = None) -> Row:
        values |= {"ordinal": ordinal, "written": self.written, "has_vector": vector is not None}
        return Row(values, heavy={"vector": vector}, is_changed=True)

    def _add(self, row: Row) -> None:
        self.images.setdefault(row.key, {})[row.values["ordinal"]] = row
        if row.values["path"] is not None:
            self.paths[row.values["path"]] = row

    def _drop(self, row: Row) -> None:
        if row.address is not None:
            self._deleted.append(row.address)

    def _load_heavy(self, rows: list[Row]) -> None:
        """Read what else is stored of rows that move."""
        if not rows:
            return
        keys = sorted({row.key for row in rows})
        stored = select_by_keys(self._dataset, ["key", "ordinal", *HEAVY], keys)
        vectors = vectors_of(stored["vector"])
        places = {
            place: number
            for number, place in enumerate(
                zip(stored["key"].to_pylist(), stored["ordinal"].to_pylist(), strict=True)
            )
        }
        for row in rows:
            number = places[row.key, row.values["ordinal"]]
            held = {name: stored[name][number].as_py() for name in ("local", "signature")}
            vector = vectors[number] if row.values["has_vector"] else None
            row.heavy = {"vector": vector, **held, **row.heavy}

    def _as_table(self, rows: list[Row]) -> pa.Table:
        schema = self._dataset.schema.remove_metadata()
        columns = [
            pa.array([row.values[name] for row in rows], schema.field(name).type) for name in LIGHT
        ]
        vectors = [row.heavy.get("vector") for row in rows]
        columns.append(vector_array(vectors, schema.field("vector").type))
        columns += [
            pa.array([row.heavy.get(name) for row in rows], schema.field(name).type)
            for name in ("local", "signature")
        ]
        return pa.table(columns, schema=schema)
