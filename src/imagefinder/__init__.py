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
    from imagefinder.calibrating import calibrate
    from imagefinder.duplication import duplicates
    from imagefinder.embedding import embed
    from imagefinder.ensemble import Ensemble
    from imagefinder.errors import (
        CalibrationError,
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
    from imagefinder.matching import compare
    from imagefinder.reduction import reduce
    from imagefinder.registry import make_encoder, make_extractor, make_reranker
    from imagefinder.types import Features, Hit, LocalFeatures, Record, Report

__version__ = "0.1.0"

__all__ = [
    "CalibrationError",
    "CatalogueExists",
    "CatalogueMissing",
    "Ensemble",
    "ExchangeError",
    "Features",
    "Finder",
    "Hit",
    "Hits",
    "ImageError",
    "ImageFinderError",
    "ImageTooLarge",
    "Limits",
    "LocalFeatures",
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
    "calibrate",
    "compare",
    "duplicates",
    "embed",
    "load_image",
    "make_encoder",
    "make_extractor",
    "make_reranker",
    "reduce",
]

_HOMES = {
    "Ensemble": "ensemble",
    "Features": "types",
    "Finder": "finder",
    "Hit": "types",
    "Hits": "hits",
    "Limits": "images",
    "LocalFeatures": "types",
    "Record": "types",
    "Report": "types",
    "calibrate": "calibrating",
    "compare": "matching",
    "duplicates": "duplication",
    "embed": "embedding",
    "load_image": "images",
    "make_encoder": "registry",
    "make_extractor": "registry",
    "make_reranker": "registry",
    "reduce": "reduction",
}


def __getattr__(name: str) -> Any:
    """Imported on first use, so that the command line starts at once."""
    if name not in __all__:
        raise AttributeError(f"module 'imagefinder' has no attribute {name!r}")
    return getattr(import_module(f"imagefinder.{_HOMES.get(name, 'errors')}"), name)
