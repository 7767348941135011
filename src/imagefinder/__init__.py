"""ImageFinder: the most similar pictures to a picture.

from imagefinder import Finder

with Finder.create("photos.db") as finder:
    finder.add("~/Pictures")
    print(finder.search("query.jpg"))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagefinder.embedding import embed
    from imagefinder.errors import (
        CatalogueExists,
        CatalogueMissing,
        ExchangeError,
        ImageError,
        ImageFinderError,
        ImageTooLarge,
        MissingExtra,
        ModelError,
        NewerCatalogue,
        NotACatalogue,
        NotFound,
        PluginError,
        RecipeMismatch,
        StoreError,
        UnencodableImage,
        UnknownPlugin,
        UnreadableImage,
    )
    from imagefinder.finder import Finder
    from imagefinder.hits import Hits
    from imagefinder.images import Limits, load_image
    from imagefinder.registry import make_encoder
    from imagefinder.types import Features, Hit, Record, Report

__version__ = "0.1.0"

__all__ = [
    "CatalogueExists",
    "CatalogueMissing",
    "ExchangeError",
    "Features",
    "Finder",
    "Hit",
    "Hits",
    "ImageError",
    "ImageFinderError",
    "ImageTooLarge",
    "Limits",
    "MissingExtra",
    "ModelError",
    "NewerCatalogue",
    "NotACatalogue",
    "NotFound",
    "PluginError",
    "RecipeMismatch",
    "Record",
    "Report",
    "StoreError",
    "UnencodableImage",
    "UnknownPlugin",
    "UnreadableImage",
    "embed",
    "load_image",
    "make_encoder",
]

_HOMES = {
    "Features": "types",
    "Finder": "finder",
    "Hit": "types",
    "Hits": "hits",
    "Limits": "images",
    "Record": "types",
    "Report": "types",
    "embed": "embedding",
    "load_image": "images",
    "make_encoder": "registry",
}


def __getattr__(name: str) -> Any:
    """Imported on first use, so that the command line starts at once."""
    if name not in __all__:
        raise AttributeError(f"module 'imagefinder' has no attribute {name!r}")
    return getattr(import_module(f"imagefinder.{_HOMES.get(name, 'errors')}"), name)
