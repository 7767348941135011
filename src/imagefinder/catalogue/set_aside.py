"""Images that keep their former vectors, in a catalogue of their own.

Scores of two encoders do not compare, so one ranking cannot hold both; two catalogues are searched
together by their ranks.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from imagefinder._utils.concurrency import batched
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.catalogue.copied_entries import copied_entries
from imagefinder.errors import CatalogueExists, StoreError
from imagefinder.registry.recipes import differences
from imagefinder.stores.opening import create_store, open_store
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.stores.sqlite.whole_catalogue import check_free, whole_catalogue
from imagefinder.types import Record, Store

_PAGE = 1000  # images written in one step


def check_target(catalogue: Catalogue, path: Path) -> None:
    """Raises StoreError unless there is nothing, or a catalogue of the same encoder."""
    if not Catalogue.exists(path):
        check_free(path)
        return
    if isinstance(catalogue.store, SqliteStore) and catalogue.store.is_at(path):
        raise StoreError(f"{path} is the catalogue itself: choose another path")
    with closing(open_store(path)) as other:
        if differences(other.recipe, catalogue.recipe) is not None:
            raise CatalogueExists(
                f"{path} is a catalogue made with {other.recipe}, not with {catalogue.recipe}: "
                "choose another path"
            )


def set_aside(catalogue: Catalogue, records: Sequence[Record], path: Path) -> None:
    """Copy these images with their vectors to a catalogue, which is made unless it is there.

    It may be done again, as after a program was killed.
    """
    store = catalogue.store
    if Catalogue.exists(path):
        with closing(open_store(path)) as other:
            _copy(store, records, other)
        return
    with whole_catalogue(path) as unfinished:
        # by its recipe: the former encoder may be installed no longer
        made = create_store(unfinished, store.recipe, None, store.extractor)
        with closing(made) as other:
            _copy(store, records, other)


def _copy(store: Store, records: Sequence[Record], to: Store) -> None:
    for page in batched(records, _PAGE):
        features = store.features_of([record.key for record in page])
        to.write(copied_entries(store, [(record, features[record.key]) for record in page]))
