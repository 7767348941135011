"""Fields of FiftyOne's datasets: as it declares them, and as metadata of an image."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_FIELDS = "fiftyone.core.fields"
_METADATA = "fiftyone.core.metadata.ImageMetadata"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")

VECTOR: Final = "VectorField"
EMBEDDING: Final = "embedding"
"""The field of an image's vector."""
EMBEDDINGS: Final = "embeddings"
"""The field of all its vectors, if it has several."""
OURS: Final = "imagefinder"
"""The field of what only this program needs to know."""

_GIVEN = {"id", "filepath", "tags", "metadata", "created_at", "last_modified_at"}
# attributes of its samples and their documents
_ATTRIBUTES = frozenset(
    """
    DoesNotExist MultipleObjectsReturned STRICT add_field add_implied_field add_labels
    cascade_save clean clear_field collection_name compare_indexes compute_metadata copy
    copy_with_new_id create_index dataset dataset_id delete drop_collection ensure_indexes
    fancy_repr field_names field_to_mongo field_to_python filename frame_number frames from_dict
    from_doc from_frame from_json get_field get_field_schema get_media_key get_text_score group
    has_field in_dataset in_db iter_fields list_indexes media_reference media_type merge
    merge_field_schema modify my_metaclass objects pk rand register_delete_rule reload sample_id
    save select_related set_field switch_collection switch_db to_dbref to_dict to_json to_mongo
    to_mongo_dict update update_fields validate
    """.split()
)
_TAKEN = frozenset({*_GIVEN, *_ATTRIBUTES, EMBEDDING, EMBEDDINGS, OURS})


def field(name: str, kind: str, *, of: str | None = None, stored_as: str | None = None) -> Any:
    """The declaration of a field."""
    return {
        "name": name,
        "ftype": f"{_FIELDS}.{kind}",
        "embedded_doc_type": None,
        "subfield": f"{_FIELDS}.{of}" if of else None,
        "fields": [],
        "db_field": stored_as or name,
        "description": None,
        "info": None,
        "read_only": name in ("created_at", "last_modified_at"),
        "created_at": None,
    }


def given_fields() -> list[Any]:
    """What every dataset has, and the vectors."""
    numbers = ("size_bytes", "width", "height", "num_channels")
    inner = [field("mime_type", "StringField"), *(field(name, "IntField") for name in numbers)]
    embedded = {"embedded_doc_type": _METADATA, "fields": inner}
    return [
        field("id", "ObjectIdField", stored_as="_id"),
        field("filepath", "StringField"),
        field("tags", "ListField", of="StringField"),
        field("metadata", "EmbeddedDocumentField") | embedded,
        field("created_at", "DateTimeField"),
        field("last_modified_at", "DateTimeField"),
        field(EMBEDDING, VECTOR),
        field(EMBEDDINGS, "ArrayField"),
        field(OURS, "DictField"),
    ]


class MetadataFields:
    """The fields that metadata become, each of the type of its first value."""

    def __init__(self) -> None:
        """None so far."""
        self._kinds: dict[str, tuple[str, str | None]] = {}

    def of(self, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """What can be a field; a value of another type than its first is none."""
        found = {}
        for name, value in metadata.items():
            kind = _kind_of(value)
            if kind and is_free(name) and self._kinds.setdefault(name, kind) == kind:
                found[name] = value
        return found

    def declared(self) -> list[Any]:
        """Those that were found."""
        return [field(name, kind, of=of) for name, (kind, of) in self._kinds.items()]


def is_free(name: str) -> bool:
    """Whether a field may have this name."""
    return bool(_NAME.fullmatch(name)) and name not in _TAKEN


def _kind_of(value: Any) -> tuple[str, str | None] | None:
    match value:
        case bool():
            return "BooleanField", None
        case int() | float() if not abs(value) < 2**63:  # nor NaN
            return None
        case int() | float():
            return "FloatField", None  # a price may be 9 here and 9.5 there
        case str():
            return "StringField", None
        case [str(), *_] if all(isinstance(one, str) for one in value):
            return "ListField", "StringField"
        case _:
            return None


def metadata_of(sample: Mapping[str, Any]) -> dict[str, Any]:
    """What a sample says that metadata can hold: tags, labels, and simple values."""
    said = dict(_said(sample))
    return said | ({"tags": sample["tags"]} if sample.get("tags") else {})


def _said(sample: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in sample.items():
        if name.startswith("_") or name in _GIVEN or name in (EMBEDDING, EMBEDDINGS, OURS):
            continue
        match value:
            case {"_cls": "Classification", "label": str(label)}:
                yield name, label
            case {"_cls": "Classifications", "classifications": [*several]}:
                yield name, [one["label"] for one in several if isinstance(one.get("label"), str)]
            case _ if _kind_of(value):
                yield name, value


def vector_field(dataset: Mapping[str, Any]) -> str:
    """The field of vectors of a dataset, by what it declares. Raises ValueError."""
    declared = dataset.get("sample_fields") or []
    names = [
        str(one.get("name"))
        for one in declared
        if isinstance(one, dict) and str(one.get("ftype")).rpartition(".")[2] == VECTOR
    ]
    if EMBEDDING in names:
        return EMBEDDING
    if len(names) == 1:
        return names[0]
    if names:
        raise ValueError(
            f"it has several fields of vectors ({', '.join(names)}): export it without the others"
        )
    raise ValueError("it has no field of vectors: compute embeddings first")
