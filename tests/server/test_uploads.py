"""Concurrent uploads and deletions of one image."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from imagefinder import Finder
from imagefinder.errors import NotFound
from imagefinder.images.stored_files import unchanged_file
from imagefinder.server.uploads import add_image, delete_image
from imagefinder.types import key_of

ROUNDS = 60


def test_a_stored_image_has_its_file_despite_concurrent_deletion(
    catalogue: Path, folder: Path
) -> None:
    data = (folder / "00.jpg").read_bytes() + b"another"
    id_ = f"{key_of(sha256(data).digest()):016x}"
    kept = folder.parent / "kept"
    with Finder.open(catalogue) as finder, ThreadPoolExecutor(2) as both:

        def taken(number: int) -> None:
            add_image(finder, data, f"{number % 3}.jpg", None, kept)

        def dropped(_: int) -> None:
            try:
                record = finder.get(id_)
            except NotFound:
                return
            delete_image(finder, record, kept)

        for number in range(ROUNDS):
            one, other = both.submit(taken, number), both.submit(dropped, number)
            one.result()
            other.result()
            files = [path for path in kept.rglob("*") if path.is_file()]
            record = finder.store.get([int(id_, 16)]).get(int(id_, 16))
            if record is None:
                assert files == []
            else:
                assert unchanged_file(record) is not None
                assert len(files) == len(record.files)
