"""Files of models in installed Python packages, found without importing anything of them."""

from __future__ import annotations

from pathlib import Path

from imagefinder.registry.pretrained import ModelFile


def packaged_file(source: ModelFile) -> Path | None:
    """The file of a source in a package, or ``None`` if there is none on this machine."""
    if not source.package:
        return None
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        file = Path(str(distribution(source.package).locate_file(source.file)))
    except PackageNotFoundError:
        return None
    return file if file.is_file() else None
