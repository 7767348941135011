"""FiftyOne format: a dataset on disk, as ``Dataset.from_dir`` reads it and ``export`` writes it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from imagefinder.catalogue.vector_files.errors import translate_errors
from imagefinder.catalogue.vector_files.extended_json import (
    object_id,
    packed_array,
    read_document,
    read_documents,
    unpacked_array,
)
from imagefinder.catalogue.vector_files.fiftyone_fields import (
    EMBEDDING,
    EMBEDDINGS,
    OURS,
    MetadataFields,
    given_fields,
    metadata_of,
    vector_field,
)
from imagefinder.catalogue.vector_files.layout import Layout, layout_of
from imagefinder.catalogue.vector_files.row import (
    ImageVectors,
    Row,
    check_vectors,
    to_cells,
    to_image,
)
from imagefinder.catalogue.vector_files.sidecar import parse_recipe
from imagefinder.images.remote_files import is_remote
from imagefinder.registry import recipes
from imagefinder.similarity import dtype
from imagefinder.types import Features, Recipe, Record

SAMPLES: Final = "samples.json"
DATASET: Final = "metadata.json"

_VERSION = "1.0.0"  # of FiftyOne, which takes what an earlier one has written
_KEPT = ("id", "sha256", "size", "width", "height", "mtime_ns", "metadata", "also")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FiftyOne:
    """A folder with ``samples.json`` and ``metadata.json``; images stay where they are.

    Metadata become fields. The field ``imagefinder`` has what an import needs to know again, and
    the dataset's ``info`` has the recipe.
    """

    path: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """The folder itself."""
        return (self.path,)

    @property
    def recipe(self) -> Recipe | None:
        """The recipe of the encoder, if it is recorded."""
        match self._dataset.get("info"):
            case {"imagefinder": {"recipe": str(text)}}:
                return parse_recipe(text, DATASET)
        return None

    @property
    def layout(self) -> Layout | None:
        """Of the first vector."""
        found = ((rows, where) for _, rows, where in self._samples() if rows is not None)
        return next((layout_of(rows, where) for rows, where in found), None)

    def write(self, recipe: Recipe, images: Iterable[tuple[Record, Features]]) -> None:
        """Create the folder, which must not exist."""
        self.path.mkdir()
        fields = MetadataFields()
        with (self.path / SAMPLES).open("w", encoding="utf-8") as file:
            file.write('{"samples": [')
            between = ""
            for record, features in images:
                if record.path is None or is_remote(record.path):
                    _log.warning("%s is left out: it has no file here", record.path or record.id)
                    continue
                file.write(between + json.dumps(_sample(record, features, fields)))
                between = ",\n"
            file.write("]}\n")
        described = _dataset(self.path.stem, recipe, fields)
        (self.path / DATASET).write_text(json.dumps(described), encoding="utf-8")

    def read(self, recipe: Recipe) -> Iterator[ImageVectors]:
        """Every image. Raises ExchangeError for vectors that do not fit the recipe."""
        none = np.empty((0, recipe.dim), dtype(recipe.measure))
        for sample, found, where in self._samples():
            features = none if found is None else found
            check_vectors(features, recipe, where)
            with translate_errors(where):
                cells = _cells(sample)
            yield to_image(Row(cells, where, self.path), features)

    def _samples(self) -> Iterator[tuple[dict[str, Any], Features | None, str]]:
        """Each with its vectors, and where it is."""
        with translate_errors(DATASET):
            name = vector_field(self._dataset)
        with translate_errors(SAMPLES):
            for number, sample in enumerate(read_documents(self.path / SAMPLES, "samples"), 1):
                where = f"{SAMPLES}, sample {number}"
                with translate_errors(where):
                    features = _features(sample, name)
                yield sample, features, where

    @property
    def _dataset(self) -> dict[str, Any]:
        with translate_errors(DATASET):
            return read_document(self.path / DATASET)


def _sample(record: Record, features: Features, fields: MetadataFields) -> dict[str, Any]:
    cells = to_cells(record)
    return {
        "_id": object_id(record.id),
        "_media_type": "image",
        "_rand": record.key / 2**63,
        "filepath": record.path,
        "tags": [],
        "metadata": {
            "_cls": "ImageMetadata",
            "size_bytes": record.size,
            "mime_type": None,
            "width": record.width,
            "height": record.height,
            "num_channels": None,
        },
        EMBEDDING: packed_array(features[0]) if len(features) else None,
        EMBEDDINGS: packed_array(features) if len(features) > 1 else None,
        OURS: {name: cells[name] for name in _KEPT},
        **fields.of(record.metadata),
    }


def _dataset(name: str, recipe: Recipe, fields: MetadataFields) -> dict[str, Any]:
    objects = ("classes", "mask_targets", "default_mask_targets", "skeletons", "group_media_types")
    runs = ("annotation_runs", "brain_methods", "evaluations", "runs")
    lists = ("tags", "frame_fields", "default_classes", "saved_views", "workspaces")
    return {
        "name": name,
        "version": _VERSION,
        "media_type": "image",
        "info": {OURS: {"recipe": recipes.to_json(recipe)}},
        "sample_fields": [*given_fields(), *fields.declared()],
        **{name: {} for name in (*objects, *runs)},
        **{name: [] for name in lists},
    }


def _features(sample: Mapping[str, Any], name: str) -> Features | None:
    """All rows of an image, in a type that a catalogue has; ``None`` without any."""
    value = sample.get(EMBEDDINGS) if OURS in sample else None
    value = sample.get(name) if value is None else value
    if value is None:
        return None
    array = unpacked_array(value) if isinstance(value, bytes) else np.asarray(value)
    rows = np.atleast_2d(array)
    if rows.dtype == np.uint8:
        return rows
    with np.errstate(over="ignore"):  # what is not finite is refused later
        return rows.astype(np.float32, copy=False)


def _cells(sample: Mapping[str, Any]) -> dict[str, Any]:
    """The row of an image; what was changed in FiftyOne takes the place of what was exported."""
    if not isinstance(path := sample.get("filepath"), str):
        raise ValueError("it has no filepath")
    kept = sample.get(OURS)
    kept = kept if isinstance(kept, dict) else {}
    before = json.loads(kept.get("metadata") or "{}")
    said = {**before, **metadata_of(sample)} if isinstance(before, dict) else before
    return {
        **{name: kept.get(name) for name in _KEPT},
        "path": path,
        "metadata": json.dumps(said, ensure_ascii=False),
    }
