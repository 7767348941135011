"""What people install, with all that it needs, from the registry: `make install-check`."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ..e2e.program import clean_env
from .recipe import COMMANDS, context, values

NEVER = re.compile(r"torch|transformers|nvidia|triton|pytest|ruff|hatchling", re.IGNORECASE)

IN_THE_BASE = set(
    "libc libdl libgcc_s libm libmvec libpthread librt libstdc++ libutil libz".split()
)
"""Libraries that Debian's slim image has."""
(EXTRAS,) = (value.removeprefix("EXTRAS=") for value in values("ARG") if "EXTRAS" in value)
OWN_GPU = "intel_gpu_plugin"  # loaded only where there is one, with its driver


def linked_by(place: Path) -> set[str]:
    """The system's libraries that those in a folder are linked to, or lack."""
    files = [file for file in place.rglob("*.so*") if OWN_GPU not in file.name]
    own = {file.name for file in files}  # also those that are there by the time they are needed
    told = subprocess.run(["ldd", *files], capture_output=True, check=False).stdout.decode()  # noqa: S607
    needed = set(re.findall(r"^\t(\S+) => ", told, re.MULTILINE)) - own
    return {name.partition(".so")[0] for name in needed}


@pytest.mark.install
@pytest.mark.parametrize("extras", ["", EXTRAS])
def test_the_image_s_build_installs_a_whole_program_and_no_more(
    tmp_path: Path, extras: str
) -> None:
    build = re.sub(r"^(--\S+\s+)+", "", values("RUN")[0])
    place = tmp_path / "installed"
    tools = tmp_path / "tools"  # the build stage's own Python, where it installs what builds
    subprocess.run([sys.executable, "-m", "venv", tools], check=True)
    path = f"{tools / 'bin'}:{os.environ['PATH']}"
    subprocess.run(
        ["sh", "-euc", build.replace("/opt/imagefinder", str(place))],  # noqa: S607
        cwd=context(tmp_path / "context"),
        env=clean_env({"PATH": path, "EXTRAS": extras}),
        check=True,
    )

    listed = subprocess.run(
        [tools / "bin" / "pip", "--python", place / "bin" / "python", "list", "--format", "json"],
        capture_output=True,
        check=True,
    )
    names = {package["name"] for package in json.loads(listed.stdout)}
    assert "imagefinder" in names
    assert [name for name in names if NEVER.search(name)] == []
    for name in ("opencv-python-headless", "scikit-learn"):
        assert (name in names) is bool(extras)
    assert linked_by(place) <= IN_THE_BASE

    def said(*words: str) -> str:
        program = place / "bin" / "imagefinder"
        run = subprocess.run(
            [program, *words], cwd=tmp_path, env=clean_env(), capture_output=True, check=True
        )
        return run.stdout.decode()

    assert set(re.findall(r"^[│ ]+([a-z]+)  ", said("--help"), re.MULTILINE)) == COMMANDS
    demo = json.loads(said("demo", "--json"))
    assert demo["found"] / demo["searches"] >= 0.9
