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
OWN_GPU = "intel_gpu_plugin"  # loaded only where there is one, with its driver


def linked_by(place: Path) -> set[str]:
    """The system's libraries that those in a folder are linked to, or lack."""
    files = [file for file in place.rglob("*.so*") if OWN_GPU not in file.name]
    told = subprocess.run(["ldd", *files], capture_output=True, check=False).stdout.decode()  # noqa: S607
    found = re.findall(r"^\t(\S+?)\.so\S* => (not found|/\S+)", told, re.MULTILINE)
    return {name for name, where in found if not where.startswith(str(place))}


@pytest.mark.install
@pytest.mark.parametrize("extras", ["", "local"])
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
    assert any("opencv" in name for name in names) is bool(extras)
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
