"""The MCP server: a catalogue as tools of an assistant (Model Context Protocol)."""

from imagefinder.mcp.assistant_server import create_server
from imagefinder.mcp.folders import Folders

__all__ = ["Folders", "create_server"]
