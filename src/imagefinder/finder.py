"""The Finder: a catalogue, the encoder that fills it, and the search over both."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from types import TracebackType
from typing import Any, Self, get_args

import numpy as np

from imagefinder._utils import batched
from imagefinder.catalogue.catalogue import encoder_for, extractor_for
from imagefinder.catalogue.ingest import Intake, Progress, ingest
from imagefinder.catalogue.vector_files import export_vectors, import_vectors
from imagefinder.errors import NotFound, PluginError
from imagefinder.images.inputs import Given, absolute, inputs_of, is_storable, several
from imagefinder.images.limits import LIMITS, Limits
from imagefinder.registry.factory import make_encoder, make_extractor, make_reranker, recipe_of
from imagefinder.registry.plugins import DEFAULT_ENCODER, load
from imagefinder.search.calibration.classifier import Judge, wanted
from imagefinder.search.hits import Hits
from imagefinder.search.query import Asked, Query, Reader, key_from, record_of
from imagefinder.search.ranking import Ranking, fuse, vote
from imagefinder.search.reranking import Looked
from imagefinder.search.reranking import rerank as reranked
from imagefinder.similarity import distances
from imagefinder.types import (
    Box,
    Encoder,
    Extractor,
    Failure,
    Hit,
    IndexChoice,
    Keys,
    LocalFeatures,
    Measure,
    Recipe,
    Record,
    Report,
    Reranker,
    Statistics,
    Store,
)

_DEPTH = 100  # rows
_SHORTLIST = 60  # images
_ROUNDING = 1e-6


class Finder:
    """Images in a catalogue, and the most similar ones to any image.

        with Finder.create("photos.db") as finder:
            finder.add(["~/Images"])
            for hit in finder.search("query.jpg", k=3):
                print(hit.rank, hit.score, hit.path)

    Safe to use from several threads; several programs may use one catalogue at a time.
    """

    def __init__(
        self,
        store: Store,
        encoder: Encoder,
        extractor: Extractor | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        """From parts; ``create`` and ``open`` make them."""
        self.store = store
        self.encoder = encoder
        self.extractor = extractor
        self.limits = limits
        self._judge = Judge(store)

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        encoder: str | Encoder = DEFAULT_ENCODER,
        *,
        local: str | Extractor | None = None,
        index: str | IndexChoice | None = None,
        limits: Limits = LIMITS,
    ) -> Self:
        """A new catalogue in one file. Raises CatalogueExists if there is one.

        ``encoder`` is a name, as ``imagefinder encoders`` lists them, or an encoder. ``local``
        names an extractor (or is one) whose local features are to be kept too: ``sift``, in about
        66 kB an image. ``index`` is a kind of index for this Finder (``exact`` as it is);
        ``use_index`` chooses one for good.
        """
        encoder = make_encoder(encoder) if isinstance(encoder, str) else encoder
        extractor = make_extractor(local) if isinstance(local, str) else local
        store = load("stores", "sqlite").create(
            absolute(path),
            recipe_of(encoder),
            _choice(index),
            None if extractor is None else recipe_of(extractor),
        )
        return cls(store, encoder, extractor, limits)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        encoder: str | Encoder | None = None,
        *,
        local: str | Extractor | None = None,
        index: str | IndexChoice | None = None,
        limits: Limits = LIMITS,
    ) -> Self:
        """A catalogue that is there, with the encoder and extractor that it was made with.

        Say them only if a model has moved, or if they are not registered ones. Raises
        CatalogueMissing, NotACatalogue, NewerCatalogue, or RecipeMismatch for others.
        """
        store = load("stores", "sqlite").open(absolute(path), _choice(index))
        try:
            return cls(store, encoder_for(store, encoder), extractor_for(store, local), limits)
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
        """How many images there are; identical files are one."""
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
        images: Given | Iterable[Given],
        *,
        metadata: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        progress: Progress = iter,
    ) -> Report:
        """Add files, all images in folders, or images in memory.

        ``metadata`` is kept with the images: one mapping for all, or one for each of
        ``images``. Each file given is counted once in the report, as added, updated (its content
        changed), unchanged or failed; whatever cannot be used stops nothing.
        """
        place = recipe_of(self.encoder).place
        if place != self.store.recipe.place:  # the model has moved
            self.store.relocate(place)
        failures: list[Failure] = []
        inputs = inputs_of(several(images), metadata, failures)
        report = ingest(inputs, self._intake, progress)
        return replace(report, failed=(*failures, *report.failed))

    def sync(self, folder: str | os.PathLike[str], *, progress: Progress = iter) -> Report:
        """Add what is new or changed in a folder, and take out what is no longer there.

        Raises NotFound if the folder is missing, or if it is empty although images of it are
        stored: that is how a disk looks that is not mounted.
        """
        root = absolute(folder)
        if not root.is_dir():
            raise NotFound(
                f"there is no folder {root}; "
                f"to take its images out of the catalogue: imagefinder remove {root}"
            )
        if not is_storable(str(root)):
            raise NotFound(f"{root} has a name that is not UTF-8: rename it")
        if not any(root.iterdir()) and any(self.store.paths(str(root))):
            raise NotFound(
                f"{root} is empty, but the catalogue has images of it: is its disk mounted? "
                f"To take them out: imagefinder remove {root}"
            )
        report = self.add(root, progress=progress)
        vanished = (path for path in self.store.paths(str(root)) if _is_gone(path))
        removed = sum(self.store.forget(batch) for batch in batched(vanished, 1000))
        return replace(report, removed=removed)

    def remove(self, images: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> Report:
        """Take images out of the catalogue, by file, folder or id. Files are left alone.

        An image that lies in several places stays until the last one is removed; by its id it is
        removed with all of them.
        """
        began = perf_counter()
        failures = []
        removed = 0
        for given in [images] if isinstance(images, str | os.PathLike) else images:
            count = self._remove(given)
            removed += count
            if not count:
                failures.append(Failure(str(given), "there is no such image in the catalogue"))
        return Report(removed=removed, failed=tuple(failures), seconds=perf_counter() - began)

    def export_vectors(self, path: str | os.PathLike[str], *, force: bool = False) -> int:
        """Write all images' vectors, and all that is known of them; says how many images.

        ``NAME.npy`` is one matrix, with ``NAME.csv`` and ``NAME.json`` beside it; ``NAME.parquet``
        one file; any other name a folder with a file for each image. Raises ExchangeError, also
        if something is there already, unless ``force``d to replace it.
        """
        return export_vectors(self.store, path, force)

    def import_vectors(self, path: str | os.PathLike[str]) -> Report:
        """Take in what was exported, or vectors from elsewhere in that form.

        The least is a matrix ``NAME.npy`` and a ``NAME.csv`` with the column ``path``: such files
        are read, and one that is missing or no image is a failure in the report. Raises
        ExchangeError, or RecipeMismatch for another encoder's vectors, before anything is written.
        """
        return import_vectors(self.store, path, self.limits)

    def search(
        self,
        image: Asked | Iterable[Asked] | None = None,
        k: int = 3,
        *,
        minus: Asked | Iterable[Asked] = (),
        text: str | None = None,
        crop: Box | None = None,
        measures: Sequence[Measure] = (),
        rerank: str | Reranker | None = None,
        shortlist: int | None = _SHORTLIST,
        folders: Sequence[str | os.PathLike[str]] = (),
        where: Mapping[str, Any] | None = None,
        threshold: float | None = None,
        matches_only: bool = False,
    ) -> Hits:
        """The k most similar images to a file, bytes, an image in memory, a stored id or a hit.

        Best first; fewer if the catalogue holds fewer. A stored image finds itself first.
        Several images are searched with together; ``minus`` turns away from others; ``text``
        adds words, or stands alone, with an encoder that knows them; ``crop`` is the part of the
        images to search with. Several ``measures`` are fused by their ranks.

        ``rerank`` (``mutual`` or ``geometric``) lets local features decide, among the ``shortlist``
        images whose own are most like the query's, or all of them for ``None``, and the k that
        the encoder finds. Only images in the ``folders`` and with the metadata ``where`` count,
        if those are given; they are chosen first, so that k come back where k are there. Of the
        hits, those below the ``threshold`` are left out, and with ``matches_only`` those that are
        no match (which a catalogue knows once it is calibrated): that may leave none.

        Raises ImageError, NotFound for an id that is not there, PluginError for what the catalogue
        was not made for, CalibrationError where nobody can say what a match is, and ValueError for
        what cannot go together.
        """
        if k < 1 or (shortlist is not None and shortlist < 1):
            raise ValueError("k and shortlist must be at least 1")
        if not set(measures) <= set(get_args(Measure)):
            raise ValueError(f"measures are {', '.join(get_args(Measure))}")
        if rerank is not None and measures:
            raise ValueError("local features decide with rerank: leave the measures out")
        if rerank is not None and self.extractor is None:
            raise PluginError(
                "the catalogue was made without local features: make one with --local sift"
            )
        among = self._among(folders, where)
        reader = Reader(self._intake, crop, local=rerank is not None)
        query = reader.query(image, minus, text)
        if rerank is not None and query.local is not None:
            reranker = make_reranker(rerank) if isinstance(rerank, str) else rerank
            hits = self._looked_at(query, query.local, k, reranker, shortlist, among)
        elif len(measures) > 1:
            hits = self._hits(self._fused(query, k, measures, among), None)
        else:
            measure = measures[0] if measures else self.encoder.measure
            hits = self._hits(self._ranked(query, k, measure, among), measure)
            if query.alone:
                hits = self._judge.judged(hits, measure, None if among is None else len(among))
        return wanted(hits, threshold, matches_only)

    def use_index(self, kind: str, options: Mapping[str, Any] | None = None) -> None:
        """Search by this kind of index from now on, and make it now.

        The catalogue remembers it. Raises PluginError for a kind that cannot compare its vectors.
        """
        self.store.use_index(IndexChoice(kind, options or {}))

    def get(self, id: str) -> Record:  # noqa: A002  the word that users know
        """The record of an image. Raises NotFound."""
        return record_of(self._intake, id)

    def page(
        self, most: int = 100, *, after: str | None = None, where: Mapping[str, Any] | None = None
    ) -> list[Record]:
        """The next images in order of their ids, ``after`` one of them or from the first on.

        ``most`` is how many at most; with ``where`` only those whose metadata say all of it.
        """
        last = -1 if after is None else min(int(after, 16), 2**63 - 1)  # what SQLite can count to
        keys = self.store.matching(where=where, after=last, most=most).tolist()
        return list(self.store.get(keys).values())

    @property
    def _intake(self) -> Intake:
        return Intake(self.store, self.encoder, self.extractor, self.limits)

    def _among(
        self, folders: Sequence[str | os.PathLike[str]], where: Mapping[str, Any] | None
    ) -> Keys | None:
        if not folders and not where:
            return None
        return self.store.matching([str(absolute(folder)) for folder in folders], where)

    def _fused(
        self, query: Query, k: int, measures: Sequence[Measure], among: Keys | None
    ) -> Ranking:
        return fuse([self._ranked(query, max(k, _DEPTH), one, among) for one in measures])[:k]

    def _ranked(self, query: Query, k: int, measure: Measure | None, among: Keys | None) -> Ranking:
        # a local encoder has many rows for an image: look deep enough for the votes not to depend
        # on k, and further until there are k images
        rows = max(k, _DEPTH)
        while True:
            neighbors = self.store.search(query.features, rows, measure, among)
            ranking = _own_first(vote(neighbors), query.own)[:k]
            exhausted = neighbors.keys.shape[1] < rows or bool((neighbors.keys < 0).any())
            if len(ranking) == k or exhausted:
                return ranking
            rows *= 4

    def _hits(self, ranking: Ranking, measure: Measure | None) -> Hits:
        records = self.store.get([key for key, _ in ranking])
        present = [(records[key], score) for key, score in ranking if key in records]
        scores = np.array([score for _, score in present], np.float32)
        # a fused score is a share
        apart = distances(measure, scores, self.encoder.dim) if measure else 1 - scores
        return Hits(
            Hit(rank, score, distance, record)
            for rank, ((record, score), distance) in enumerate(
                zip(present, apart.tolist(), strict=True), start=1
            )
        )

    def _looked_at(
        self,
        query: Query,
        local: LocalFeatures,
        k: int,
        reranker: Reranker,
        shortlist: int | None,
        among: Keys | None,
    ) -> Hits:
        near = [key for key, _ in self._ranked(query, k, None, among)]
        if shortlist is None or shortlist >= len(self.store):
            others = (self.store.keys() if among is None else among).tolist()
        else:
            others = self.store.shortlist(local, shortlist, among)
        candidates = list(dict.fromkeys([*near, *others]))
        looked = reranked(local, candidates, self.store, reranker, k)
        records = self.store.get([one.key for one in looked])
        return Hits(
            _hit(rank, one, records[one.key])
            for rank, one in enumerate((one for one in looked if one.key in records), start=1)
        )

    def _remove(self, given: str | os.PathLike[str]) -> int:
        path = str(absolute(given))
        if not is_storable(path):
            return 0
        removed = self.store.forget([path])
        for batch in batched(self.store.paths(path), 1000):
            removed += self.store.forget(batch)
        key = key_from(str(given))
        if not removed and key is not None:
            removed = self.store.remove([key])
        return removed


def _own_first(ranking: Ranking, own: int | None) -> Ranking:
    """The image searched with before others that score the same, but for rounding."""
    if not ranking:
        return ranking
    best = ranking[0][1]
    return sorted(ranking, key=lambda pair: pair[0] != own or pair[1] < best - _ROUNDING)


def _choice(index: str | IndexChoice | None) -> IndexChoice | None:
    return IndexChoice(index) if isinstance(index, str) else index


def _is_gone(path: str) -> bool:
    """Whether the file is surely not there; one that cannot be looked at may be."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _hit(rank: int, looked: Looked, record: Record) -> Hit:
    return Hit(
        rank,
        looked.score,
        1 - looked.score,
        record,
        len(looked.match),
        looked.match.verified,
        looked.region(record),
        match=looked.match.verified,
    )
