"""The MCP server: a catalogue as tools of an assistant (Model Context Protocol)."""

from imagefinder.mcp.assistant_server import create_server
from imagefinder.mcp.folders import Folders
from imagefinder.mcp.http_endpoint import HttpEndpoint

__all__ = ["Folders", "HttpEndpoint", "create_server"]
