"""HTTP API and web interface."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagefinder.server.app import create_app, lifespan
    from imagefinder.server.serving import serve, serve_worker
    from imagefinder.server.settings import Settings

__all__ = ["Settings", "create_app", "lifespan", "serve", "serve_worker"]

_HOMES = {"Settings": "settings", "create_app": "app", "lifespan": "app"}


def __getattr__(name: str) -> Any:
    """Imported on first use: a supervisor of workers needs none of it."""
    if name not in __all__:
        raise AttributeError(f"module 'imagefinder.server' has no attribute {name!r}")
    return getattr(import_module(f"imagefinder.server.{_HOMES.get(name, 'serving')}"), name)
