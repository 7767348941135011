"""A program that writes to a catalogue, for tests: it prints how many images it has reported.

Each batch has images that every writer adds, each with a path of its own, and one with a path that
the writers take from each other.
"""

import sys

from imagefinder.stores.lance.store import LanceStore
from imagefinder.testing.contracts.samples import random_entries, record_of
from imagefinder.types import Entry

DIM = 8
IMAGES = 5  # in a batch


def main(address: str, name: str, batches: int) -> None:
    store = LanceStore.open(address)
    for batch in range(batches):
        store.write(list(entries_of(name, batch)))
        sys.stdout.write(f"{(batch + 1) * IMAGES}\n")
        sys.stdout.flush()


def entries_of(name: str, batch: int) -> list[Entry]:
    first = batch * IMAGES
    return [
        Entry(record_of(f"/same/{first + number}", f"/of/{name}/{first + number}"), entry.features)
        for number, entry in enumerate(random_entries(IMAGES, DIM, first=first))
    ] + [Entry(record_of(f"/own/{name}/{batch}", "/contested"), random_entries(1, DIM)[0].features)]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
