"""Clients that others' generators make from the OpenAPI document work against the server.

The generators are not among the packages of ``[dev]``: ``make client-tools`` installs them.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import pytest

from imagefinder.server import create_app

from ..conftest import MakeOnce
from .program import serving

SOURCES = Path(__file__).parent / "generated"
ROOT = Path(__file__).parents[2]
TOOLS = Path(os.environ.get("IMAGEFINDER_CLIENT_TOOLS") or ROOT / ".client-tools")

Client: TypeAlias = Callable[..., dict[str, Any]]
"""Called with the server's address, an image and a mode."""


def called(*words: str | Path, **options: Any) -> str:
    done: subprocess.CompletedProcess[str] = subprocess.run(
        words, capture_output=True, text=True, timeout=300, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def document(folder: Path) -> Path:
    """The document as the server gives it, in a file."""
    file = folder / "openapi.json"
    file.write_text(json.dumps(create_app("no.db").openapi()))
    return file


@pytest.fixture
def python_client(make_once: MakeOnce) -> Client:
    generator = TOOLS / "bin" / "openapi-python-client"
    if not generator.exists():
        pytest.skip("there are no client-tools: openapi-python-client is missing")

    def generate(folder: Path) -> None:
        output = called(
            *(generator, "generate", "--path", document(folder), "--meta", "none"),
            *("--output-path", folder / "imagefinder_api"),
            *("--config", SOURCES / "openapi-python-client.yaml"),
        )
        assert "WARNING" not in output, output  # an operation or response that it passes over

    folder = make_once("python-client", generate)
    env = {**os.environ, "PYTHONPATH": str(folder)}
    program = SOURCES / "client.py"
    return lambda *words: json.loads(called(sys.executable, program, *words, env=env))


@pytest.fixture
def typescript_client(make_once: MakeOnce) -> Client:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node")
    if not (TOOLS / "node_modules" / "openapi-typescript").is_dir():
        pytest.skip("there are no client-tools: openapi-typescript is missing")

    def generate(folder: Path) -> None:
        for name in ("types.mjs", "client.ts", "package.json"):
            shutil.copy(SOURCES / name, folder)
        (folder / "node_modules").symlink_to(TOOLS / "node_modules")
        called(node, "types.mjs", document(folder), "schema.d.ts", cwd=folder)
        compiler = folder / "node_modules" / "typescript" / "bin" / "tsc"
        strict = ("--strict", "--target", "es2022", "--module", "esnext", "--skipLibCheck")
        found = ("--moduleResolution", "bundler", "--types", "node")
        called(node, compiler, *strict, *found, "client.ts", cwd=folder)

    folder = make_once("typescript-client", generate)
    return lambda *words: json.loads(called(node, "client.js", *words, cwd=folder))


@pytest.fixture(params=["python", "typescript"])
def client(request: pytest.FixtureRequest) -> Client:
    made: Client = request.getfixturevalue(f"{request.param}_client")
    return made


def test_it_uploads_searches_filters_and_deletes(
    client: Client, stocked: Path, images: list[Path], tmp_path: Path
) -> None:
    image = tmp_path / "new.png"
    shutil.copy(images[0], image)
    with image.open("ab") as file:  # the same pixels, but not the same file
        file.write(b"\0")
    options = ("--db", stocked, "--writable", "--uploads", "kept")
    with serving(tmp_path, *options) as server:
        found = client(address(server), str(image), "write")
    assert found.pop("id")
    assert found == {
        "filtered": ["new.png"],
        "thumbnail": "image/jpeg",
        "deleted": 204,
        "missing": 404,
        "batch": [201, 422, None],
    }


@pytest.mark.skipif(os.name != "posix", reason="several workers need signals")
def test_it_searches_a_server_of_several_workers(
    client: Client, stocked: Path, images: list[Path], tmp_path: Path
) -> None:
    with serving(tmp_path, "--db", stocked, "--workers", 2) as server:
        found = client(address(server), str(images[0]), "read")["found"]
    assert found[0] == images[0].name
    assert len(found) == 3


def address(server: httpx.Client) -> str:
    return str(server.base_url).rstrip("/")
