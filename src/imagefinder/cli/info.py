"""The verb `info`: what a catalogue contains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from imagefinder._utils.text import plural
from imagefinder.cli.calibrate import calibration_as_json
from imagefinder.cli.options import DB, At, Db, Json, open_finder
from imagefinder.cli.output import print_json, print_pairs
from imagefinder.stores.location import display

if TYPE_CHECKING:
    from imagefinder.finder import Finder


def info(db: Db = DB, at: At = None, as_json: Json = False) -> None:
    """Show what the catalogue contains and how its vectors were made."""
    with open_finder(db, at=at) as finder:
        about = _about(finder, db)
    if as_json:
        print_json(about)
    else:
        print_pairs((about | {"signatures": _signatures(about)}).items())


def _signatures(about: Mapping[str, Any]) -> Any:
    """How many there are, and how to get those that are lacking."""
    count, images = about["signatures"], about["images"]
    if count >= images:
        return count
    return f"{count:,} of {images:,} (run imagefinder sync FOLDER to fill in the rest)"


def _about(finder: Finder, db: str) -> dict[str, Any]:
    from imagefinder.catalogue.upgrade import other_vectors
    from imagefinder.encoders.default import missing_package
    from imagefinder.encoders.regions import whole_recipe
    from imagefinder.encoders.runtimes import computed_in
    from imagefinder.registry.plugins import DEFAULT_ENCODER, FALLBACK_ENCODER
    from imagefinder.types import Versioned
    from imagefinder.verification.store import load as load_calibration

    recipe, extractor, index = finder.recipe, finder.store.extractor, finder.store.index
    contents = finder.statistics()
    about: dict[str, Any] = {
        "catalogue": display(db),
        **({"version": finder.store.version} if isinstance(finder.store, Versioned) else {}),
        "images": contents.images,
        "files": contents.files,
        "vectors": contents.vectors,
        "signatures": contents.signatures,
        "bytes": contents.size,
        "encoder": recipe.encoder,
        "dim": recipe.dim,
        "measure": recipe.measure,
        "index": {index.kind: dict(index.options)} if index.options else index.kind,
        "options": {**recipe.options, **recipe.runtime},
        "local features": extractor.encoder if extractor else None,
    }
    if (precision := computed_in(recipe.runtime)) is not None:
        about["precision"] = precision
    usual = {DEFAULT_ENCODER, FALLBACK_ENCODER}
    if (missing := missing_package()) and whole_recipe(recipe).encoder in usual:
        about["default encoder"] = f"{DEFAULT_ENCODER} is not installed: {missing}"
    if license_ := _license({recipe.encoder, recipe.options.get("encoder")}):
        about["license"] = license_
    if extractor and contents.images:
        about["local options"] = {**extractor.options, **extractor.runtime}
        about["local bytes an image"] = round(contents.local_bytes / contents.images)
    if other := other_vectors(finder.store):
        kind = "kept vectors" if other.is_kept else "unfinished upgrade"
        about[kind] = {whole_recipe(other.recipe).encoder: plural(other.images, "image")}
    about["excluded"] = finder.excluded
    about["calibration"] = calibration_as_json(
        load_calibration(finder.store, recipe.measure), contents.images
    )
    return about


def _license(encoders: set[Any]) -> str:
    """That of a pretrained model, where it does not allow every use; else empty."""
    from imagefinder.registry.pretrained import models

    rows = [row for name, row in models().items() if name in encoders and row.terms]
    return "; ".join(f"{row.license}, {row.terms}" for row in rows)
