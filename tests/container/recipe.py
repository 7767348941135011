"""The image's recipe as the tests read it, and what is built of it without an engine."""

import json
import re
import shutil
import subprocess
from pathlib import Path

from dockerfile_parse import DockerfileParser

from imagefinder.cli.app import app

ROOT = Path(__file__).parents[2]
INSTRUCTIONS: list[tuple[str, str]] = [
    (line["instruction"], line["value"])
    for line in DockerfileParser(str(ROOT / "Dockerfile")).structure
]
COMMANDS = {str(group.name) for group in app.registered_groups} | {
    command.name or command.callback.__name__
    for command in app.registered_commands
    if command.callback
}


def values(instruction: str) -> list[str]:
    return [value for name, value in INSTRUCTIONS if name == instruction]


def words(instruction: str) -> list[str]:
    """The command that an instruction gives in its exec form."""
    (value,) = values(instruction)
    found: list[str] = json.loads(value[value.index("[") :])
    return found


def copied() -> list[str]:
    """What is copied from the project."""
    from_project = [value for value in values("COPY") if not value.startswith("--from")]
    return [source for value in from_project for source in value.split()[:-1]]


def tracked() -> list[str]:
    """The project's files, as git has them."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, check=True)  # noqa: S607
    return listed.stdout.decode().splitlines()


def context(folder: Path) -> Path:
    """What the engine is given to build from."""
    sources = copied()
    for file in tracked():
        if any(file == source or file.startswith(f"{source}/") for source in sources):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, folder / file)
    return folder


def environment() -> dict[str, str]:
    """The variables that the image sets."""
    return dict(re.findall(r"(\w+)=(\S+)", " ".join(values("ENV"))))
