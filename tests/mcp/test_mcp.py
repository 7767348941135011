"""The tools of an assistant, called by the SDK's own client, in this process and over stdio."""

import asyncio
import base64
import logging
import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from imagefinder import Finder

pytest.importorskip("mcp")

from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, ImageContent, TextContent

from imagefinder.mcp import Folders, create_server
from imagefinder.server.problems import detail_for_client
from mcp import Client, StdioServerParameters

from ..conftest import drawn
from ..e2e.program import PROGRAM, clean_env

SEARCHING = {
    *("describe_catalogue", "search_by_image", "search_by_text"),
    *("similar_to", "find_duplicates", "get_image"),
}
CHANGING = {"add_image", "remove_image", "set_metadata"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Drawn images: 0.png to 4.png, and a copy of the first."""
    images = tmp_path / "images"
    images.mkdir()
    for seed in range(5):
        PIL.Image.fromarray(drawn(seed)).save(images / f"{seed}.png")
    PIL.Image.fromarray(drawn(0)).save(images / "copy.jpg", quality=90)
    return images


@pytest.fixture
def finder(folder: Path) -> Iterator[Finder]:
    """A catalogue of them."""
    with Finder.create(folder.parent / "library.db", "classic") as finder:
        finder.add(sorted(folder.iterdir()), metadata=[{"n": n} for n in range(6)])
        yield finder


class Assistant:
    """Calls tools of a server in this process."""

    def __init__(self, finder: Finder, *roots: Path, **options: Any) -> None:
        self.server = create_server(finder, Folders(roots), **options)

    def __call__(self, tool: str, **arguments: Any) -> CallToolResult:
        async def call() -> CallToolResult:
            async with Client(self.server) as client:
                return await client.call_tool(tool, arguments)

        return asyncio.run(call())

    def tools(self) -> dict[str, Any]:
        async def listed() -> dict[str, Any]:
            async with Client(self.server) as client:
                return {tool.name: tool for tool in (await client.list_tools()).tools}

        return asyncio.run(listed())


def answer(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, result.content
    structured: dict[str, Any] | None = result.structured_content
    assert structured is not None
    return structured


def refused(result: CallToolResult) -> str:
    """What the assistant is told; it is never a crash, of which it would learn nothing."""
    assert result.is_error
    (content,) = result.content
    assert isinstance(content, TextContent)
    assert len(content.text.partition(": ")[2]) > 5 or content.text.startswith("Unknown tool")
    return content.text


def id_of(finder: Finder, path: Path) -> str:
    (hit,) = finder.search(path, 1)
    return hit.id


def test_a_server_only_searches_unless_it_is_writable(finder: Finder, folder: Path) -> None:
    tools = Assistant(finder).tools()
    assert set(tools) == SEARCHING
    assert all(tool.annotations.read_only_hint and tool.output_schema for tool in tools.values())
    assert set(Assistant(finder, writable=True).tools()) == SEARCHING | CHANGING
    assert "Unknown tool" in refused(Assistant(finder)("remove_image", id="0" * 16))


def test_a_prompt_is_refused_and_leaves_the_log_as_it_is(
    finder: Finder, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    assistant = Assistant(finder)
    assert logging.getLogger().handlers == []
    logging.getLogger().addHandler(caplog.handler)

    async def prompted() -> None:
        async with Client(assistant.server) as client:
            with pytest.raises(MCPError, match="call one of the tools"):
                await client.get_prompt("describe")

    asyncio.run(prompted())
    assert not caplog.records


def test_a_catalogue_is_described(finder: Finder, folder: Path) -> None:
    about = answer(Assistant(finder, folder)("describe_catalogue"))
    assert (about["images"], about["encoder"], about["text_search"]) == (6, "classic", False)
    assert about["folders"] == [str(folder)]


def test_an_image_is_searched_with(finder: Finder, folder: Path) -> None:
    ask = Assistant(finder, folder)
    by_path = answer(ask("search_by_image", path=str(folder / "2.png"), k=2))["hits"]
    assert (Path(by_path[0]["path"]).name, len(by_path)) == ("2.png", 2)
    assert (by_path[0]["verdict"], by_path[0]["match"]) == ("same image", True)
    encoded = base64.b64encode((folder / "2.png").read_bytes()).decode()
    for data in (encoded, f"data:image/png;base64,{encoded}"):
        assert answer(ask("search_by_image", data=data, k=2))["hits"] == by_path
    filtered = answer(ask("search_by_image", data=encoded, where={"n": {"lt": 1}}))["hits"]
    assert [hit["metadata"] for hit in filtered] == [{"n": 0}]
    nothing = answer(ask("search_by_image", data=encoded, where={"n": 99}))
    assert (nothing["hits"], nothing["detail"]) == ([], "no image has n=99")


def test_an_image_of_the_catalogue_is_not_similar_to_itself(finder: Finder, folder: Path) -> None:
    hits = answer(Assistant(finder)("similar_to", id=id_of(finder, folder / "0.png"), k=3))["hits"]
    assert Path(hits[0]["path"]).name == "copy.jpg"
    assert len(hits) == 3


def test_duplicates_are_found(finder: Finder, folder: Path) -> None:
    found = answer(Assistant(finder)("find_duplicates"))
    assert found["total"] == 1
    (group,) = found["groups"]
    assert Path(group["best"]["path"]).name == "0.png"
    assert [Path(copy["path"]).name for copy in group["copies"]] == ["copy.jpg"]


def test_an_image_is_shown(finder: Finder, folder: Path) -> None:
    result = Assistant(finder)("get_image", id=id_of(finder, folder / "3.png"), side=64)
    assert answer(result)["path"] == str(folder / "3.png")
    (content,) = result.content
    assert isinstance(content, ImageContent)
    with PIL.Image.open(BytesIO(base64.b64decode(content.data))) as image:
        assert (image.format, image.size) == ("JPEG", (64, 48))


def test_a_missing_or_imported_file_is_not_shown(finder: Finder, folder: Path) -> None:
    id_ = id_of(finder, folder / "3.png")
    finder.export_vectors(folder.parent / "vectors.npy")
    with Finder.create(folder.parent / "imported.db", "classic") as imported:
        imported.import_vectors(folder.parent / "vectors.npy")
        assert "may not be shown" in refused(Assistant(imported)("get_image", id=id_))
        answer(Assistant(imported, folder)("get_image", id=id_))
    (folder / "3.png").unlink()
    assert "missing" in refused(Assistant(finder, folder)("get_image", id=id_))


def test_files_lie_below_the_allowed_folders(finder: Finder, folder: Path) -> None:
    outside = folder.parent / "outside.png"
    outside.write_bytes((folder / "1.png").read_bytes())
    (folder / "link.png").symlink_to(outside)
    (folder / "loop.png").symlink_to(folder / "loop.png")
    os.mkfifo(folder / "pipe.png")
    ask = Assistant(finder, folder, writable=True)
    for tool in ("search_by_image", "add_image"):
        for path in (outside, folder / "link.png", folder / ".." / "outside.png", "/etc/passwd"):
            assert "not below an allowed folder" in refused(ask(tool, path=str(path)))
        assert "not below" in refused(ask(tool, path=f"{folder}-other/1.png"))
        for path in ("missing.png", "pipe.png", "loop.png", "", "a" * 300):
            assert "no such file" in refused(ask(tool, path=str(folder / path)))
        assert "NUL" in refused(ask(tool, path=f"{folder}/1.png\0"))
        refused(ask(tool, path="a" * 5000))
    nowhere = Assistant(finder)
    assert "--root" in refused(nowhere("search_by_image", path=str(folder / "1.png")))
    assert len(finder) == 6


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("search_by_image", {}),
        ("search_by_image", {"path": "a", "data": "b"}),
        ("search_by_image", {"path": 7}),
        ("search_by_image", {"data": "é"}),
        ("search_by_image", {"data": "aGVsbG8="}),
        ("search_by_image", {"data": "data:image/png;base64,A"}),
        ("search_by_text", {"text": ""}),
        ("search_by_text", {"text": "a" * 1001}),
        ("search_by_text", {"text": "a chair"}),
        ("similar_to", {"id": "0" * 16}),
        ("similar_to", {"id": "/etc/passwd"}),
        ("similar_to", {"id": "0" * 16, "k": 10**30}),
        ("similar_to", {"id": "0" * 16, "k": 0}),
        ("similar_to", {"id": "0" * 16, "k": "many"}),
        ("similar_to", {"id": ["0" * 16]}),
        ("similar_to", {"id": "0" * 16, "were": {"n": 1}}),
        ("describe_catalogue", {"x": 1}),
        ("find_duplicates", {"most": 101}),
        ("find_duplicates", {"threshold": "high"}),
        ("get_image", {"id": "x" * 65}),
        ("get_image", {"id": "0" * 16, "side": 10**6}),
        ("set_metadata", {"id": "0" * 16, "metadata": []}),
        ("nothing", {}),
    ],
)
def test_hostile_arguments_get_tool_errors(
    finder: Finder, tool: str, arguments: dict[str, Any]
) -> None:
    refused(Assistant(finder, writable=True)(tool, **arguments))


def test_a_bomb_and_a_wrong_filter_are_refused(finder: Finder, folder: Path) -> None:
    PIL.Image.new("1", (40_000, 40_000)).save(folder / "bomb.png")
    ask = Assistant(finder, folder)
    assert "make it smaller" in refused(ask("search_by_image", path=str(folder / "bomb.png")))
    id_ = id_of(finder, folder / "1.png")
    refused(ask("similar_to", id=id_, where={"n": {"less": 1}}))


def test_a_writable_catalogue_is_changed_and_no_file(finder: Finder, folder: Path) -> None:
    ask = Assistant(finder, folder, writable=True)
    PIL.Image.fromarray(drawn(9)).save(folder / "9.png")
    added = answer(ask("add_image", path=str(folder / "9.png"), metadata={"n": 9}))
    assert (added["outcome"], added["image"]["metadata"]) == ("added", {"n": 9})
    assert answer(ask("add_image", path=str(folder / "9.png")))["outcome"] == "unchanged"
    id_ = added["image"]["id"]
    changed = answer(ask("set_metadata", id=id_, metadata={"room": "kitchen"}))
    assert changed["image"]["metadata"] == {"room": "kitchen"}
    deep: dict[str, Any] = {}
    for _ in range(40):
        deep = {"a": deep}
    assert "nested" in refused(ask("set_metadata", id=id_, metadata=deep))
    answer(ask("remove_image", id=id_))
    assert "no image" in refused(ask("get_image", id=id_))
    assert (folder / "9.png").exists()


def test_metadata_of_one_of_several_items_leave_those_of_the_others(finder: Finder) -> None:
    finder.add([drawn(9)] * 2, metadata=[{"price": 9}, {"price": 30}], items=["17", "18"])
    (id_,) = {hit.id for hit in finder.search(drawn(9), 1)}
    ask = Assistant(finder, writable=True)
    assert "17, 18" in refused(ask("set_metadata", id=id_, metadata={"price": 8}))
    changed = answer(ask("set_metadata", id=id_, metadata={"price": 8}, item="17"))["image"]
    assert [item["metadata"]["price"] for item in changed["items"]] == [8, 30]
    assert "no item" in refused(ask("set_metadata", id=id_, metadata={}, item="19"))


def test_the_program_serves_over_stdio(finder: Finder, folder: Path) -> None:
    words = ["mcp", "--db", str(folder.parent / "library.db"), "--root", str(folder)]
    program, *first = PROGRAM
    server = StdioServerParameters(
        command=str(program), args=[*map(str, first), *words], env=dict(clean_env())
    )

    async def talk() -> tuple[set[str], CallToolResult, CallToolResult]:
        async with Client(server) as client:
            tools = {tool.name for tool in (await client.list_tools()).tools}
            path = {"path": str(folder / "4.png"), "k": 1}
            found = await client.call_tool("search_by_image", path)
            return tools, found, await client.call_tool("search_by_image", {"path": "/etc/passwd"})

    tools, found, outside = asyncio.run(talk())
    assert tools == SEARCHING
    (hit,) = answer(found)["hits"]
    assert hit["path"] == str(folder / "4.png")
    assert "not below an allowed folder" in refused(outside)


def test_where_folders_are_kept_the_names_of_files_are_told_alone(
    finder: Finder, folder: Path
) -> None:
    ask = Assistant(finder, writable=True, show_paths=False)
    id_ = id_of(finder, folder / "0.png")
    data = base64.b64encode((folder / "0.png").read_bytes()).decode()
    results = [
        ask("search_by_image", data=data),
        ask("similar_to", id=id_),
        ask("find_duplicates"),
        ask("get_image", id=id_),
        ask("set_metadata", id=id_, metadata={"n": 7}),
    ]
    assert answer(results[0])["hits"][0]["path"] == "0.png"
    for result in results:
        answer(result)
        assert str(folder.parent) not in result.model_dump_json()


def test_trouble_with_the_catalogue_tells_a_client_of_a_server_no_path(
    finder: Finder, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ask = Assistant(finder, show_paths=False, explain=detail_for_client)
    (folder.parent / "library.db").rename(folder.parent / "moved.db")
    told = refused(ask("describe_catalogue"))
    assert "unavailable at the moment" in told
    assert str(folder.parent) not in told
    assert "library.db was moved or deleted" in caplog.text
