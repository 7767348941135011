"""ImageFinder: the most similar images to an image.

with Finder.create("photos.db") as finder:
    finder.add("~/Images")
    print(finder.search("query.jpg"))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagefinder.catalogue.reduction import reduce
    from imagefinder.encoders.inference import embed
    from imagefinder.errors import (
        CalibrationError,
        CatalogueExists,
        CatalogueMissing,
        DiskFull,
        EncoderChanged,
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
    from imagefinder.images.decode import load_image
    from imagefinder.images.limits import Limits
    from imagefinder.near_duplicates.detect import duplicates
    from imagefinder.registry.factory import make_encoder, make_extractor, make_matcher
    from imagefinder.search.ensemble import Ensemble
    from imagefinder.search.hits import Hits
    from imagefinder.types import Features, Hit, Item, LocalFeatures, Record, Report
    from imagefinder.verification.calibrate import calibrate
    from imagefinder.verification.compare import compare

__version__ = "0.1.0"

__all__ = [
    "CalibrationError",
    "CatalogueExists",
    "CatalogueMissing",
    "DiskFull",
    "EncoderChanged",
    "Ensemble",
    "ExchangeError",
    "Features",
    "Finder",
    "Hit",
    "Hits",
    "ImageError",
    "ImageFinderError",
    "ImageTooLarge",
    "Item",
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
    "make_matcher",
    "reduce",
]

_HOMES = {
    "Ensemble": "search.ensemble",
    "Features": "types",
    "Finder": "finder",
    "Hit": "types",
    "Hits": "search.hits",
    "Limits": "images.limits",
    "LocalFeatures": "types",
    "Item": "types",
    "Record": "types",
    "Report": "types",
    "calibrate": "verification.calibrate",
    "compare": "verification.compare",
    "duplicates": "near_duplicates.detect",
    "embed": "encoders.inference",
    "load_image": "images.decode",
    "make_encoder": "registry.factory",
    "make_extractor": "registry.factory",
    "make_matcher": "registry.factory",
    "reduce": "catalogue.reduction",
}


def __getattr__(name: str) -> Any:
    """Imported on first use, so that the command line starts at once."""
    if name not in __all__:
        raise AttributeError(f"module 'imagefinder' has no attribute {name!r}")
    return getattr(import_module(f"imagefinder.{_HOMES.get(name, 'errors')}"), name)
