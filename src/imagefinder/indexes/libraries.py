"""Libraries that only some kinds need."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from imagefinder.errors import MissingExtra


def needed(module: str, extra: str) -> Any:
    """The module. Raises MissingExtra, which says how to install it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtra(f"this index needs: pip install 'imagefinder[{extra}]'") from error
