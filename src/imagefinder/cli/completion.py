"""Shell completion of plug-in names; the registry is loaded only when a shell asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagefinder.registry.plugins import Family


def encoder_names(incomplete: str) -> list[str]:
    """Encoders, those with an argument as ``onnx:``."""
    return _completed("encoders", incomplete)


def extractor_names(incomplete: str) -> list[str]:
    """Extractors of local features."""
    return _completed("extractors", incomplete)


def matcher_names(incomplete: str) -> list[str]:
    """Matchers of local features."""
    return _completed("matchers", incomplete)


def index_names(incomplete: str) -> list[str]:
    """Kinds of index."""
    return _completed("indexes", incomplete)


def index_names_and_auto(incomplete: str) -> list[str]:
    """Kinds of index, and ``auto``."""
    return [*index_names(incomplete), *(["auto"] if "auto".startswith(incomplete) else [])]


def model_names(incomplete: str) -> list[str]:
    """Pretrained models."""
    from imagefinder.registry.pretrained import models

    return [name for name in models() if name.startswith(incomplete)]


def measure_names(incomplete: str) -> list[str]:
    """Measures of float vectors."""
    return [name for name in ("cosine", "l2", "dot") if name.startswith(incomplete)]


def _completed(family: Family, incomplete: str) -> list[str]:
    from imagefinder.registry.plugins import plugins

    names = (f"{name}:" if plugin.argument else name for name, plugin in plugins(family).items())
    return [name for name in names if name.startswith(incomplete)]
