"""Image cells: the files of images within a Parquet file, as the library ``datasets`` has them."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import PurePath
from typing import Any, Final, TypedDict

import numpy as np

from imagefinder._utils.extras import optional_import
from imagefinder._utils.text import one_line
from imagefinder.catalogue.vector_files.row import COLUMNS, INTEGERS
from imagefinder.errors import ImageError
from imagefinder.images.inputs import read_source
from imagefinder.images.limits import LIMITS
from imagefinder.similarity import dtype
from imagefinder.types import Recipe, Record

IMAGE: Final = "image"
_FEATURES = b"huggingface"

_log = logging.getLogger(__name__)


class ImageCell(TypedDict):
    """The content of an image's file, and its name."""

    bytes: bytes
    path: str


def with_images(schema: Any, recipe: Recipe) -> Any:
    """The schema with the column, and with what tells ``datasets`` to decode it."""
    arrow = optional_import("pyarrow", "parquet", "'.parquet'")
    kind = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    features = json.dumps({"info": {"features": _features(recipe)}})
    return schema.append(arrow.field(IMAGE, kind)).with_metadata(
        {**(schema.metadata or {}), _FEATURES: features}
    )


def _features(recipe: Recipe) -> dict[str, Any]:
    number = {"dtype": np.dtype(dtype(recipe.measure)).name, "_type": "Value"}
    return {
        **{
            name: {"dtype": "int64" if name in INTEGERS else "string", "_type": "Value"}
            for name in COLUMNS
        },
        # what versions before 4 call it as well
        "vector": {"feature": number, "length": recipe.dim, "_type": "Sequence"},
        IMAGE: {"_type": "Image"},
    }


def image_cell(record: Record) -> ImageCell | None:
    """From the first of its files that still has this content; otherwise nothing, and a warning."""
    problem = "it has no file"
    for file in record.files:
        try:
            content = read_source(file.path, LIMITS)
        except ImageError as error:
            problem = one_line(error)
            continue
        if hashlib.sha256(content).digest() == record.sha256:
            return ImageCell(bytes=content, path=PurePath(file.path).name)
        problem = "its file has changed since it was added"
    _log.warning("%s is exported without its image: %s", record.path or record.id, problem)
    return None
