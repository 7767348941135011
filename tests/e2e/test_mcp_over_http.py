"""Assistants over HTTP: the SDK's own client, the server program, keys, and several workers."""

import asyncio
import base64
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from imagefinder import Finder

pytest.importorskip("mcp")

import httpx2
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult

from imagefinder.server.api_keys import KeyFile
from mcp import Client

from ..conftest import drawn
from ..mcp.test_mcp import CHANGING, SEARCHING, answer, refused
from .program import served


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Drawn images 0.png to 4.png and a copy of the first, in a catalogue."""
    images = tmp_path / "images"
    images.mkdir()
    for seed in range(5):
        PIL.Image.fromarray(drawn(seed)).save(images / f"{seed}.png")
    PIL.Image.fromarray(drawn(0)).save(images / "copy.jpg", quality=90)
    with Finder.create(tmp_path / "library.db", "classic") as finder:
        finder.add(sorted(images.iterdir()), metadata=[{"n": n} for n in range(6)])
    return images


class Assistant:
    """Calls tools of a server at an address."""

    def __init__(self, base: str, key: str = "") -> None:
        self.address = f"{base}/mcp"
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}

    def __call__(self, tool: str, **arguments: Any) -> CallToolResult:
        return asyncio.run(self._talk(tool, arguments))[1]

    def tools(self) -> set[str]:
        return asyncio.run(self._talk("describe_catalogue", {}))[0]

    async def _talk(self, tool: str, arguments: dict[str, Any]) -> tuple[set[str], CallToolResult]:
        async with (
            httpx2.AsyncClient(headers=self.headers, timeout=120) as http,
            Client(streamable_http_client(self.address, http_client=http)) as client,
        ):
            tools = {tool.name for tool in (await client.list_tools()).tools}
            return tools, await client.call_tool(tool, arguments)


@pytest.fixture
def reading(folder: Path) -> Iterator[Assistant]:
    """An assistant of a server with two workers."""
    words = ("--mcp", "--workers", "2", "--root", folder)
    with served(folder.parent, "--db", folder.parent / "library.db", *words) as (client, _, _):
        yield Assistant(str(client.base_url).rstrip("/"))


def test_every_tool_that_searches_works_with_several_workers(
    reading: Assistant, folder: Path
) -> None:
    ask = reading
    assert ask.tools() == SEARCHING
    about = answer(ask("describe_catalogue"))
    assert (about["images"], about["folders"]) == (6, [str(folder)])
    data = base64.b64encode((folder / "2.png").read_bytes()).decode()
    by_data = answer(ask("search_by_image", data=data, k=2))["hits"]
    assert answer(ask("search_by_image", path=str(folder / "2.png"), k=2))["hits"] == by_data
    assert (Path(by_data[0]["path"]).name, by_data[0]["verdict"]) == ("2.png", "same image")
    similar = answer(ask("similar_to", id=by_data[0]["id"], k=3))["hits"]
    assert len(similar) == 3
    assert by_data[0]["id"] not in {hit["id"] for hit in similar}
    assert answer(ask("find_duplicates"))["total"] == 1
    shown = ask("get_image", id=by_data[0]["id"], side=64)
    assert answer(shown)["path"] == "2.png"
    assert shown.content[0].type == "image"
    assert "clip" in refused(ask("search_by_text", text="a chair"))


def test_hostile_arguments_get_tool_errors(reading: Assistant) -> None:
    for tool, arguments in (
        ("search_by_image", {"path": "/etc/passwd"}),
        ("search_by_image", {"data": "aGVsbG8="}),
        ("similar_to", {"id": "0" * 16, "k": 10**30}),
        ("get_image", {"id": "\0"}),
        ("remove_image", {"id": "0" * 16}),
        ("nothing", {}),
    ):
        refused(reading(tool, **arguments))


def test_keys_say_who_may_change_the_catalogue(folder: Path, tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "server.keys")
    reader, writer = keys.add("reader"), keys.add("writer", writes=True)
    words = ("--mcp", "--writable", "--keys", tmp_path / "server.keys", "--root", folder)
    with served(folder.parent, "--db", folder.parent / "library.db", *words) as (client, _, _):
        base = str(client.base_url).rstrip("/")
        assert client.post("/mcp", json={}).status_code == 401
        assert Assistant(base, reader).tools() == SEARCHING
        ask = Assistant(base, writer)
        assert ask.tools() == SEARCHING | CHANGING
        PIL.Image.fromarray(drawn(9)).save(folder / "9.png")
        added = answer(ask("add_image", path=str(folder / "9.png"), metadata={"n": 9}))
        id_ = added["image"]["id"]
        changed = answer(ask("set_metadata", id=id_, metadata={"room": "kitchen"}))
        assert changed["image"]["metadata"] == {"room": "kitchen"}
        assert "Unknown tool" in refused(Assistant(base, reader)("remove_image", id=id_))
        answer(ask("remove_image", id=id_))
        assert answer(ask("describe_catalogue"))["images"] == 6
        header = {"Authorization": f"Bearer {writer}"}
        assert client.get("/mcp", headers=header).status_code == 405
        too_large = client.post("/mcp", headers=header, content=b"[" * 21_000_000)
        assert too_large.status_code == 413
        nonsense = client.post("/mcp", headers=header, content=b"\xff{")
        assert 400 <= nonsense.status_code < 500


def test_an_assistant_removes_what_was_uploaded_with_its_file(folder: Path) -> None:
    uploads = folder.parent / "uploads"
    words = ("--mcp", "--writable", "--uploads", uploads, "--root", folder)
    with served(folder.parent, "--db", folder.parent / "library.db", *words) as (client, _, _):
        ask = Assistant(str(client.base_url).rstrip("/"))
        buffer = BytesIO()
        PIL.Image.fromarray(drawn(9)).save(buffer, "PNG")
        made = client.post("/v1/images", files={"image": ("9.png", buffer.getvalue())}).json()
        first = client.get("/v1/images", params={"sort": "name"}).json()["images"]
        assert made["id"] in {image["id"] for image in first}
        assert [file.name for file in uploads.rglob("*.png")] == ["9.png"]
        answer(ask("remove_image", id=made["id"]))
        assert list(uploads.iterdir()) == []
        then = client.get("/v1/images", params={"sort": "name"}).json()["images"]
        assert {image["id"] for image in then} == {image["id"] for image in first} - {made["id"]}
        for image in then:
            answer(ask("remove_image", id=image["id"]))
    assert len(list(folder.iterdir())) == 6


def test_without_the_option_there_is_no_such_route(folder: Path) -> None:
    with served(folder.parent, "--db", folder.parent / "library.db") as (client, _, _):
        assert client.post("/mcp", json={}).status_code == 404
