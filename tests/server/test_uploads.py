"""Uploads and deletions: no file of the user's is deleted or overwritten."""

import errno
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import PIL.Image
import pytest

from imagefinder import Finder
from imagefinder.errors import DiskFull, NotFound
from imagefinder.images.stored_files import unchanged_file
from imagefinder.server import Settings
from imagefinder.server.uploads import Upload, add_image, delete_image
from imagefinder.types import Record, key_of

from ..conftest import drawn

ROUNDS = 60


def test_a_stored_image_has_its_file_despite_concurrent_deletion(
    catalogue: Path, folder: Path
) -> None:
    data = (folder / "00.jpg").read_bytes() + b"another"
    id_ = f"{key_of(sha256(data).digest()):016x}"
    kept = folder.parent / "kept"
    with Finder.open(catalogue) as finder, ThreadPoolExecutor(2) as both:

        def taken(number: int) -> None:
            add_image(finder, Upload(data, f"{number % 3}.jpg"), Settings(uploads=kept))

        def dropped(_: int) -> None:
            try:
                record = finder.get(id_)
            except NotFound:
                return
            delete_image(finder, record, Settings(uploads=kept))

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


@pytest.fixture
def photos(tmp_path: Path) -> Iterator[tuple[Finder, Path]]:
    """A catalogue of the user's own images, and their folder, which also takes uploads."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(2):
        PIL.Image.fromarray(drawn(seed)).save(folder / f"{seed}.png")
    with Finder.create(tmp_path / "photos.db", "dhash") as finder:
        finder.add(folder)
        yield finder, folder


def upload(finder: Finder, folder: Path, seed: int, name: str = "new.png") -> Record:
    data = BytesIO()
    PIL.Image.fromarray(drawn(seed)).save(data, "PNG")
    return add_image(finder, Upload(data.getvalue(), name), Settings(uploads=folder)).record


def files_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.rglob("*") if not file.is_dir())


def test_only_what_was_uploaded_is_deleted(photos: tuple[Finder, Path]) -> None:
    finder, folder = photos
    uploaded = upload(finder, folder, 9)
    assert [file.origin for file in uploaded.files] == ["uploaded"]
    for record, _ in list(finder.store.iter_records()):
        delete_image(finder, record, Settings(uploads=folder))
    assert len(finder) == 0
    assert files_in(folder) == ["0.png", "1.png"]


def test_an_upload_of_what_the_user_has_leaves_the_user_s_file(
    photos: tuple[Finder, Path],
) -> None:
    finder, folder = photos
    same = upload(finder, folder, 0)
    assert [Path(file.path).name for file in same.files] == ["0.png"]
    delete_image(finder, same, Settings(uploads=folder))
    assert files_in(folder) == ["0.png", "1.png"]


def test_a_copy_that_the_user_has_elsewhere_stays(
    photos: tuple[Finder, Path], tmp_path: Path
) -> None:
    finder, folder = photos
    uploaded = upload(finder, folder, 9)
    copy = tmp_path / "copy.png"
    copy.write_bytes(Path(uploaded.files[0].path).read_bytes())
    finder.add(copy)
    delete_image(finder, finder.get(uploaded.id), Settings(uploads=folder))
    assert copy.exists()
    assert files_in(folder) == ["0.png", "1.png"]


def test_an_uploaded_file_that_the_user_adds_is_the_user_s(photos: tuple[Finder, Path]) -> None:
    finder, folder = photos
    uploaded = upload(finder, folder, 9)
    finder.sync(folder)  # which finds it unchanged: it stays an upload
    assert [file.origin for file in finder.get(uploaded.id).files] == ["uploaded"]
    finder.add(uploaded.files[0].path, metadata={"kept": True})
    delete_image(finder, finder.get(uploaded.id), Settings(uploads=folder))
    assert files_in(folder) == ["0.png", "1.png", "new.png"]


def test_an_uploaded_file_that_was_changed_is_not_deleted(photos: tuple[Finder, Path]) -> None:
    finder, folder = photos
    uploaded = upload(finder, folder, 9)
    path = Path(uploaded.files[0].path)
    path.write_bytes(path.read_bytes() + b"edited")
    delete_image(finder, uploaded, Settings(uploads=folder))
    assert path.exists()


def test_a_link_in_the_place_of_an_upload_leads_to_no_deletion(
    photos: tuple[Finder, Path], tmp_path: Path
) -> None:
    finder, folder = photos
    uploaded = upload(finder, folder, 9)
    path, moved = Path(uploaded.files[0].path), tmp_path / "moved"
    path.parent.rename(moved)
    path.parent.symlink_to(moved)
    delete_image(finder, uploaded, Settings(uploads=folder))
    assert files_in(moved) == ["new.png"]


def test_uploads_may_go_through_a_link(photos: tuple[Finder, Path], tmp_path: Path) -> None:
    finder, folder = photos
    link = tmp_path / "link"
    link.symlink_to(folder)
    uploaded = upload(finder, link, 9)
    delete_image(finder, uploaded, Settings(uploads=folder))
    assert files_in(folder) == ["0.png", "1.png"]


def test_an_upload_overwrites_nothing(photos: tuple[Finder, Path]) -> None:
    finder, folder = photos
    uploaded = upload(finder, folder, 9)
    path = Path(uploaded.files[0].path)
    finder.remove(uploaded.id)  # the file stays, and is nobody's
    path.write_bytes(b"something of the user's")
    again = upload(finder, folder, 9)
    assert path.read_bytes() == b"something of the user's"
    assert [Path(file.path).name for file in again.files] == ["new-2.png"]


def test_a_full_disk_is_told_as_such(
    photos: tuple[Finder, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    finder, folder = photos

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("imagefinder._utils.atomic.os.replace", full)
    before = set(folder.iterdir())
    with pytest.raises(DiskFull, match="no space"):
        upload(finder, folder, 7)
    assert set(folder.iterdir()) == before
