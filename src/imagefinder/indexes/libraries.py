"""Libraries that only some kinds need."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from imagefinder.errors import MissingExtra


def check(module: str, extra: str) -> None:
    """Raise MissingExtra, as ``needed`` would, without loading the module."""
    if find_spec(module) is None:
        raise MissingExtra(_remedy(extra))


def needed(module: str, extra: str) -> Any:
    """The module. Raises MissingExtra, which says how to install it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtra(_remedy(extra)) from error


def _remedy(extra: str) -> str:
    return f"this index needs: pip install 'imagefinder[{extra}]'"
