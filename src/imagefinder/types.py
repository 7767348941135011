"""The page to read first: the values that flow through ImageFinder, and the roles that use them.

source → Image → Encoder → Features → Store.search → Neighbors → MaxSim → Hits
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, TypeGuard, runtime_checkable

import numpy as np
from numpy.typing import NDArray

_ID = re.compile(r"[0-9a-f]{16}")

Image: TypeAlias = NDArray[np.uint8]
"""Pixels, ``(height, width, 3)``: RGB, upright, 0 to 255."""

Features: TypeAlias = NDArray[Any]
"""The embeddings of one image, ``(n, dim)``: n is 1 for a global encoder, anything for a local one.
``float32``, or ``uint8`` with packed bits where the measure is hamming."""

Points: TypeAlias = NDArray[np.float32]
"""Keypoint positions, ``(n, 2)``: x and y as fractions of the image's width and height."""

Box: TypeAlias = tuple[int, int, int, int]
"""A region of an upright image: left, top, width and height in pixels."""

Keys: TypeAlias = NDArray[np.int64]
"""Image keys, ``(n,)``, often one for each row of a matrix."""

Outcome: TypeAlias = Literal["added", "updated", "unchanged", "missing"]
"""The result of writing an entry; ``missing`` means that it could not be written."""

Origin: TypeAlias = Literal["added", "uploaded", "imported"]
"""How a file came into a catalogue: it was read where it lies, a server took it in and owns it, or
its path was in an imported vector file and nothing has been read there yet."""

Verdict: TypeAlias = Literal["same image", "same thing", "similar"]
"""What two images have in common: one is a copy of the other, perhaps modified; they show one thing
(by geometry, or by a calibration with labels); or they merely look alike."""

Measure: TypeAlias = Literal["cosine", "l2", "dot", "hamming"]
"""How embeddings are compared; see ``similarity``."""

Progress: TypeAlias = Callable[[Iterable[Any]], Iterable[Any]]
"""Wraps the items of a long call, as ``tqdm`` does; ``iter`` shows nothing."""


@dataclass(frozen=True)
class Resize:
    """How an image is resized to what an encoder expects.

    ``stretch`` ignores proportions; ``crop`` scales the short side to ``size / keep`` and cuts out
    the center (``keep=0.875`` is the usual 256 → 224); ``within`` shrinks larger images and keeps
    their proportions.
    """

    width: int
    height: int
    mode: Literal["stretch", "crop", "within"] = "stretch"
    keep: float = 1.0
    filter: Literal["box", "bilinear", "hamming", "bicubic", "lanczos"] = "bilinear"
    reducing_gap: float | None = None
    """Reduce it by whole factors first, to no less than this many times the size: that is faster,
    and nearly the same from 1.5 on."""


@dataclass(frozen=True)
class LocalFeatures:
    """Keypoints and descriptors of one image: ``descriptors[i]`` describes ``points[i]``.

    The strongest come first; a blank image may have none.
    """

    points: Points
    descriptors: NDArray[np.float32]
    """``(n, dim)``, rows of length 1, compared by cosine."""

    def __len__(self) -> int:
        """How many keypoints."""
        return len(self.points)


@dataclass(frozen=True, eq=False)
class Signature:
    """What is compared of two images to see whether one is a copy of the other; see ``images``."""

    pattern: NDArray[np.int8]
    """Brightness, ``(64, 64)``: -128 is black."""
    chroma: NDArray[np.int8]
    """Cb and Cr, ``(2, 16, 16)``: 0 is gray."""
    content: float
    """The share of the image that is not plain."""
    plain: float
    """The share of the area inside its frame, if it has one, that has the most frequent gray."""


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
    """How a catalogue's vectors are made: the encoder and its options, enough to make it again.

    ``runtime`` says where and how the encoder runs (the path of a model, a runtime, a precision).
    It changes no more than the last digits of an embedding, so it is left out when recipes are
    compared. ``revision`` is the version of the encoder's code.
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


def id_of(key: int) -> str:
    """An image's id: its key as 16 hexadecimal digits."""
    return f"{key:016x}"


def is_id(given: object) -> TypeGuard[str]:
    """Whether it has the form of an image id: 16 hexadecimal digits."""
    return isinstance(given, str) and bool(_ID.fullmatch(given))


def key_from(id: str) -> int | None:  # noqa: A002  the word that users know
    """The key behind an id; None if it is not an id."""
    key = int(id, 16) if is_id(id) else None
    return key if key is not None and key < 2**63 else None


@dataclass(frozen=True)
class File:
    """A file with an image: its absolute path, and its modification time when it was last read."""

    path: str
    mtime_ns: int
    origin: Origin = "added"


@dataclass(frozen=True)
class Item:
    """What is said of one file of an image, or of one of several things that share the image."""

    metadata: Mapping[str, Any]
    path: str | None = None
    """Of its file; ``None`` for an image given in memory."""
    id: str | None = None
    """An id of the user's own, such as an article number, where there are several in one place."""

    @property
    def place(self) -> tuple[str | None, str | None]:
        """Items of one place are written together, and replace those of before."""
        return self.path, self.id


Description: TypeAlias = Mapping[str, Any] | Sequence[Item]
"""The metadata of an image where it lies, or of each of the items that share it."""
Revision: TypeAlias = Literal["replace", "merge"]
"""Of what is said at a place: all of it, or as a JSON merge patch (RFC 7396)."""


@dataclass(frozen=True)
class Record:
    """One image, identified by its content."""

    key: int
    sha256: bytes
    size: int
    """Bytes of its file, or of its pixels if it was given as an array."""
    width: int
    height: int
    files: tuple[File, ...] = ()
    """Every file with these bytes; none for an image given in memory."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Of the first item, if there are several."""
    several: tuple[Item, ...] = ()
    """The items, unless ``metadata`` say all: several share the image, or one has an id."""

    @property
    def items(self) -> tuple[Item, ...]:
        """Each file, or other item, of which something is said."""
        return self.several or ((Item(self.metadata, self.path),) if self.metadata else ())

    @property
    def id(self) -> str:
        """The key as users see it: 16 hexadecimal digits, safe in URLs, JSON and JavaScript."""
        return id_of(self.key)

    @property
    def path(self) -> str | None:
        """The first of its files."""
        return self.files[0].path if self.files else None

    @property
    def title(self) -> str | None:
        """The ``title`` in its metadata, in upper or lower case."""
        named = {str(name).lower(): value for name, value in self.metadata.items()}
        return str(named["title"]) if named.get("title") else None


@dataclass(frozen=True)
class StoredFile:
    """The stored state of the file at a path."""

    key: int
    size: int
    mtime_ns: int
    origin: Origin = "added"


@dataclass(frozen=True)
class Entry:
    """What to write to a store: a record, and its vectors unless they are stored already.

    ``metadata`` are of the record's files, and take the place of what was said of these; items take
    the place of those at the same places, and those with no metadata are removed. ``None`` leaves
    all as it is.
    """

    record: Record
    features: Features | None
    metadata: Description | None = None
    local: LocalFeatures | None = None
    """Written with the vectors, if the store keeps local features."""
    signature: Signature | None = None
    """Written with the vectors, or later for an image that is stored without one."""
    revision: Revision | None = None
    """Only what is said of a stored image changes, and in one step: its files stay as they are."""


@dataclass(frozen=True)
class Neighbors:
    """The k nearest neighbors of m query vectors, best first: both arrays are ``(m, at most k)``.

    ``keys`` are those of the images (one may occur more than once with a local encoder). Rows with
    fewer neighbors than others are padded with keys of -1 and scores of -inf.
    """

    keys: Keys
    scores: NDArray[np.float32]


@dataclass(frozen=True)
class Evidence:
    """What a verdict rests on; ``None`` is what was not compared."""

    identical: bool = False
    """The same bytes."""
    correlation: float | None = None
    """Normalized cross-correlation of the aligned pixels, but for the quarter that differs most,
    such as a caption; 1 is identical."""
    overlap: float | None = None
    """The share of the query that the aligned images have in common."""
    inliers: int | None = None
    """Corresponding keypoints that one geometric transformation explains."""


@dataclass(frozen=True)
class Hit:
    """A search result. Higher scores are closer; 1 is identical (except under ``dot``).

    ``distance`` is in the unit of the measure: 1 - cosine, Euclidean distance, bits. After
    re-ranking, the score is the fraction of keypoints with a correspondence, in the image that has
    fewer, and the distance is 1 - score.
    """

    rank: int
    score: float
    distance: float
    record: Record
    correspondences: int | None = None
    """The number of corresponding keypoints, after re-ranking."""
    verified: bool | None = None
    """Whether one geometric transformation explains them; ``None`` if it was not checked."""
    region: Box | None = None
    """The region of the hit that the correspondences cover, or that is nearest to the query where
    the catalogue has regions; ``None`` for the whole."""
    probability: float | None = None
    """The probability of a match, if the catalogue is calibrated for this kind of search."""
    is_match: bool | None = None
    """Whether it is a match: by the calibration, or by geometric verification if that was done."""
    verdict: Verdict | None = None
    """``None`` for a query that is not one image."""
    evidence: Evidence | None = None
    """What the verdict rests on, besides the score."""

    def __repr__(self) -> str:
        """One line, without the whole record."""
        about = f"score={self.score:.4f}, distance={self.distance:.4g}, path={self.path!r}"
        if self.correspondences is not None:
            about += f", correspondences={self.correspondences}"
        if self.verdict is not None:
            about += f", verdict={self.verdict!r}"
        return f"Hit({self.rank}, {self.id!r}, {about})"

    @property
    def id(self) -> str:
        """The image's id."""
        return self.record.id

    @property
    def path(self) -> str | None:
        """The path of the image; ``None`` if it was given in memory."""
        return self.record.path

    @property
    def title(self) -> str | None:
        """The title in its metadata."""
        return self.record.title

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The metadata of the image, or of the first item that shares it."""
        return self.record.metadata

    @property
    def items(self) -> tuple[Item, ...]:
        """Each file, or other item, of which something is said."""
        return self.record.items


@dataclass(frozen=True)
class Failure:
    """An input that failed, and the reason."""

    path: str
    reason: str


@dataclass(frozen=True)
class Report:
    """The result of a bulk call. Each input counts once."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: tuple[Failure, ...] = ()
    warnings: tuple[Failure, ...] = ()
    """Such as images of which only a part could be decoded; they count as added or updated."""
    kept: tuple[Failure, ...] = ()
    """Folders whose images are gone but stay in the catalogue: their disk seems to be away."""
    skipped: Mapping[str, int] = field(default_factory=dict)
    """How many files and folders were passed over, by the kind of thing they are."""
    skipped_examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The first few paths of each kind."""
    seconds: float = 0.0

    @property
    def done(self) -> int:
        """How many did not fail."""
        return self.added + self.updated + self.unchanged + self.removed


@dataclass(frozen=True)
class Statistics:
    """The size of a store."""

    images: int
    files: int
    vectors: int
    size: int
    """Bytes in all."""
    local_bytes: int = 0
    """Bytes of local features."""
    signatures: int = 0
    """Images with a signature: those that were added by earlier versions have none."""


@dataclass(frozen=True)
class OtherVectors:
    """A second set of vectors in a store: those that an upgrade has made so far, or the former."""

    recipe: Recipe
    is_kept: bool
    """Whether they are the former vectors, kept to go back to."""
    images: int
    """How many images have some."""


ImageColumn: TypeAlias = Literal["added", "size", "metadata", "date", "path"]
"""What a listing reads of each image: the number of the write that its vectors came by, the size
of its file, its metadata as JSON; of its files, the first modification in nanoseconds and the first
path."""


@dataclass(frozen=True)
class StoredImage:
    """All that a store holds of one image, as it is stored: copies are the same, bit by bit."""

    record: Record
    in_memory: bool
    """Whether it was given in memory, so that it stays when its last file is removed."""
    vectors: bytes
    """Its rows, one after the other: little-endian ``float32``, or packed bits."""
    other_vectors: bytes | None = None
    """By the second encoder; ``None`` if it has not been encoded by that one."""
    local: bytes | None = None
    """Its local features, as ``local_features.codec`` packs them."""
    signature: bytes | None = None
    """As ``images.signature`` packs it."""


@dataclass(frozen=True)
class Properties:
    """What a store holds besides its images."""

    id: str = field(compare=False)
    """It has been given when the store was made, and is the same in its backups alone."""
    recipe: Recipe
    extractor: Recipe | None
    index: IndexChoice
    metadata: Mapping[str, str]
    """The texts about it, by their names."""
    other: OtherVectors | None = None
    other_metadata: Mapping[str, str] = field(default_factory=dict)
    """The texts that are about the other vectors, which take the place of those of the same name
    when the vectors do."""
    codebook: bytes | None = field(default=None, compare=False, repr=False)
    """The file of the codebook that its local features are aggregated by, if one is saved."""


class Encoder(Protocol):
    """Images in, embeddings out. A frozen dataclass whose fields are its options.

    ``encode`` is given images that are already resized as ``resize`` says (decoding does that), and
    may be called from several threads. An optional class attribute ``revision`` is counted up
    whenever a change of the code changes the embeddings for the same options; another one,
    ``truncatable``, says that the first columns of its embeddings are embeddings as well.
    """

    @property
    def dim(self) -> int:
        """Columns of the embeddings."""

    @property
    def measure(self) -> Measure:
        """How its embeddings are compared."""

    @property
    def resize(self) -> Resize:
        """How images are resized before ``encode``."""

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """One Features for each image, in order, whatever else is in the batch."""


@runtime_checkable
class TextEncoder(Protocol):
    """An encoder of texts too, into the same embedding space as images (CLIP, SigLIP)."""

    def encode_text(self, texts: Sequence[str]) -> list[Features]:
        """One Features for each text, in order. Raises PluginError without a text model."""


class Extractor(Protocol):
    """Images in, keypoints and descriptors out. The same rules apply as for an Encoder."""

    @property
    def dim(self) -> int:
        """Columns of every descriptor."""

    @property
    def measure(self) -> Measure:
        """Cosine."""

    @property
    def resize(self) -> Resize:
        """How images are resized before ``extract``."""

    def extract(self, images: Sequence[Image]) -> list[LocalFeatures]:
        """One LocalFeatures for each image, in order, whatever else is in the batch."""


@runtime_checkable
class QueryExtractor(Protocol):
    """An extractor that has another one for queries, as with more keypoints than are stored."""

    @property
    def for_queries(self) -> Extractor:
        """Its local features are compared with those of this extractor."""


class Matcher(Protocol):
    """Finds corresponding keypoints of two images. A frozen dataclass; for many threads."""

    def match(self, query: LocalFeatures, other: LocalFeatures) -> Correspondences:
        """Keypoints that correspond; either image may have no local features."""


@dataclass(frozen=True)
class IndexChoice:
    """A kind of index, and its options."""

    kind: str = "exact"
    options: Mapping[str, Any] = field(default_factory=dict)


class Index(Protocol):
    """k-nearest-neighbor search over vectors stored under their images' keys.

    A cache that the store can rebuild at any time. Any number of threads may search while one
    other thread modifies it. The class attribute ``measures`` names those it supports.
    """

    @property
    def keys(self) -> Keys:
        """The distinct keys, ascending."""

    @property
    def pending_bytes(self) -> int:
        """Bytes of the vectors added since the last ``save`` or ``load``."""

    @property
    def saved_bytes(self) -> int:
        """Bytes of the vectors in the last ``save`` or ``load``."""

    def add(self, keys: Keys, vectors: Features) -> None:
        """Add ``vectors[i]`` under ``keys[i]``; a key may have several vectors."""

    def remove(self, keys: Keys) -> None:
        """Delete all vectors of these keys; unknown keys are ignored."""

    def search(self, queries: Features, k: int, subset: Keys | None = None) -> Neighbors:
        """The k nearest vectors of each query vector; ties in order of their keys.

        With a ``subset`` of keys, only their vectors count.
        """

    def save(self, path: Path) -> None:
        """Write to a file atomically, and continue from that file."""

    def load(self, path: Path) -> None:
        """Replace the content by a saved one, or raise IndexDamaged and change nothing."""


class Store(Protocol):
    """The system of record: records, vectors, and the answer to a search. Thread-safe."""

    @property
    def recipe(self) -> Recipe:
        """The encoder that made its vectors."""

    @property
    def extractor(self) -> Recipe | None:
        """The extractor that made its local features; ``None`` if it stores none."""

    def __len__(self) -> int:
        """How many images it holds."""

    def write(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Upsert all entries in one transaction; the outcome of each, in order.

        ``missing`` is an entry without features whose image is not stored, or no longer.
        """

    def update_runtime(self, runtime: Mapping[str, Any]) -> None:
        """Record where and how the encoder runs from now on: the recipe's ``runtime``."""

    def set_metadata(self, name: str, text: str) -> None:
        """Store a text about the catalogue or its vectors under a name, replacing another one."""

    def replace_metadata(self, name: str, before: str | None, text: str) -> bool:
        """Store a text in place of ``before``; False if another program has replaced that."""

    def get_metadata(self, name: str) -> str | None:
        """The text stored under a name, or ``None``."""

    def has_content(self, sha256: bytes) -> bool:
        """Whether an image with this content, and so its vectors, is stored.

        Raises ImageError if different content has the same key.
        """

    def lookup_paths(self, paths: Sequence[str]) -> dict[str, StoredFile]:
        """The stored image at each path; unknown paths are left out."""

    def get(self, keys: Sequence[int]) -> dict[int, Record]:
        """The records of these keys; unknown keys are left out."""

    def features(self, key: int) -> Features:
        """The vectors of one image. Raises NotFound."""

    def features_of(self, keys: Sequence[int]) -> dict[int, Features]:
        """The vectors of each of these images; unknown keys are left out."""

    def local_features(self, keys: Sequence[int]) -> dict[int, LocalFeatures]:
        """The local features of these images, quantized to 8 bits; unknown keys are left out."""

    def signatures(self, keys: Sequence[int]) -> dict[int, Signature]:
        """The signatures of these images; those that have none are left out."""

    def without_signature(self, keys: Sequence[int]) -> set[int]:
        """Which of these images are stored without a signature."""

    def shortlist(self, query: LocalFeatures, k: int, subset: Keys | None = None) -> list[int]:
        """Candidates for re-ranking: the k images with the most similar aggregated descriptors."""

    def select(
        self,
        folders: Sequence[str] = (),
        where: Mapping[str, Any] | None = None,
        *,
        after: int = -1,
        limit: int | None = None,
    ) -> Keys:
        """Keys of the images in any of the folders that match the filter ``where``, ascending.

        A folder may also be a file; no folders means everywhere. ``after`` and ``limit`` page
        through them: keys greater than ``after``, at most ``limit``.
        """

    def column(self, name: ImageColumn) -> tuple[Keys, list[Any]]:
        """The keys of all images, ascending, and of each the value that a listing sorts by.

        Those of files leave out images that have none.
        """

    def iter_records(self) -> Iterator[tuple[Record, Features]]:
        """Every record with its vectors, in order of the keys, read page by page.

        Images added or removed meanwhile may or may not be included.
        """

    def iter_paths(self, folder: str) -> Iterator[str]:
        """Every stored path below a folder, recursively."""

    def remove_images(self, keys: Sequence[int]) -> int:
        """Remove images with all their paths; the number of images removed."""

    def remove_files(self, paths: Sequence[str]) -> int:
        """Remove paths, and images without any other; the number of paths removed."""

    def search(
        self, query: Features, k: int, measure: Measure | None = None, subset: Keys | None = None
    ) -> Neighbors:
        """The k nearest stored vectors of each query vector, by the recipe's measure or another.

        With a ``subset`` of keys, only these images count.
        """

    @property
    def index(self) -> IndexChoice:
        """The kind of index that answers searches."""

    def use_index(self, choice: IndexChoice) -> None:
        """Switch to another kind of index, now and whenever it is opened again; builds it now."""

    def statistics(self) -> Statistics:
        """Counts and sizes."""

    def backup(self, target: Path, force: bool = False) -> int:
        """Copy it to a file, whole or not at all, while others write; the bytes of the copy.

        Raises CatalogueExists for a file that is there, unless ``force`` replaces it, and
        CatalogueDamaged.
        """

    def vacuum(self) -> int:
        """Give the space of removed images back to the disk; the number of bytes."""

    def close(self) -> None:
        """Release files; idempotent."""


class Upgrade(Protocol):
    """Vectors by another encoder that are made beside those of a store, and take their place.

    For one thread. What is written survives the program, and another one can go on with it. All
    methods raise EncoderChanged once another program has made the switch, and StoreError once one
    has given the upgrade up.
    """

    @property
    def recipe(self) -> Recipe:
        """The other encoder."""

    def count(self) -> int:
        """How many images have new vectors."""

    def missing(self, after: int = -1, limit: int | None = None) -> Keys:
        """Keys of the images without new vectors, ascending: at most ``limit`` after a key."""

    def write(self, features: Mapping[int, Features]) -> None:
        """Store new vectors, by the keys of their images; images that are gone are left out."""

    def exclusively(self) -> AbstractContextManager[None]:
        """No other program writes to the store until the end, and all of it is one transaction."""

    def switch(self, keep: bool, drop: Sequence[int], metadata: Sequence[str]) -> None:
        """Let the new vectors be the store's, in one step; the other images must have some.

        The images of ``drop`` are removed. The former vectors are deleted, unless ``keep``, and
        with them the ``metadata`` of these names, which are about them.
        """


@runtime_checkable
class Upgradable(Protocol):
    """A store whose vectors can be exchanged for another encoder's while it is in use.

    A store that was opened before answers with the vectors that it was opened for, or raises
    EncoderChanged: never with others.
    """

    def begin_upgrade(self, recipe: Recipe) -> Upgrade:
        """Begin an upgrade to an encoder, or go on with it; back to vectors that were kept, too.

        Raises StoreError while there are other vectors of another one.
        """

    def other_vectors(self) -> OtherVectors | None:
        """What an upgrade has made so far, or kept."""

    def discard_other_vectors(self) -> None:
        """Delete what an upgrade has made so far, or kept."""

    def successor(self) -> Store | None:
        """The same store with the vectors that it has now; None if they are still the same."""


@runtime_checkable
class Versioned(Protocol):
    """A store of which each write is a version, so that older ones can be read.

    Its class method ``open`` takes the number of one, as ``version``.
    """

    @property
    def version(self) -> int:
        """The number of the version that is read: the newest, or that which was opened."""


class ImagePages(Protocol):
    """All images of a store, page by page."""

    def page(self, after: int, limit: int) -> list[StoredImage]:
        """The next images in order of their keys: at most ``limit`` after a key."""


class Snapshot(ImagePages, Protocol):
    """A store as it was at one moment, whatever is written to it meanwhile. For one thread."""

    def __len__(self) -> int:
        """How many images it holds."""

    @property
    def properties(self) -> Properties:
        """What it holds besides."""


class StoreCopy(ImagePages, Protocol):
    """A store that becomes a copy of another one, and cannot be opened until it is finished.

    For one thread. What is written survives the program, and another one can go on with it. All
    methods that write raise StoreError once another program has finished it.
    """

    def write(self, images: Sequence[StoredImage]) -> None:
        """Store these images as they are, in place of those of the same keys, in one transaction.

        A path that another image has becomes theirs, and one that has no other left is removed.
        """

    def remove(self, keys: Sequence[int]) -> None:
        """Remove images; unknown keys are ignored."""

    def finish(self, source: Properties) -> None:
        """Let it be a store like any other, in one step, with an id of its own.

        A kind of index that it cannot have is left out.
        """

    def close(self) -> None:
        """Release files; idempotent."""


@runtime_checkable
class Copyable(Protocol):
    """A store of which copies can be made, and that can be a copy.

    Its class has two more methods: ``open(address, read_only=True)`` opens a store that this
    program cannot write to, and ``begin_copy(address, properties, source)`` gives a StoreCopy of
    the store with these properties, new or begun by an earlier program. ``source`` says where that
    store is, for people. It raises CatalogueExists where there is a whole catalogue, and StoreError
    where there is a copy of another one, or of the same one before it was upgraded.
    """

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """It as it is now, until the end."""
