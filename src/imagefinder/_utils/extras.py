"""Optional dependencies: imported when needed, or an error that says how to install them."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from imagefinder.errors import MissingExtra


def is_installed(module: str) -> bool:
    """Without loading the module."""
    return find_spec(module) is not None


def check_extra(module: str, extra: str, what: str) -> None:
    """Raise MissingExtra, as ``optional_import`` would, without loading the module."""
    if not is_installed(module):
        raise MissingExtra(_remedy(what, extra))


def optional_import(module: str, extra: str, what: str) -> Any:
    """The module. Raises MissingExtra: ``what`` needs ``pip install 'imagefinder[extra]'``."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtra(_remedy(what, extra)) from error


def _remedy(what: str, extra: str) -> str:
    return f"{what} needs: pip install 'imagefinder[{extra}]'"
