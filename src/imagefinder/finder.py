"""The Finder: a catalogue, the encoder that fills it, and the search over both."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter
from types import TracebackType
from typing import Any, Self

import numpy as np

from imagefinder.agreement import told_apart
from imagefinder.encoding import encode_one
from imagefinder.errors import ImageError, NotFound, RecipeMismatch, UnknownPlugin
from imagefinder.exchange import export_vectors, import_vectors
from imagefinder.hits import Hits
from imagefinder.images import LIMITS, Limits, Source, decode, read
from imagefinder.ingest import Progress, ingest
from imagefinder.inputs import Given, absolute, inputs_of, is_storable, several
from imagefinder.pipeline import batched
from imagefinder.ranking import Ranking, vote
from imagefinder.registry import (
    DEFAULT_ENCODER,
    encoder_from,
    load,
    make_encoder,
    make_index,
    recipe_of,
)
from imagefinder.similarity import distances
from imagefinder.types import (
    Encoder,
    Failure,
    Features,
    Hit,
    Image,
    Recipe,
    Record,
    Report,
    Statistics,
    Store,
    key_of,
)

_DEPTH = 100  # rows
_ROUNDING = 1e-6
_ID = re.compile(r"[0-9a-f]{16}")


class Finder:
    """Pictures in a catalogue, and the most similar ones to any picture.

        with Finder.create("photos.db") as finder:
            finder.add(["~/Pictures"])
            for hit in finder.search("query.jpg", k=3):
                print(hit.rank, hit.score, hit.path)

    Safe to use from several threads; several programs may use one catalogue at a time.
    """

    def __init__(self, store: Store, encoder: Encoder, limits: Limits = LIMITS) -> None:
        """From parts; ``create`` and ``open`` make them."""
        self.store = store
        self.encoder = encoder
        self.limits = limits

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        encoder: str | Encoder = DEFAULT_ENCODER,
        *,
        index: str | None = "exact",
        limits: Limits = LIMITS,
    ) -> Self:
        """A new catalogue file. Raises CatalogueExists if there is one.

        ``encoder`` is a name, as ``imagefinder encoders`` lists them, or an encoder. ``index`` of
        ``None`` leaves the search to sqlite-vec.
        """
        encoder = make_encoder(encoder) if isinstance(encoder, str) else encoder
        store = load("stores", "sqlite").create(absolute(path), recipe_of(encoder), _maker(index))
        return cls(store, encoder, limits)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        encoder: str | Encoder | None = None,
        *,
        index: str | None = "exact",
        limits: Limits = LIMITS,
    ) -> Self:
        """A catalogue that is there, with the encoder that it was made with.

        Say the encoder only if its model has moved, or if it is not a registered one. Raises
        CatalogueMissing, NotACatalogue, NewerCatalogue, or RecipeMismatch for another encoder.
        """
        store = load("stores", "sqlite").open(absolute(path), _maker(index))
        try:
            return cls(store, _encoder_for(store, encoder), limits)
        except BaseException:
            store.close()
            raise

    @classmethod
    def exists(cls, path: str | os.PathLike[str]) -> bool:
        """Whether there is something to open."""
        return bool(load("stores", "sqlite").exists(absolute(path)))

    def __enter__(self) -> Self:
        """Closes at the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes."""
        self.close()

    def close(self) -> None:
        """Let go of the catalogue's file."""
        self.store.close()

    def __repr__(self) -> str:
        """By its encoder; a repr must not fail, so it asks nothing of the file."""
        return f"<Finder by {self.encoder!r}>"

    def __len__(self) -> int:
        """How many pictures there are; identical files are one."""
        return len(self.store)

    @property
    def recipe(self) -> Recipe:
        """How the vectors were made."""
        return self.store.recipe

    def statistics(self) -> Statistics:
        """How much the catalogue holds."""
        return self.store.statistics()

    def add(
        self,
        pictures: Given | Iterable[Given],
        *,
        metadata: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        progress: Progress = iter,
    ) -> Report:
        """Add files, all pictures in folders, or pictures in memory.

        ``metadata`` is kept with the pictures: one mapping for all, or one for each of
        ``pictures``. Each file given is counted once in the report, as added, updated (its content
        changed), unchanged or failed; whatever cannot be used stops nothing.
        """
        place = recipe_of(self.encoder).place
        if place != self.store.recipe.place:  # the model has moved
            self.store.relocate(place)
        failures: list[Failure] = []
        inputs = inputs_of(several(pictures), metadata, failures)
        report = ingest(inputs, self.store, self.encoder, limits=self.limits, progress=progress)
        return replace(report, failed=(*failures, *report.failed))

    def sync(self, folder: str | os.PathLike[str], *, progress: Progress = iter) -> Report:
        """Add what is new or changed in a folder, and take out what is no longer there.

        Raises NotFound if the folder is missing, or if it is empty although pictures of it are
        stored: that is how a disk looks that is not mounted.
        """
        root = absolute(folder)
        if not root.is_dir():
            raise NotFound(
                f"there is no folder {root}; "
                f"to take its pictures out of the catalogue: imagefinder remove {root}"
            )
        if not is_storable(str(root)):
            raise NotFound(f"{root} has a name that is not UTF-8: rename it")
        if not any(root.iterdir()) and any(self.store.paths(str(root))):
            raise NotFound(
                f"{root} is empty, but the catalogue has pictures of it: is its disk mounted? "
                f"To take them out: imagefinder remove {root}"
            )
        report = self.add(root, progress=progress)
        vanished = (path for path in self.store.paths(str(root)) if _is_gone(path))
        removed = sum(self.store.forget(batch) for batch in batched(vanished, 1000))
        return replace(report, removed=removed)

    def remove(self, pictures: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> Report:
        """Take pictures out of the catalogue, by file, folder or id. Files are left alone.

        A picture that lies in several places stays until the last one is removed; by its id it is
        removed with all of them.
        """
        began = perf_counter()
        failures = []
        removed = 0
        for given in [pictures] if isinstance(pictures, str | os.PathLike) else pictures:
            count = self._remove(given)
            removed += count
            if not count:
                failures.append(Failure(str(given), "there is no such picture in the catalogue"))
        return Report(removed=removed, failed=tuple(failures), seconds=perf_counter() - began)

    def export_vectors(self, path: str | os.PathLike[str], *, force: bool = False) -> int:
        """Write all pictures' vectors, and all that is known of them; says how many pictures.

        ``NAME.npy`` is one matrix, with ``NAME.csv`` and ``NAME.json`` beside it; ``NAME.parquet``
        one file; any other name a folder with a file for each picture. Raises ExchangeError, also
        if something is there already, unless ``force``d to replace it.
        """
        return export_vectors(self.store, path, force)

    def import_vectors(self, path: str | os.PathLike[str]) -> Report:
        """Take in what was exported, or vectors from elsewhere in that form.

        The least is a matrix ``NAME.npy`` and a ``NAME.csv`` with the column ``path``: such files
        are read, and one that is missing or no picture is a failure in the report. Raises
        ExchangeError, or RecipeMismatch for another encoder's vectors, before anything is written.
        """
        return import_vectors(self.store, path, self.limits)

    def search(self, picture: Source | Hit, k: int = 3) -> Hits:
        """The k most similar pictures to a file, bytes, a picture in memory, a stored id or a hit.

        Best first; fewer if the catalogue holds fewer. A stored picture finds itself first. Raises
        ImageError, or NotFound for an id that is not there.
        """
        if k < 1:
            raise ValueError("k must be at least 1")
        return self._hits(*self._query(picture), k)

    def get(self, id: str) -> Record:  # noqa: A002  the word that users know
        """The record of a picture. Raises NotFound."""
        key = _key_of(id)
        record = self.store.get([key]).get(key) if key is not None else None
        if record is None:
            raise NotFound(f"there is no picture {id!r} in the catalogue")
        return record

    def _query(self, picture: Source | Hit) -> tuple[Features, int | None]:
        """What to search with, and the key under which it may be stored itself."""
        if isinstance(picture, Hit):
            picture = picture.id
        if isinstance(picture, str) and _ID.fullmatch(picture) and not os.path.exists(picture):
            key = self.get(picture).key
            return self.store.features(key), key
        if not isinstance(picture, str | os.PathLike):
            return encode_one(self.encoder, self._pixels(picture)), None
        try:
            data = read(absolute(picture), self.limits)
            key = key_of(hashlib.sha256(data).digest())
            return encode_one(self.encoder, self._pixels(data)), key
        except ImageError as error:
            raise type(error)(f"{os.fspath(picture)}: {error}") from error

    def _pixels(self, picture: Source) -> Image:
        return decode(picture, self.encoder.fit, self.limits).pixels

    def _hits(self, query: Features, own: int | None, k: int) -> Hits:
        # a local encoder has many rows for a picture: look deep enough for the votes not to depend
        # on k, and further until there are k pictures
        rows = max(k, _DEPTH)
        while True:
            neighbors = self.store.search(query, rows)
            ranking = _own_first(vote(neighbors), own)[:k]
            exhausted = neighbors.keys.shape[1] < rows or bool((neighbors.keys < 0).any())
            if len(ranking) == k or exhausted:
                break
            rows *= 4
        records = self.store.get([key for key, _ in ranking])
        present = [(records[key], score) for key, score in ranking if key in records]
        measure = self.encoder.measure
        apart = distances(measure, np.array([s for _, s in present], np.float32), self.encoder.dim)
        return Hits(
            Hit(rank, score, distance, record)
            for rank, ((record, score), distance) in enumerate(
                zip(present, apart.tolist(), strict=True), start=1
            )
        )

    def _remove(self, given: str | os.PathLike[str]) -> int:
        path = str(absolute(given))
        if not is_storable(path):
            return 0
        removed = self.store.forget([path])
        for batch in batched(self.store.paths(path), 1000):
            removed += self.store.forget(batch)
        key = _key_of(str(given))
        if not removed and key is not None:
            removed = self.store.remove([key])
        return removed


def _encoder_for(store: Store, given: str | Encoder | None) -> Encoder:
    """The encoder that made the store's vectors, found again or given."""
    if given is None:
        try:
            encoder = encoder_from(store.recipe)
        except UnknownPlugin as error:
            name = store.recipe.encoder
            raise UnknownPlugin(
                f"the catalogue needs the encoder {name!r}: install its package"
            ) from error
    else:
        encoder = make_encoder(given) if isinstance(given, str) else given
    apart = told_apart(store.recipe, recipe_of(encoder))
    if apart:
        ours, theirs = apart
        raise RecipeMismatch(
            f"the catalogue was made with {ours}, so {theirs} cannot be used with it: "
            "leave the encoder out, or make another catalogue"
        )
    return encoder


def _own_first(ranking: Ranking, own: int | None) -> Ranking:
    """The picture searched with before others that score the same, but for rounding."""
    if not ranking:
        return ranking
    best = ranking[0][1]
    return sorted(ranking, key=lambda pair: pair[0] != own or pair[1] < best - _ROUNDING)


def _maker(index: str | None) -> Any:
    return partial(make_index, index) if index else None


def _is_gone(path: str) -> bool:
    """Whether the file is surely not there; one that cannot be looked at may be."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _key_of(id: str) -> int | None:  # noqa: A002  the word that users know
    """The key that an id stands for, or None if it is no id."""
    key = int(id, 16) if _ID.fullmatch(id) else None
    return key if key is not None and key < 2**63 else None
