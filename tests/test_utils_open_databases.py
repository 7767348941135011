"""The files of open databases, which nothing else may open."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from imagefinder import Finder, UnreadableImage
from imagefinder._utils.open_databases import is_open_database
from imagefinder._utils.sqlite import connect
from imagefinder.images.files import read

from .mean_color import Colours

_OTHER_PROGRAM = """
import sys, apsw
connection = apsw.Connection(sys.argv[1])
print(connection.execute("SELECT count(*) FROM images").get)
connection.close()
"""


def stored_in(path: Path) -> int:
    """The number of images that another program sees, which closes the catalogue then."""
    command = [sys.executable, "-c", _OTHER_PROGRAM, str(path)]
    return int(subprocess.run(command, check=True, capture_output=True).stdout)


def draw(path: Path, seed: int) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    PIL.Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize("name", ["photos", "photos.db", "photos.jpg"])
def test_a_catalogue_in_the_folder_of_its_images_stays_locked(tmp_path: Path, name: str) -> None:
    draw(tmp_path / "1.png", 1)
    with Finder.create(tmp_path / name, Colours()) as finder:
        assert finder.add(tmp_path).added == 1
        assert finder.add(tmp_path / name).failed
        assert stored_in(tmp_path / name) == 1
        assert (tmp_path / f"{name}-wal").exists(), "another program took itself for the last"
        draw(tmp_path / "2.png", 2)
        finder.add(tmp_path)
        assert stored_in(tmp_path / name) == 2


def test_a_database_is_open_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    connection = connect(path, create=True)
    connection.pragma("journal_mode", "WAL")
    connection.execute("CREATE TABLE numbers (n)")
    (tmp_path / "link").symlink_to(path)
    os.link(path, tmp_path / "same.png")
    (tmp_path / "index.png").symlink_to(tmp_path / "a.db-shm")
    names = ["a.db", "a.db-shm", "link", "same.png", "index.png"]
    assert all(is_open_database(tmp_path / name) for name in names)
    with pytest.raises(UnreadableImage, match="a catalogue that is open"):
        read(tmp_path / "same.png")
    assert not is_open_database(tmp_path / "missing")
    assert not is_open_database("\0")
    connection.close()
    assert not any(is_open_database(tmp_path / name) for name in names)


def test_a_connection_that_nobody_closed_is_not_open(tmp_path: Path) -> None:
    connection = connect(tmp_path / "a.db", create=True)
    del connection
    assert not is_open_database(tmp_path / "a.db")
