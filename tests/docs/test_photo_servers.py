"""The guide to Immich and PhotoPrism, line by line, on libraries laid out as theirs are."""

import csv
import hashlib
import re
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from uuid import UUID

import PIL.Image

from imagefinder.images.transforms import COPIES
from imagefinder.testing.gallery import draw_scene

from ..e2e.program import clean_env
from .pages import DOCS, blocks

GUIDE = [DOCS / "guides" / "photo-servers.md"]
ANNA, BEN = (str(UUID(int=number)) for number in (1, 2))


def test_copies_in_an_immich_library(tmp_path: Path) -> None:
    library = tmp_path / "srv" / "immich"
    assets = lay_out_immich(library)
    before = state_of(library)
    follow(tmp_path, "immich")
    assert state_of(library) == before

    copies = rows(tmp_path / "copies.csv")
    assert {row["path"] for row in copies} == set(assets) - {"library/admin/2024/alone.jpg"}
    assert sorted(row["role"] for row in copies) == ["best", "best", "copy", "copy", "identical"]
    for row in copies:
        content = (library / row["path"]).read_bytes()
        sha1 = hashlib.sha1(content)  # noqa: S324  a name, not a proof
        assert row["sha1"] == sha1.hexdigest()
        assert len(b64encode(bytes.fromhex(row["sha1"]))) == 28  # how Immich tells both forms

    write_assets(tmp_path / "assets.csv", assets)
    (script,) = blocks("python", GUIDE)
    subprocess.run([sys.executable, "-c", script.text], cwd=tmp_path, check=True)
    ids = rows(tmp_path / "ids.csv")
    assert [(row["asset"], row["path"]) for row in ids] == [
        (assets[row["path"]], row["path"]) for row in copies
    ]
    shrunk = next(row for row in ids if row["path"].startswith(f"upload/{BEN}/ff"))
    assert (shrunk["role"], "more pixels" in shrunk["why"]) == ("copy", True)


def test_copies_in_a_photoprism_library(tmp_path: Path) -> None:
    library = tmp_path / "srv" / "photoprism"
    lay_out_photoprism(library)
    before = state_of(library)
    follow(tmp_path, "photoprism")
    assert state_of(library) == before
    found = {row["path"]: row["role"] for row in rows(tmp_path / "copies-photoprism.csv")}
    assert found == {"2024/05/harbour.jpg": "best", "2024/06/harbour_edited.jpg": "copy"}


def follow(folder: Path, server: str) -> None:
    """The program's lines about a server, with its library in the folder, instead of /srv."""
    lines = [
        line
        for block in blocks("console", GUIDE)
        for line in re.findall(r"^\$ (imagefinder .+)$", block.text, re.MULTILINE)
        if f"/srv/{server}" in line
    ]
    assert len(lines) == 2
    for line in lines:
        command = line.replace("/srv/", f"{folder}/srv/")
        command = command.replace("imagefinder ", f"{sys.executable} -m imagefinder ", 1)
        done = subprocess.run(
            ["bash", "-c", command],  # noqa: S607  whichever there is
            cwd=folder,
            env=clean_env(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def lay_out_immich(library: Path) -> dict[str, str]:
    """The originals' paths, each with the id of its asset."""
    harbour, alone, regatta = map(draw_scene, ("harbour", "lighthouse", "regatta"))
    originals = {
        f"upload/{ANNA}/0a/1b/{UUID(int=0x0A1B)}.jpg": harbour,
        f"upload/{BEN}/ff/00/{UUID(int=0xFF00)}.jpg": harbour.resize((240, 180)),
        "library/admin/2024/alone.jpg": alone,
        "library/admin/profile/regatta.jpg": regatta,  # an album with this name
        f"upload/{ANNA}/22/33/{UUID(int=0x2233)}.jpg": regatta,  # the same file
        "library/admin/2024/regatta-saved.jpg": COPIES["JPEG 20"](regatta),
    }
    assets = {path: str(UUID(int=100 + number)) for number, path in enumerate(originals)}
    for path, image in originals.items():
        save(image, library / path)
        owner, id_ = ANNA, assets[path]
        place = library / "thumbs" / owner / id_[:2] / id_[2:4]
        save(image.resize((160, 120)), place / f"{id_}_preview.jpeg")
        save(image.resize((80, 60)), place / f"{id_}_thumbnail.webp")
    save(harbour.resize((120, 90)), library / "profile" / BEN / "avatar.jpg")
    write(library / "encoded-video" / ANNA / "ab" / "cd" / "video.mp4", b"\0\0\0 ftypisom")
    write(library / "backups" / "immich-db-backup.sql.gz", b"\x1f\x8b")
    write(library / "upload" / ANNA / "0a" / "1b" / "video.mov", b"\0\0\0 ftypqt  ")
    for folder in library.iterdir():
        write(folder / ".immich", b"1700000000000")
    return assets


def lay_out_photoprism(library: Path) -> None:
    harbour = draw_scene("harbour")
    save(harbour, library / "originals" / "2024" / "05" / "harbour.jpg")
    save(COPIES["JPEG 20"](harbour), library / "originals" / "2024" / "06" / "harbour_edited.jpg")
    save(draw_scene("lighthouse"), library / "originals" / "2024" / "05" / "lighthouse.jpg")
    save(harbour.resize((224, 168)), library / "originals" / ".storage" / "thumb.jpg")
    save(harbour.resize((224, 168)), library / "storage" / "cache" / "thumbnails" / "a" / "t.jpg")
    save(harbour, library / "storage" / "sidecar" / "2024" / "05" / "raw.dng.jpg")
    write(library / "originals" / ".ppignore", b"*.tmp")


def save(image: PIL.Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.convert("RGB").save(path, quality=92)


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def write_assets(path: Path, assets: dict[str, str]) -> None:
    """As Immich's database gives them, with an original that is gone from the folder."""
    lines = ["id,path", *(f"{id_},/data/{name}" for name, id_ in assets.items())]
    path.write_text("\n".join([*lines, f"{UUID(int=999)},/data/upload/gone.jpg", ""]))


def rows(table: Path) -> list[dict[str, str]]:
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def state_of(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """All that a program could change in a folder without being told; reading changes none."""
    found = {}
    for path in sorted([folder, *folder.rglob("*")]):
        status = path.stat()
        content = path.read_bytes() if path.is_file() else b""
        found[str(path)] = (status.st_mode, status.st_mtime_ns, status.st_ctime_ns, content)
    return found
