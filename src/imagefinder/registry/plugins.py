"""Plug-in registry: from a name to a class, imported on first use.

The tables below register all built-in plug-ins except pretrained models, which are rows
of data (``registry.pretrained``). Other packages add theirs by an entry point in the group
``imagefinder.encoders``, ``imagefinder.extractors``, ``imagefinder.indexes``,
``imagefinder.matchers`` or ``imagefinder.stores``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from imagefinder.errors import MissingExtra, PluginError, UnknownPlugin
from imagefinder.registry.pretrained import models

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Family: TypeAlias = Literal["encoders", "extractors", "indexes", "matchers", "stores"]


@dataclass(frozen=True)
class Plugin:
    """The class of a plug-in, a description, and the extra to install if it cannot be imported."""

    target: str
    about: str = ""
    extra: str = ""
    argument: str = ""
    """What follows the name after a colon (``onnx:PATH``), for ``from_argument``."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Fixed options of the class, so that one class can have several names."""
    store: str = ""
    """The store that answers by this kind of index itself: no other can."""
    marker: str = ""
    """A folder with a file of this name can be given without the name of the plug-in."""


DEFAULT_ENCODER = "standard"
FALLBACK_ENCODER = "compact"  # it needs no package; see encoders.default
PLUGINS: dict[Family, dict[str, Plugin]] = {
    "encoders": {
        "classic": Plugin(
            "imagefinder.encoders.classic:Classic",
            "PHOG gradient and color histograms on a grid; no weights",
        ),
        "compact": Plugin(
            "imagefinder.encoders.compact:Compact",
            "small distilled network, included in the package; objects and copies",
        ),
        "dhash": Plugin(
            "imagefinder.encoders.perceptual_hash:DHash",
            "difference hash (dHash), 64 bits; exact and near-duplicates",
        ),
        "external": Plugin(
            "imagefinder.encoders.external:External",
            "vectors of a model that is not here, imported under a name of your own",
            argument="NAME",
        ),
        "large": Plugin(
            "imagefinder.encoders.joined:Joined",
            "compact joined with EfficientNet-Lite2: slower than standard, and better",
            options={"model": "large"},
        ),
        "onnx": Plugin(
            "imagefinder.encoders.onnx:Onnx",
            "any image model as an ONNX graph",
            argument="PATH",
        ),
        "phash": Plugin(
            "imagefinder.encoders.perceptual_hash:PHash",
            "DCT perceptual hash (pHash), 64 bits; exact and near-duplicates",
        ),
        "reduced": Plugin(
            "imagefinder.encoders.pca:Reduced",
            "another encoder reduced by PCA, as written by `imagefinder reduce`",
            argument="FILE",
        ),
        "regions": Plugin(
            "imagefinder.encoders.regions:Regions",
            "another encoder, also applied to regions of each image (--regions)",
            argument="ENCODER",
        ),
        "remote": Plugin(
            "imagefinder.encoders.remote:Remote",
            "a hosted model, by an embeddings endpoint, -o model=… -o dim=…",
            argument="URL",
        ),
        "standard": Plugin(
            "imagefinder.encoders.joined:Joined",
            "compact joined with EfficientNet-Lite0: objects of all kinds, and copies",
            options={"model": "standard"},
        ),
        "trained": Plugin(
            "imagefinder.encoders.trained:Trained",
            "encoder fine-tuned by `imagefinder train`; the folder alone will do",
            argument="FOLDER",
            marker="encoder.json",
        ),
    },
    "extractors": {
        "sift": Plugin(
            "imagefinder.local_features.sift:Sift",
            "RootSIFT keypoints, invariant to rotation and scale",
            extra="local",
        ),
    },
    "indexes": {
        "annoy": Plugin(
            "imagefinder.indexes.annoy:Annoy", "random-projection trees", extra="annoy"
        ),
        "exact": Plugin("imagefinder.indexes.exact:Exact", "brute force with an int8 first pass"),
        "faiss": Plugin(
            "imagefinder.indexes.faiss:Faiss", "any faiss index, -o factory=…", extra="faiss"
        ),
        "hnsw": Plugin("imagefinder.indexes.hnsw:Hnsw", "HNSW graph", extra="hnsw"),
        "kmeans": Plugin(
            "imagefinder.indexes.kmeans:Kmeans",
            "PCA and k-means clusters (inverted file)",
            extra="reduce",
        ),
        "lance": Plugin(
            "imagefinder.stores.lance.scan:LanceScan",
            "brute force in Lance, the store of files for many machines; no files of its own",
            extra="lance",
            store="lance",
        ),
        "lance-ivf-pq": Plugin(
            "imagefinder.stores.lance.vector_index:LanceIvfPq",
            "clusters (IVF) of product-quantized vectors in Lance",
            extra="lance",
            store="lance",
        ),
        "lance-ivf-rq": Plugin(
            "imagefinder.stores.lance.vector_index:LanceIvfRq",
            "clusters (IVF) of vectors in few bits (RaBitQ) in Lance",
            extra="lance",
            store="lance",
        ),
        "pgvector": Plugin(
            "imagefinder.stores.postgres.scan:PgvectorScan",
            "brute force in PostgreSQL; no files",
            extra="postgres",
            store="postgres",
        ),
        "pgvector-hnsw": Plugin(
            "imagefinder.stores.postgres.server_index:PgvectorHnsw",
            "HNSW graph in PostgreSQL; no files",
            extra="postgres",
            store="postgres",
        ),
        "sqlite-vec": Plugin(
            "imagefinder.stores.sqlite.sqlite_vec:SqliteVecSearch",
            "brute force in SQL (sqlite-vec); no files",
            store="sqlite",
        ),
        "scann": Plugin(
            "imagefinder.indexes.scann:Scann", "anisotropic vector quantization", extra="scann"
        ),
    },
    "matchers": {
        "geometric": Plugin(
            "imagefinder.local_features.geometric_matcher:GeometricMatcher",
            "mutual nearest neighbors verified by one geometry (RANSAC)",
            extra="local",
        ),
        "mutual": Plugin(
            "imagefinder.local_features.mutual_matcher:MutualMatcher",
            "counts mutual nearest neighbors",
        ),
    },
    "stores": {
        "lance": Plugin(
            "imagefinder.stores.lance.store:LanceStore",
            "a Lance dataset in a folder *.lance or an object store (s3://, gs://, az://)",
            extra="lance",
        ),
        "postgres": Plugin(
            "imagefinder.stores.postgres.store:PostgresStore",
            "a schema of a PostgreSQL database, with pgvector",
            extra="postgres",
        ),
        "sqlite": Plugin("imagefinder.stores.sqlite.store:SqliteStore", "one SQLite file"),
    },
}


def plugins(family: Family) -> dict[str, Plugin]:
    """Every plug-in of a family by name, built-in or from an installed package."""
    from importlib.metadata import entry_points  # slow to import, and not needed for our own

    ours = {**_pretrained(family), **PLUGINS[family]}
    others = {
        point.name: _from_entry(point) for point in entry_points(group=f"imagefinder.{family}")
    }
    return dict(sorted({**others, **ours}.items()))


def index_kinds(store: str = "") -> list[str]:
    """The kinds of index that a store can search by; by default those that any store can."""
    return [name for name, plugin in plugins("indexes").items() if plugin.store in ("", store)]


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
        raise PluginError(f"{name!r} is not at its registered location: {error}") from error
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
            f"{m.name}-patches": Plugin(
                target, f"patch tokens of {m.name}", options={"model": m.name}
            )
            for m in models().values()
            if m.patches
        }
    return {}


def _from_entry(point: EntryPoint) -> Plugin:
    distribution = point.dist.name if point.dist else "another package"
    return Plugin(point.value, f"from {distribution}")
