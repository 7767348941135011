"""Five newcomers do what the guides say, line by line, with the installed program.

Python and curl are tried page by page elsewhere; here it is the shell, from the first line of a
newcomer's pages to the last, in one folder, as it is left by the lines before.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest

from imagefinder import Finder

from ..e2e.program import clean_env, served
from .conftest import Stage
from .pages import DOCS, blocks

ELSEWHERE = re.compile(
    r"^(make|pip|pipx|uv|docker|systemctl|\.|export|curl) |models (pull|add|verify)|train-encoder"
    r"|--encoder (clip|resnet50|large|efficientnet)|(clip|resnet|large|lite)\.db"  # of a hub
    r"|https?://|postgresql://| back\.db|/mnt/"  # of other machines
    r"| watch | ping\b"  # what does not end, and asks the server of another line
)
"""Lines that need the network, another machine, or another test."""
ID = "3e92d93bb8cd8fb0"


@dataclass
class Newcomer:
    """Somebody with a folder, a home, and the program on the path."""

    folder: Path
    home: Path

    def follow(self, *guides: str) -> dict[str, str]:
        """What each line of these guides printed."""
        said: dict[str, str] = {}
        for guide in guides:
            for block in blocks("console", [DOCS / "guides" / f"{guide}.md"]):
                for line in re.findall(r"^\$ (.+)$", block.text, re.MULTILINE):
                    command = line.partition(" #")[0].strip()
                    if not ELSEWHERE.search(command):
                        said[command] = self.type(command)
        return said

    def type(self, command: str) -> str:
        """What a line prints; a server is asked whether it is ready, and ended."""
        if command.startswith("imagefinder serve"):
            return self.visit(command)
        result = subprocess.run(
            ["bash", "-c", self.here(command)],  # noqa: S607  whichever there is
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
        return result.stdout

    def visit(self, command: str) -> str:
        """What the server of a line says of itself."""
        words = shlex.split(command.replace("~", str(self.home)))[2:]
        with served(self.folder, *words, "--host", "127.0.0.1", "--port", "0") as (client, _, _):
            ready: httpx.Response = client.get("/readyz")
            page = client.get("/")
        assert (ready.status_code, page.status_code) == (200, 200), ready.text
        return ready.text

    def here(self, command: str) -> str:
        """With an id that there is, and addresses of this machine allowed."""
        if ID in command:
            with Finder.open(self.folder / "imagefinder.db") as finder:
                command = command.replace(ID, finder.page(most=1)[0].id)
        if re.search(r"(add|sync|download) (products|list)\.csv", command):
            command += " --allow-private"
        return command

    @property
    def environment(self) -> dict[str, str]:
        path = f"{self.home / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return clean_env({"HOME": str(self.home), "PATH": path})


@pytest.fixture
def newcomer(tmp_path: Path, stage: Stage) -> Newcomer:
    """With pictures in the home folder, and the files that the guides name."""
    folder, home = tmp_path / "work", tmp_path / "home"
    made_by_them = ("photos.db", "gallery.db")
    stage.set_up(folder, without=made_by_them)
    lay_out_pictures(home / "Pictures", folder)
    lay_out_classes(folder / "gallery", folder / "held-out")
    shutil.copytree(folder / "products", folder / "product-images")
    shutil.copy(folder / "products.csv", folder / "list.csv")
    program = home / "bin" / "imagefinder"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m imagefinder "$@"\n')
    program.chmod(0o755)
    return Newcomer(folder, home)


def lay_out_pictures(pictures: Path, folder: Path) -> None:
    shutil.copytree(folder / "photos", pictures)
    (pictures / "private").mkdir()
    shutil.copy(folder / "b.jpg", pictures / "private" / "letter.jpg")
    shutil.copy(folder / "a.jpg", pictures / "blurred.jpg")
    unlike = sorted((folder / "gallery").iterdir())[-2:]
    for number, scene in enumerate(unlike, 1):
        shutil.copy(scene / "0.jpg", pictures / f"beach-{number}.jpg")


def lay_out_classes(gallery: Path, held_out: Path) -> None:
    """In groups of classes; some images of each are queries, and pairs.csv has pairs of others."""
    pairs = ["query,relevant"]
    for number, scene in enumerate(sorted(gallery.iterdir())):
        (held_out / scene.name).mkdir(parents=True)
        (scene / "3.jpg").rename(held_out / scene.name / "3.jpg")
        (gallery / ("land", "sea")[number % 2]).mkdir(exist_ok=True)
        there = scene.rename(gallery / ("land", "sea")[number % 2] / scene.name)
        pairs.append(f"{there / '0.jpg'},{there / '1.jpg'}")
    (gallery.parent / "pairs.csv").write_text("\n".join(pairs))


def test_a_person_with_photographs(newcomer: Newcomer) -> None:
    said = newcomer.follow("first-steps", "folders", "photographs")
    pictures = newcomer.home / "Pictures"
    assert "harbour.jpg" in said["imagefinder duplicates --html copies.html"]
    assert (newcomer.folder / "copies.html").exists()
    selected = said["imagefinder duplicates --select"].splitlines()
    assert str(pictures / "copy.jpg") in selected
    assert "copy.jpg" in (newcomer.folder / "remove.sh").read_text()
    assert {path for path in selected if Path(path).exists()} == set()  # they are in the trash
    assert (pictures / "harbour.jpg").exists()
    assert said["imagefinder duplicates --decisions"].startswith("no duplicates: ")


def test_a_shop(newcomer: Newcomer) -> None:
    said = newcomer.follow("url-lists", "shop")
    assert "gave 2 images" in said["imagefinder --db shop.db add products.csv"]
    assert said["imagefinder --db shop.db sync product-images"].startswith("32 added")
    served = next(answer for line, answer in said.items() if line.startswith("imagefinder serve"))
    assert '"images":34' in served


def test_an_engineer_who_compares_encoders(newcomer: Newcomer) -> None:
    said = newcomer.follow("encoders", "evaluation")
    assert {"compact", "standard", "phash"} <= set(said["imagefinder encoders"].split())
    assert np.load(newcomer.folder / "query.npy").shape == (1, 384)
    assert (newcomer.folder / "report" / "report.html").exists()
    assert "mAP" in said["imagefinder evaluate --queries held-out --measure l2"]
    by_pairs = json.loads(said["imagefinder evaluate --pairs pairs.csv --rerank geometric --json"])
    assert by_pairs["queries"] == 13


def test_someone_who_comes_from_another_tool(newcomer: Newcomer) -> None:
    said = newcomer.follow("moving")
    found = said["imagefinder --db hashes.db duplicates --threshold 0.84 --verify none --json"]
    (group,) = json.loads(found)["groups"]
    assert [Path(copy["paths"][0]).name for copy in group["copies"]] == ["copy.jpg"]
    assert len(list((newcomer.folder / "images").rglob("*.jpg"))) == 2


def test_an_operator(newcomer: Newcomer) -> None:
    for options in ("", " --db photos.db", " --db prints.db --encoder classic"):
        newcomer.type("imagefinder add ~/Pictures" + options)
    said = newcomer.follow("server", "security", "backups")
    servers = [answer for line, answer in said.items() if line.startswith("imagefinder serve")]
    assert len(servers) >= 6
    assert all('"status":"ready"' in answer for answer in servers)
    assert "editor" in said["imagefinder keys list"]
    assert (newcomer.folder / "photos-2026-11.db").stat().st_size > 0
    assert json.loads(said["imagefinder check --json"])["damaged"] == []
