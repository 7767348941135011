"""The page about the architecture and the glossary tell of the source as it is."""

import re
import tomllib

from .pages import DOCS, ROOT, Block, all_blocks

PACKAGE = ROOT / "src" / "imagefinder"
ARCHITECTURE = DOCS / "architecture.md"


def test_every_room_has_its_row() -> None:
    rows = set(re.findall(r"^\| `(\w+)(?:/|\.py)` \|", ARCHITECTURE.read_text(), re.MULTILINE))
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix in ("", ".py")}
    assert rows == {room for room in rooms if not room.startswith("__")}


def test_the_layers_are_those_that_import_linter_keeps() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (layers,) = (one["layers"] for one in settings["contracts"] if one["type"] == "layers")
    assert layers == layers_drawn().text.splitlines()


def layers_drawn() -> Block:
    return next(block for block in all_blocks(ARCHITECTURE) if block.text.startswith("cli\n"))


def test_the_readme_has_the_drawing_of_the_page() -> None:
    readme, page = (
        [block.text for block in all_blocks(path) if block.text.startswith("file, bytes")]
        for path in (ROOT / "README.md", ARCHITECTURE)
    )
    assert readme == page
