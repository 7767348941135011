"""HTTP API and web interface."""

from imagefinder.server.app import create_app, serve
from imagefinder.server.settings import Settings

__all__ = ["Settings", "create_app", "serve"]
