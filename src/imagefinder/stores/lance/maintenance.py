"""Care of a dataset: lookups indexed, small fragments compacted, old versions deleted."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import lance
from lance.commit import CommitConflictError

from imagefinder.errors import CatalogueDamaged, StoreError
from imagefinder.stores.damage import REMEDIES, Damage
from imagefinder.stores.lance.address import Address
from imagefinder.stores.lance.failures import reason, translating
from imagefinder.stores.lance.schema import HEAVY, LIGHT
from imagefinder.stores.lance.selection import as_integers, select
from imagefinder.stores.lance.table import Table
from imagefinder.stores.lance.vector_index import index_new_vectors
from imagefinder.types import id_of

KEPT = timedelta(days=7)
"""How long a version that was replaced can still be read, in spite of a vacuum."""

_NONE_SO_OLD = timedelta(days=36_500)
_LOOKED_UP = ("key", "path")
_MANY = 48  # small fragments, from which on lookups are indexed and they are compacted
_DELTAS = 8  # parts of the index of a column, from which on they are merged
_SMALL = 16_384  # rows: a writer compacts smaller fragments alone, so none is rewritten often
_BATCH = 1024  # rows

log = logging.getLogger(__name__)


def tidy(table: Table) -> None:
    """Keep lookups quick while images are added: to be called after a write, acts now and then.

    What another program does at the same time is left to that.
    """
    dataset = table.newest()
    sizes = (one.metadata.physical_rows for one in dataset.get_fragments())
    if sum(size < _SMALL for size in sizes) < _MANY:
        return
    try:
        _index_lookups(dataset)
        dataset.optimize.compact_files(target_rows_per_fragment=_SMALL)
    except (CommitConflictError, OSError, ValueError, RuntimeError) as error:
        log.info("left for another time: %s", error)
    table.newest(now=True)


def vacuum(table: Table) -> int:
    """See ``Store.vacuum``: compacts, and deletes versions that were replaced long ago."""
    table.check_writable()
    dataset = table.newest(now=True)
    with translating(table.address):
        _index_lookups(dataset, most_parts=1)
        index_new_vectors(dataset)
        dataset.optimize.compact_files()
        freed = _delete_replaced(dataset)
    table.newest(now=True)
    return freed


def find_damage(table: Table) -> list[Damage]:
    """What cannot be read, or does not belong together."""
    dataset = table.newest(now=True)
    for column in (*LIGHT, *HEAVY):
        try:
            with translating(table.address):
                for _ in dataset.scanner(columns=[column], batch_size=_BATCH).to_batches():
                    pass
        except CatalogueDamaged as error:
            return [Damage(f"the column {column}: {reason(str(error.__cause__))}")]
    return _find_loose_ends(dataset)


def no_backup(address: Address, target: Path) -> StoreError:
    """What to do in place of a backup to a file."""
    return StoreError(
        f"{address.shown} is not a file; its older versions are kept, see imagefinder search --at. "
        f"For a catalogue in a file: imagefinder copy '{address.shown}' {target}"
    )


def no_repair(address: Address) -> StoreError:
    """What to do in place of a repair."""
    return StoreError(
        f"{address.shown} cannot be repaired in place, as a file can: {REMEDIES['lance']}"
    )


def replaced_before(versions: Sequence[Mapping[str, Any]], moment: datetime) -> list[int]:
    """The numbers of those that have had a successor since this moment, or for longer.

    However old a version is, readers use it until it is replaced, and for a while after.
    """
    times = [(int(one["version"]), one["timestamp"].astimezone(UTC)) for one in versions]
    return [number for (number, _), (_, replaced) in pairwise(times) if replaced <= moment]


def _index_lookups(dataset: lance.LanceDataset, most_parts: int = _DELTAS) -> None:
    """Let what is looked up by be indexed, in all fragments.

    Fragments are not compacted with those that another part of an index covers.
    """
    names = {one.name: len(one.segments) for one in dataset.describe_indices()}
    for column in _LOOKED_UP:
        name = f"{column}_idx"
        if name not in names:
            dataset.create_scalar_index(column, "BTREE", name=name)
        else:
            merged = names[name] if names[name] >= most_parts else 0
            dataset.optimize.optimize_indices(index_names=[name], num_indices_to_merge=merged)


def _delete_replaced(dataset: lance.LanceDataset) -> int:
    """Delete versions that were replaced long ago, and what killed writers have left of late.

    Returns the bytes. Versions that another program has tagged stay.
    """
    old = replaced_before(dataset.versions(), datetime.now(UTC) - KEPT)
    chosen: dict[str, Any] = {"versions": old} if old else {"older_than": _NONE_SO_OLD}
    cleaned = dataset.cleanup_old_versions(error_if_tagged_old_versions=False, **chosen)
    return int(cleaned.bytes_removed)


def _find_loose_ends(dataset: lance.LanceDataset) -> list[Damage]:
    rows = select(dataset, ["key", "ordinal"])
    keys = as_integers(rows["key"]).tolist()
    places = Counter(zip(keys, rows["ordinal"].to_pylist(), strict=True))
    found = [
        Damage(f"the record of image {id_of(key)}", key)
        for key in sorted({key for key, _ in places if (key, 0) not in places})
    ]
    twice = sorted({key for (key, _), count in places.items() if count > 1})
    found += [Damage(f"image {id_of(key)} is stored twice", key) for key in twice]
    return found
