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


def walks() -> list[list[tuple[str, str, str, str]]]:
    """(room, caller, file, name) of each step of each walk."""
    step = re.compile(r"^\| `(\w+)` \| `?(\w*)`? ?\| `([\w/.]+)` `(\w+)` \|", re.MULTILINE)
    found = [step.findall(section) for section in ARCHITECTURE.read_text().split("\n### ")]
    return [walk for walk in found if walk]


def test_there_are_three_walks_and_each_step_exists() -> None:
    assert len(walks()) == 3
    defined = re.compile(r"^ *(?:async )?(?:def|class) (\w+)", re.MULTILINE)
    for room, _, file, name in (step for walk in walks() for step in walk):
        assert file.partition("/")[0].removesuffix(".py") == room
        assert name in defined.findall((PACKAGE / file).read_text()), f"{file} has no {name}"


def test_each_room_is_entered_once_and_called_from_above() -> None:
    layers = [line.split(" | ") for line in layers_drawn().text.splitlines()]
    depth = {room: number for number, line in enumerate(layers) for room in line}
    for walk in walks():
        entered: list[str] = []
        for room, caller, *_ in walk:
            if room not in entered[-1:]:
                assert room not in entered, f"{room} is entered twice"
                entered.append(room)
            if caller:
                assert caller in entered
                assert depth[caller] < depth[room]
