"""Plug-in registry: from a name to a class, imported on first use.

The tables below are all there is to register one of ours, but for pretrained models, which are rows
of data (``registry.pretrained``). Outside packages join by an entry point in the group
``imagefinder.encoders``, ``imagefinder.extractors``, ``imagefinder.indexes``,
``imagefinder.matchers`` or ``imagefinder.stores``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, TypeAlias

from imagefinder.errors import MissingExtra, PluginError, UnknownPlugin
from imagefinder.registry.pretrained import models

Family: TypeAlias = Literal["encoders", "extractors", "indexes", "matchers", "stores"]


@dataclass(frozen=True)
class Plugin:
    """Where a plug-in's class lives, what it is, and what to install if it cannot be imported."""

    target: str
    about: str = ""
    extra: str = ""
    argument: str = ""
    """What follows a colon after the name (``onnx:PATH``), for the class's ``from_argument``."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What its class is always made with, so that one class can go by several names."""
    sign: str = ""
    """A folder with a file of this name is an argument that can be written alone."""


DEFAULT_ENCODER = "compact"
PLUGINS: dict[Family, dict[str, Plugin]] = {
    "encoders": {
        "classic": Plugin(
            "imagefinder.encoders.classic:Classic",
            "gradient orientations and colours on a grid; needs no weights",
        ),
        "compact": Plugin(
            "imagefinder.encoders.compact:Compact",
            "a small learned network, part of the package; things and copies",
        ),
        "dhash": Plugin(
            "imagefinder.encoders.perceptual_hash:DHash",
            "64 bits of brighter or darker; exact and near copies",
        ),
        "onnx": Plugin(
            "imagefinder.encoders.onnx:Onnx",
            "any image model as an ONNX graph",
            argument="PATH",
        ),
        "phash": Plugin(
            "imagefinder.encoders.perceptual_hash:PHash",
            "64 bits of low frequencies; exact and near copies",
        ),
        "reduced": Plugin(
            "imagefinder.encoders.pca:Reduced",
            "another encoder's principal components, as `imagefinder reduce` leaves them",
            argument="FILE",
        ),
        "trained": Plugin(
            "imagefinder.encoders.trained:Trained",
            "what `imagefinder train` learnt from your own images; the folder alone will do",
            argument="FOLDER",
            sign="encoder.json",
        ),
    },
    "extractors": {
        "sift": Plugin(
            "imagefinder.local_features.sift:Sift",
            "corners and blobs, in any turn and size (RootSIFT)",
            extra="local",
        ),
    },
    "indexes": {
        "annoy": Plugin("imagefinder.indexes.annoy:Annoy", "trees of random planes", extra="annoy"),
        "exact": Plugin("imagefinder.indexes.exact:Exact", "all of them, in 8 bits first"),
        "faiss": Plugin(
            "imagefinder.indexes.faiss:Faiss", "any of faiss, -o factory=…", extra="faiss"
        ),
        "hnsw": Plugin("imagefinder.indexes.hnsw:Hnsw", "a graph of neighbours", extra="hnsw"),
        "kmeans": Plugin("imagefinder.indexes.kmeans:Kmeans", "PCA and clusters", extra="reduce"),
        "sqlite-vec": Plugin(
            "imagefinder.stores.sqlite.sqlite_vec:SqliteVecSearch",
            "sqlite-vec, in SQL; keeps no files",
        ),
        "scann": Plugin("imagefinder.indexes.scann:Scann", "anisotropic codes", extra="scann"),
    },
    "matchers": {
        "geometric": Plugin(
            "imagefinder.local_features.geometric_matcher:GeometricMatcher",
            "mutual neighbours that agree on one geometry",
            extra="local",
        ),
        "mutual": Plugin(
            "imagefinder.local_features.mutual_matcher:MutualMatcher",
            "counts mutual nearest neighbours",
        ),
    },
    "stores": {"sqlite": Plugin("imagefinder.stores.sqlite.store:SqliteStore", "one SQLite file")},
}


def plugins(family: Family) -> dict[str, Plugin]:
    """Every plug-in of a family by its name, ours and those of installed packages."""
    ours = {**_pretrained(family), **PLUGINS[family]}
    others = {
        point.name: _from_entry(point) for point in entry_points(group=f"imagefinder.{family}")
    }
    return dict(sorted({**others, **ours}.items()))


def load(family: Family, name: str) -> type[Any]:
    """The class of a plug-in. Raises UnknownPlugin or MissingExtra."""
    plugin = find_plugin(family, name)
    module, _, attribute = plugin.target.partition(":")
    try:
        loaded: type[Any] = getattr(import_module(module), attribute)
    except ImportError as error:
        remedy = f"pip install 'imagefinder[{plugin.extra}]'" if plugin.extra else str(error)
        raise MissingExtra(f"{name!r} needs: {remedy}") from error
    except AttributeError as error:
        raise PluginError(f"{name!r} is not where its package says: {error}") from error
    return loaded


def find_plugin(family: Family, name: str) -> Plugin:
    """The plug-in of that name. Raises UnknownPlugin."""
    plugin = PLUGINS[family].get(name) or plugins(family).get(name)
    if plugin is None:
        raise UnknownPlugin(
            f"there is no {name!r} among the {family}: {', '.join(plugins(family))}"
        )
    return plugin


def _pretrained(family: Family) -> dict[str, Plugin]:
    if family == "encoders":
        target = "imagefinder.encoders.pretrained:Pretrained"
        return {
            m.name: Plugin(target, m.about, options={"model": m.name}) for m in models().values()
        }
    if family == "extractors":
        target = "imagefinder.local_features.vit_patches:Patches"
        return {
            f"{m.name}-patches": Plugin(target, f"patches of {m.name}", options={"model": m.name})
            for m in models().values()
            if m.patches
        }
    return {}


def _from_entry(point: EntryPoint) -> Plugin:
    distribution = point.dist.name if point.dist else "another package"
    return Plugin(point.value, f"from {distribution}")
