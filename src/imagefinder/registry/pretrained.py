"""Pretrained models as rows of data: ours in ``encoders/models.toml``, the user's in their library.

A row says where a graph is to be had, which content it must have, and how it is fed; its settings
are those that lie beside any graph (``onnx:PATH``). One that gives no repository is a file on this
disk, by its place from the TOML that has the row.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from imagefinder.errors import ModelError
from imagefinder.types import Measure, Resize

Part: TypeAlias = Literal["graph", "text", "tokenizer"]

SETTINGS = tuple(
    "size resize keep filter scale mean std channels output pool normalize measure".split()
)
"""What a graph does not tell of itself."""

_OURS = Path(__file__).parent.parent / "encoders" / "models.toml"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_SOURCE: dict[str, type] = {"repository": str, "revision": str, "file": str, "sha256": str}
_ROW = {**_SOURCE, "about": str, "license": str, "bytes": int, "dim": int, "patches": bool}
_TEXT = {
    **_SOURCE,
    "tokenizer": str,
    "tokenizer_sha256": str,
    "output": str,
    "context": int,
    "pad": str,
}


@dataclass(frozen=True)
class Source:
    """Where one file is to be had: in a repository of the hub, or on this disk."""

    file: str
    repository: str = ""
    """Empty for a file on this disk, whose path is then absolute."""
    revision: str = "main"
    sha256: str = ""
    """Its content, where that is known beforehand."""

    def __str__(self) -> str:
        return f"{self.repository}@{self.revision}:{self.file}" if self.repository else self.file


@dataclass(frozen=True)
class Text:
    """The tower that turns texts into rows which compare with those of images."""

    graph: Source
    tokenizer: Source
    output: str
    context: int
    """Tokens of a text: longer ones are cut, shorter ones filled up with ``pad``."""
    pad: str


@dataclass(frozen=True)
class Model:
    """A row."""

    name: str
    dim: int
    graph: Source
    settings: Mapping[str, Any] = field(default_factory=dict)
    about: str = ""
    license: str = ""
    bytes: int = 0
    """Of all its files, about; 0 if nobody said."""
    patches: bool = False
    """Whether its tokens, but for the class token, are those of patches in rows and columns."""
    text: Text | None = None

    @property
    def sources(self) -> dict[Part, Source]:
        """All its files."""
        if self.text is None:
            return {"graph": self.graph}
        return {"graph": self.graph, "text": self.text.graph, "tokenizer": self.text.tokenizer}

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the images that it takes."""
        return pair(self.settings.get("size", 224))

    @property
    def resize(self) -> Resize:
        """The size that it wants images in."""
        chosen = {"mode": "resize", "keep": "keep", "filter": "filter"}
        given = {to: self.settings[name] for to, name in chosen.items() if name in self.settings}
        return Resize(*self.size, **given)

    @property
    def measure(self) -> Measure:
        """How its rows are compared."""
        measure: Measure = self.settings.get("measure", "cosine")
        return measure


def models() -> dict[str, Model]:
    """Every row by its name; the user's own go before ours. Raises ModelError for a broken one."""
    theirs = home() / "models.toml"
    try:
        changed = theirs.stat().st_mtime_ns
    except OSError:
        return _ours()
    return dict(sorted({**_ours(), **_theirs(theirs, changed)}.items()))


def home() -> Path:
    """The library's folder: ``IMAGEFINDER_HOME``, or where this system keeps a user's data."""
    if named := os.environ.get("IMAGEFINDER_HOME"):
        return Path(named).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("imagefinder")


def pair(size: Any) -> tuple[int, int]:
    """(width, height) from one number or two. Raises ModelError."""
    width, height = size if isinstance(size, list | tuple) and len(size) == 2 else (size, size)
    if not isinstance(width, int) or not isinstance(height, int):
        raise ModelError(f"size must be one whole number or [width, height], not {size!r}")
    return width, height


@cache
def _ours() -> dict[str, Model]:
    return _read(_OURS)


@lru_cache(maxsize=8)
def _theirs(path: Path, changed: int) -> dict[str, Model]:
    return _read(path)


def _read(path: Path) -> dict[str, Model]:
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    try:
        return {name: _model(name, row, path.parent) for name, row in rows.items()}
    except (ModelError, ValueError) as error:
        raise ModelError(f"{path}: {error}") from error


def _model(name: str, row: Any, folder: Path) -> Model:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name: small letters, digits, and - _ . between them")
    if not isinstance(row, dict):
        raise ValueError(f"[{name}] is to be a table")
    row = dict(row)
    if "licence" in row:  # the former spelling, in a library's own file
        row["license"] = row.pop("licence")
    settings = {key: row.pop(key) for key in SETTINGS if key in row}
    text = row.pop("text", None)
    about = _fields(f"[{name}]", row, _ROW, needed=("file", "dim"))
    graph = _source(about, folder)
    model = Model(
        name=name,
        graph=graph,
        settings=settings,
        text=_text(f"[{name}.text]", text, graph, folder) if text is not None else None,
        **{key: about[key] for key in about if key not in _SOURCE},
    )
    _check(model)
    return model


def _check(model: Model) -> None:
    width, height = model.size
    if model.dim < 1 or width < 1 or height < 1:
        raise ValueError(f"[{model.name}]: dim and size must be above 0")
    if model.patches and width != height:
        raise ValueError(f"[{model.name}]: the patches of an image that is not square are unknown")
    resize = model.resize
    if resize.mode not in ("stretch", "crop"):
        raise ValueError(f"[{model.name}]: resize is stretch or crop, not {resize.mode!r}")
    if model.measure not in get_args(Measure):
        raise ValueError(f"[{model.name}]: there is no measure {model.measure!r}")


def _text(row: str, text: Any, graph: Source, folder: Path) -> Text:
    if not isinstance(text, dict):
        raise ValueError(f"{row} is to be a table")
    needed = ("file", "tokenizer", "output", "context", "pad")
    given = _fields(row, text, _TEXT, needed)
    if "repository" not in given and graph.repository:  # beside the images' graph
        given = {"repository": graph.repository, "revision": graph.revision, **given}
    tokenizer = {"file": given["tokenizer"], "sha256": given.get("tokenizer_sha256", "")}
    return Text(
        _source(given, folder),
        _source({**given, **tokenizer}, folder),
        given["output"],
        given["context"],
        given["pad"],
    )


def _source(given: Mapping[str, Any], folder: Path) -> Source:
    source = Source(**{key: given[key] for key in _SOURCE if key in given})
    if source.repository:
        return source
    path = folder / Path(source.file).expanduser()
    return Source(str(path), sha256=source.sha256)


def _fields(
    row: str, given: Mapping[str, Any], known: Mapping[str, type], needed: tuple[str, ...]
) -> Mapping[str, Any]:
    """What a table gives, if it gives all that is needed, nothing unknown, and each of its kind."""
    missing = [key for key in needed if key not in given]
    if missing:
        raise ValueError(f"{row} lacks {', '.join(missing)}")
    for key, value in given.items():
        if key not in known:
            raise ValueError(f"{row} has no setting {key!r}")
        if type(value) is not known[key]:
            raise ValueError(f"{row}: {key} is to be {_KINDS[known[key]]}, not {value!r}")
    return given


_KINDS: dict[type, str] = {str: "text", int: "a whole number", bool: "true or false"}
