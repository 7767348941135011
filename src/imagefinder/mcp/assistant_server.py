"""The MCP server of a catalogue: which tools it has, and errors that an assistant can act upon."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Never, ParamSpec, TypeVar

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, ToolAnnotations
from pydantic import create_model

from imagefinder import __version__
from imagefinder._utils.text import one_line
from imagefinder.errors import ImageFinderError
from imagefinder.finder import Finder
from imagefinder.mcp.changes import Changes
from imagefinder.mcp.folders import Folders
from imagefinder.mcp.tools import Tools
from imagefinder.types import Record

_INSTRUCTIONS = (
    "Finds images of one catalogue by what they show. Begin with describe_catalogue; show what was "
    "found with get_image. Files must lie below the folders that describe_catalogue names."
)

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def create_server(
    finder: Finder,
    folders: Folders,
    *,
    writable: bool = False,
    show_paths: bool = True,
    explain: Callable[[Exception], str] = one_line,
    remove: Callable[[Record], None] | None = None,
) -> MCPServer:
    """Tools that search; with ``writable``, also those that change the catalogue.

    Without ``show_paths`` they tell the names of files alone. ``explain`` says what an assistant is
    told of an error. ``remove`` is for programs that keep more of an image than its record.
    """
    tools = Tools(finder, folders, writable, show_paths)
    read_only = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    searching: tuple[Callable[..., Any], ...] = (
        tools.describe_catalogue,
        tools.search_by_image,
        tools.search_by_text,
        tools.similar_to,
        tools.find_duplicates,
        tools.get_image,
    )
    offered = [_strict_tool(_with_plain_errors(tool, explain), read_only) for tool in searching]
    if writable:
        changes = Changes(finder, folders, show_paths, remove)
        changing: tuple[tuple[Callable[..., Any], bool], ...] = (
            (changes.add_image, False),
            (changes.remove_image, True),
            (changes.set_metadata, True),
        )
        for change, destroys in changing:
            hints = ToolAnnotations(
                read_only_hint=False, destructive_hint=destroys, open_world_hint=False
            )
            offered.append(_strict_tool(_with_plain_errors(change, explain), hints))
    with _unchanged_logging():
        return _ToolsServer(
            "imagefinder", version=__version__, instructions=_INSTRUCTIONS, tools=offered
        )


class _ToolsServer(MCPServer):
    """Has no prompts. The SDK takes a request for one that is missing for a crash."""

    async def get_prompt(self, *_: Any, **__: Any) -> Never:
        """Raises MCPError."""
        raise MCPError(INVALID_PARAMS, "there are no prompts: call one of the tools")


@contextmanager
def _unchanged_logging() -> Iterator[None]:
    """The SDK would have all libraries log through rich, beside the log of a server."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers = handlers
        root.setLevel(level)


def _strict_tool(tool: Callable[..., Any], hints: ToolAnnotations) -> Tool:
    """Arguments that it does not have are errors: a misspelled filter would not filter."""
    made = Tool.from_function(tool, annotations=hints)
    lenient = made.fn_metadata.arg_model
    strict: Any = create_model(lenient.__name__, __base__=lenient)
    strict.model_config["extra"] = "forbid"
    strict.model_rebuild(force=True)
    made.fn_metadata.arg_model = strict
    made.parameters = strict.model_json_schema(by_alias=True)
    return made


def _with_plain_errors(
    tool: Callable[Parameters, Result], explain: Callable[[Exception], str]
) -> Callable[Parameters, Result]:
    @wraps(tool)
    def checked(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return tool(*args, **kwargs)
        except (ImageFinderError, ValueError, OSError) as error:
            raise ToolError(explain(error)) from error

    return checked
