"""A dataset that is read at its newest version, and written to beside other programs.

Every write names a fragment that does not exist as one that it removes. So any two writes of which
neither has seen the other conflict, and the later one decides anew on what the earlier one has
written: no image is stored twice, and no path belongs to two. Compactions and new indexes, which
change nothing of what a write decides on, do not conflict with it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import TypeVar
from uuid import uuid4

import lance
from lance.commit import CommitConflictError
from lance.fragment import FragmentMetadata, write_fragments

from imagefinder.errors import CatalogueDamaged, StoreError
from imagefinder.stores.lance import schema
from imagefinder.stores.lance.address import Address
from imagefinder.stores.lance.changes import Changes
from imagefinder.stores.lance.failures import translated, translating
from imagefinder.stores.lance.session import new_session

_TOKEN = 2**32 - 1  # a fragment that does not exist
_ATTEMPTS = 60
_FIRST_DELAY, _LONGEST_DELAY = 0.01, 1.0  # seconds
_FRESH = 1.0  # seconds, for which the newest version of an object store is not asked for again

Result = TypeVar("Result")


class Table:
    """For many threads. A version that is given is read alone."""

    def __init__(
        self, address: Address, *, read_only: bool = False, version: int | None = None
    ) -> None:
        """Raises CatalogueMissing, or StoreError for a version that is not there."""
        self.address, self.version = address, version
        self._read_only = read_only or version is not None
        self._guard, self._writing = Lock(), Lock()
        self._closed = False
        self._asked = time.monotonic()
        self._dataset = _open(address, version)
        self._id = schema.properties_of(self._dataset).get("id")

    def newest(self, *, now: bool = False) -> lance.LanceDataset:
        """The newest version, or that which was given; an own write is always seen."""
        with self._guard:
            self._check_open()
            if self.version is None and (now or not self._is_fresh()):
                with translating(self.address):
                    self._refresh()
            return self._dataset

    def write(self, use: Callable[[lance.LanceDataset], tuple[Result, Changes | None]]) -> Result:
        """What ``use`` returns, once its changes are committed: exactly once.

        It is tried again, on what is stored by then, if another program was writing.
        """
        self.check_writable()
        with self._writing:
            for attempt in range(_ATTEMPTS):
                dataset = self.newest(now=True)
                with translating(self.address):
                    result, changes = use(dataset)
                if changes is None or self._commit(dataset, changes):
                    return result
                _pause(attempt)
        raise self._busy()

    def set_properties(self, decide: Callable[[dict[str, str]], dict[str, str] | None]) -> bool:
        """Set what ``decide`` returns of the present ones; False if that is None.

        It is asked again if another program has set the same meanwhile. An empty text is none.
        """
        self.check_writable()
        with self._writing:
            for attempt in range(_ATTEMPTS):
                dataset = self.newest(now=True)
                texts = decide(schema.properties_of(dataset))
                if texts is None:
                    return False
                if self._configure(dataset, texts):
                    return True
                _pause(attempt)
        raise self._busy()

    def check_writable(self) -> None:
        """Raise StoreError if it was opened to be read alone."""
        if self._read_only:
            which = f"version {self.version} of " if self.version is not None else ""
            raise StoreError(f"{which}{self.address.shown} was opened to be read alone")

    def close(self) -> None:
        """Nothing is read or written any more."""
        self._closed = True

    def _is_fresh(self) -> bool:
        return self.address.is_remote and time.monotonic() - self._asked < _FRESH

    def _refresh(self) -> None:
        newest = self._dataset.latest_version
        self._asked = time.monotonic()
        if newest != self._dataset.version:
            self._use(self._dataset.checkout_version(newest))

    def _use(self, dataset: lance.LanceDataset) -> None:
        own = schema.properties_of(dataset).get("id")
        self._id = self._id or own  # of a copy that is finished
        if own != self._id:
            raise StoreError(f"{self.address.shown} is another catalogue by now: open it again")
        self._dataset = dataset

    def _commit(self, dataset: lance.LanceDataset, changes: Changes) -> bool:
        """Whether it was done; if not, another program has written meanwhile."""
        with translating(self.address):
            operation = _operation(dataset, changes)
        transaction = lance.Transaction(dataset.version, operation, str(uuid4()))
        try:
            written = lance.LanceDataset.commit(dataset, transaction)
        except (CommitConflictError, OSError, ValueError, RuntimeError) as error:
            return self._was_committed(transaction, error)
        with self._guard:
            self._use(written)
        return True

    def _was_committed(self, transaction: lance.Transaction, error: Exception) -> bool:
        """Whether it was, although the answer was lost. Raises StoreError for another failure."""
        newest = self.newest(now=True)
        with translating(self.address):
            for version in range(transaction.read_version + 1, newest.version + 1):
                found = newest.read_transaction(version)
                if found is not None and found.uuid == transaction.uuid:
                    return True
        if isinstance(error, CommitConflictError):
            return False
        raise translated(error, self.address) from error

    def _configure(self, dataset: lance.LanceDataset, texts: Mapping[str, str]) -> bool:
        own: dict[str, str | None] = {schema.PREFIX + name: text for name, text in texts.items()}
        try:
            dataset.checkout_version(dataset.version).update_config(own)
        except CommitConflictError:
            return False
        except (OSError, ValueError, RuntimeError) as error:
            if "conflict" in str(error).lower():
                return False
            raise translated(error, self.address) from error
        self.newest(now=True)
        return True

    def _busy(self) -> StoreError:
        return StoreError(
            f"{self.address.shown}: other programs write to it all the time: try again, or add "
            "more images at a time"
        )

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(f"{self.address.shown} is closed: open it again")


def _open(address: Address, version: int | None) -> lance.LanceDataset:
    session = new_session()
    if version is None:
        with translating(address):
            return lance.dataset(address.uri, storage_options=address.options, session=session)
    try:  # the newest one may be damaged
        return lance.dataset(address.uri, version, storage_options=address.options, session=session)
    except (OSError, ValueError, RuntimeError, OverflowError) as error:
        known = translated(error, address)
        if isinstance(known, CatalogueDamaged):
            raise known from error
        newest = _open(address, None).version
        raise StoreError(
            f"{address.shown} has no version {version}, or not any longer: imagefinder vacuum "
            f"deletes old ones; the newest is {newest}"
        ) from error


def _operation(dataset: lance.LanceDataset, changes: Changes) -> lance.LanceOperation.Update:
    removed, updated = [_TOKEN], []
    for number, offsets in changes.deleted_offsets():
        fragment = dataset.get_fragment(number)
        left = None if fragment is None else fragment.delete_rows(offsets)
        if left is None:
            removed.append(number)
        else:
            updated.append(left)
    new: list[FragmentMetadata] = []
    if changes.rows is not None:
        new = write_fragments(changes.rows, dataset, schema=changes.rows.schema)
    return lance.LanceOperation.Update(removed, updated, new)


def _pause(attempt: int) -> None:
    longest = min(_LONGEST_DELAY, _FIRST_DELAY * 2**attempt)
    time.sleep(longest * random.uniform(0.5, 1.5))  # noqa: S311  no secret
