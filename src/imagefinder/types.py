"""The page to read first: the values that flow through ImageFinder, and the roles that handle them.

source → Image → Encoder → Features → Store.search → Neighbors → vote → Hits
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray

_ID = re.compile(r"[0-9a-f]{16}")

Image: TypeAlias = NDArray[np.uint8]
"""Pixels, ``(height, width, 3)``: RGB, upright, 0 to 255."""

Features: TypeAlias = NDArray[Any]
"""What an encoder sees in one image, ``(n, dim)``: one row for a global encoder, any number for a
local one. ``float32``, or ``uint8`` holding packed bits where the measure is hamming."""

Points: TypeAlias = NDArray[np.float32]
"""Places in an image, ``(n, 2)``: x and y as shares of its width and height."""

Box: TypeAlias = tuple[int, int, int, int]
"""A part of an upright image: left, top, width and height in pixels."""

Keys: TypeAlias = NDArray[np.int64]
"""Images' keys, one for each row of some matrix."""

Outcome: TypeAlias = Literal["added", "updated", "unchanged", "missing"]
"""What became of an entry; ``missing`` is one that could not be written."""

Measure: TypeAlias = Literal["cosine", "l2", "dot", "hamming"]

Progress: TypeAlias = Callable[[Iterable[Any]], Iterable[Any]]
"""Wraps the things that a long call goes through, as ``tqdm`` does; ``iter`` shows nothing."""


@dataclass(frozen=True)
class Resize:
    """How an image is brought to the size that an encoder wants.

    ``stretch`` ignores proportions; ``crop`` scales the short side to ``size / keep`` and cuts out
    the centre (``keep=0.875`` is the usual 256 → 224); ``within`` scales down what is larger, in
    its proportions.
    """

    width: int
    height: int
    mode: Literal["stretch", "crop", "within"] = "stretch"
    keep: float = 1.0
    filter: Literal["box", "bilinear", "bicubic", "lanczos"] = "bilinear"


@dataclass(frozen=True)
class LocalFeatures:
    """What an extractor sees in one image, part by part: ``descriptors[i]`` is at ``points[i]``.

    The most telling parts come first; a blank image may have none.
    """

    points: Points
    descriptors: NDArray[np.float32]
    """``(n, dim)``, rows of length 1, compared by cosine."""

    def __len__(self) -> int:
        """How many parts."""
        return len(self.points)


@dataclass(frozen=True, eq=False)
class Correspondences:
    """Corresponding keypoints of a query and another image: what a Matcher finds."""

    pairs: NDArray[np.intp]
    """``(n, 2)``: a row of the query's local features, and one of the other's."""
    verified: bool | None = None
    """Whether one geometry explains them; ``None`` without geometric verification."""

    def __len__(self) -> int:
        """How many pairs."""
        return len(self.pairs)


@dataclass(frozen=True)
class Recipe:
    """Which encoder made a catalogue's vectors, in full: enough to make it again.

    ``runtime`` says where and how it runs (a model's path, a runtime, a precision). It is needed to
    make the encoder again, but may change only the last digits of what it computes, so it does not
    count when recipes are compared. ``revision`` is the encoder's own.
    """

    encoder: str
    options: Mapping[str, Any]
    dim: int
    measure: Measure
    runtime: Mapping[str, Any] = field(default_factory=dict, compare=False)
    revision: int = 1

    def __str__(self) -> str:
        options = ", ".join(f"{name}={value}" for name, value in self.options.items())
        revision = f" revision {self.revision}" if self.revision != 1 else ""
        return f"{self.encoder}({options}){revision}"


def key_of(sha256: bytes) -> int:
    """An image's key: the first 63 bits of the SHA-256 of its bytes."""
    return int.from_bytes(sha256[:8], "big") >> 1


def is_id(given: object) -> TypeGuard[str]:
    """Whether it is written as an image's id: 16 hexadecimal digits."""
    return isinstance(given, str) and bool(_ID.fullmatch(given))


def key_from(id: str) -> int | None:  # noqa: A002  the word that users know
    """The key that an id stands for, or None if it is no id."""
    key = int(id, 16) if is_id(id) else None
    return key if key is not None and key < 2**63 else None


@dataclass(frozen=True)
class File:
    """One place where an image lies: an absolute path and its state when it was last read."""

    path: str
    mtime_ns: int


@dataclass(frozen=True)
class Record:
    """One image, known by its content."""

    key: int
    sha256: bytes
    size: int
    """Bytes of its file, or of its samples if it was given as pixels."""
    width: int
    height: int
    files: tuple[File, ...] = ()
    """Every place where these very bytes lie; none for an image given in memory."""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The key as users see it: 16 hexadecimal digits, safe in URLs, JSON and JavaScript."""
        return f"{self.key:016x}"

    @property
    def path(self) -> str | None:
        """The first of its files."""
        return self.files[0].path if self.files else None

    @property
    def title(self) -> str | None:
        """What its metadata call it, under ``title`` in any case of letters."""
        named = {str(name).lower(): value for name, value in self.metadata.items()}
        return str(named["title"]) if named.get("title") else None


@dataclass(frozen=True)
class StoredFile:
    """What a store knows of the image at some path."""

    key: int
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Entry:
    """What one write puts into a store: a record, and its vectors unless they are there already.

    ``metadata`` of ``None`` leaves what is stored.
    """

    record: Record
    features: Features | None
    metadata: Mapping[str, Any] | None = None
    local: LocalFeatures | None = None
    """With the vectors, where the store keeps local features."""


@dataclass(frozen=True)
class Neighbors:
    """For each of m query rows its nearest rows, best first: both arrays are ``(m, at most k)``.

    ``keys`` names the image each row belongs to (the same one more than once for a local
    encoder). A line that has fewer than others is filled up with keys of -1 and scores of -inf.
    """

    keys: Keys
    scores: NDArray[np.float32]


@dataclass(frozen=True)
class Hit:
    """An image found. Higher scores are closer; 1 is identical (except under ``dot``).

    ``distance`` is in the measure's own unit: 1 - cosine, Euclidean length, bits. Where local
    features decided, the score is the share of the query's that matched, and the distance the rest.
    """

    rank: int
    score: float
    distance: float
    record: Record
    correspondences: int | None = None
    """How many local features correspond, where those were compared."""
    verified: bool | None = None
    """Whether one geometry explains the correspondences; ``None`` if that was not asked."""
    region: Box | None = None
    """Where in the image found they lie."""
    probability: float | None = None
    """That it is a match, by the catalogue's calibration, if there is one for such a search."""
    is_match: bool | None = None
    """Whether it is one: by the calibration, or by the geometry where that was asked."""

    def __repr__(self) -> str:
        """On one line, without the whole record."""
        about = f"score={self.score:.4f}, distance={self.distance:.4g}, path={self.path!r}"
        if self.correspondences is not None:
            about += f", correspondences={self.correspondences}"
        if self.is_match is not None:
            about += f", is_match={self.is_match}"
        return f"Hit({self.rank}, {self.id!r}, {about})"

    @property
    def id(self) -> str:
        """The image's id."""
        return self.record.id

    @property
    def path(self) -> str | None:
        """Where the image lies; ``None`` if it was given in memory."""
        return self.record.path

    @property
    def title(self) -> str | None:
        """What its metadata call it."""
        return self.record.title


@dataclass(frozen=True)
class Failure:
    """Something that could not be done, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Report:
    """What a bulk call did. Each file given is counted once."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: tuple[Failure, ...] = ()
    seconds: float = 0.0

    @property
    def done(self) -> int:
        """How many were dealt with, other than by failing."""
        return self.added + self.updated + self.unchanged + self.removed


@dataclass(frozen=True)
class Statistics:
    """How much a store holds."""

    images: int
    files: int
    vectors: int
    size: int
    """Bytes, of all."""
    local_bytes: int = 0
    """Of them, those of local features."""


class Encoder(Protocol):
    """Images in, features out. A frozen dataclass whose fields are its options.

    ``encode`` is given images already brought to ``fit`` (``images.decode`` does so while it
    decodes) and may be called from several threads. If a class attribute ``revision`` is there, it
    counts up whenever the code comes to compute something else for the same options.
    """

    @property
    def dim(self) -> int:
        """Columns of every Features."""

    @property
    def measure(self) -> Measure:
        """How its features are compared."""

    @property
    def resize(self) -> Resize:
        """The size it wants images in."""

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """One Features for each image, in order, whatever else is in the batch."""


class TextEncoder(Encoder, Protocol):
    """An encoder that takes texts too: both give rows that compare with one another."""

    def encode_text(self, texts: Sequence[str]) -> list[Features]:
        """One Features for each text, in order. Raises PluginError where a model has no words."""


class Extractor(Protocol):
    """Images in, local features out: what an Encoder is for whole images.

    A frozen dataclass too, and under the same terms.
    """

    @property
    def dim(self) -> int:
        """Columns of every descriptor."""

    @property
    def measure(self) -> Measure:
        """Cosine."""

    @property
    def resize(self) -> Resize:
        """The size it wants images in."""

    def extract(self, images: Sequence[Image]) -> list[LocalFeatures]:
        """Those of each image, in order, whatever else is in the batch."""


class Matcher(Protocol):
    """A second look at images that a search found. A frozen dataclass; for many threads."""

    def match(self, query: LocalFeatures, other: LocalFeatures) -> Correspondences:
        """Keypoints that correspond; either image may have no local features."""


@dataclass(frozen=True)
class IndexChoice:
    """A kind of index, and its options."""

    kind: str = "exact"
    options: Mapping[str, Any] = field(default_factory=dict)


class Index(Protocol):
    """Rows of vectors, each under the key of its image. A cache: the store can always fill it.

    A search may run, in any number of threads, while one other thread does anything else. The class
    says in ``measures`` by which ones it compares.
    """

    @property
    def keys(self) -> Keys:
        """The keys held, each once, ascending."""

    @property
    def pending_bytes(self) -> int:
        """Memory held by what was added since the last ``save`` or ``load``."""

    @property
    def saved_bytes(self) -> int:
        """What the last ``save`` or ``load`` holds."""

    def add(self, keys: Keys, vectors: Features) -> None:
        """Hold ``vectors[i]`` under ``keys[i]``; a key may have many rows."""

    def remove(self, keys: Keys) -> None:
        """Forget all rows of these keys; unknown ones are ignored."""

    def search(self, queries: Features, k: int, subset: Keys | None = None) -> Neighbors:
        """The k nearest rows of each query row, ties in order of their keys.

        Only rows of the keys ``among`` count, if those are given.
        """

    def save(self, path: Path) -> None:
        """Write to a file in one step, and go on from that file."""

    def load(self, path: Path) -> None:
        """Replace the content by a saved one, or raise IndexDamaged and leave all as it is."""


class Store(Protocol):
    """The truth: records, vectors, and the answer to a search. Safe to use from many threads."""

    @property
    def recipe(self) -> Recipe:
        """Which encoder its vectors came from."""

    @property
    def extractor(self) -> Recipe | None:
        """Which extractor its local features came from, if it keeps such."""

    def __len__(self) -> int:
        """How many images it holds."""

    def write(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Put all of them in, in one step, and say for each what became of it.

        Missing are entries without features whose image is not stored (any more).
        """

    def update_runtime(self, runtime: Mapping[str, Any]) -> None:
        """Record where the encoder is to be found from now on."""

    def set_metadata(self, name: str, text: str) -> None:
        """Keep a text about the catalogue under a name, in place of what was there."""

    def get_metadata(self, name: str) -> str | None:
        """The text that was kept under a name, if there is one."""

    def has_content(self, sha256: bytes) -> bool:
        """Whether an image with this content is stored, its vectors too.

        Raises ImageError if a different content has the same key.
        """

    def lookup_paths(self, paths: Sequence[str]) -> dict[str, StoredFile]:
        """The images at those of the paths that it knows."""

    def get(self, keys: Sequence[int]) -> dict[int, Record]:
        """The records of those keys that it holds."""

    def features(self, key: int) -> Features:
        """The vectors of one image; NotFound if it has none such."""

    def local_features(self, keys: Sequence[int]) -> dict[int, LocalFeatures]:
        """Those of the images among the keys that it holds (8 bits a number)."""

    def keys(self) -> Keys:
        """Every image's, ascending."""

    def shortlist(self, query: LocalFeatures, k: int, subset: Keys | None = None) -> list[int]:
        """The k images whose local features, taken together, are most like the query's."""

    def select(
        self,
        folders: Sequence[str] = (),
        where: Mapping[str, Any] | None = None,
        *,
        after: int = -1,
        most: int | None = None,
    ) -> Keys:
        """The images that lie in one of the folders and whose metadata say all of ``where``.

        A folder may be a file; none given means anywhere. Ascending, and only those ``after`` a
        key, ``most`` of them, if these are given.
        """

    def iter_records(self) -> Iterator[tuple[Record, Features]]:
        """Every record with its vectors, in order of the keys, a page at a time.

        What others write or take out meanwhile may be among them or not.
        """

    def paths(self, folder: str) -> Iterator[str]:
        """Every path known in a folder, however deep."""

    def remove_images(self, keys: Sequence[int]) -> int:
        """Take images out, with all their places; says how many there were."""

    def remove_files(self, paths: Sequence[str]) -> int:
        """Take places out, and images that lie nowhere else; says how many places there were."""

    def search(
        self, query: Features, k: int, measure: Measure | None = None, subset: Keys | None = None
    ) -> Neighbors:
        """The k nearest stored rows of each query row, by the recipe's measure or another.

        Only images ``among`` those count, if they are given.
        """

    @property
    def index(self) -> IndexChoice:
        """The kind of index that answers."""

    def use_index(self, choice: IndexChoice) -> None:
        """Answer by another kind from now on, also when it is opened again, and build it now."""

    def statistics(self) -> Statistics:
        """Its numbers."""

    def close(self) -> None:
        """Let go of files; safe to call twice."""
