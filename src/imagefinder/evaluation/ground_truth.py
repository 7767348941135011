"""Ground truth: queries and their relevant images (qrels), from folders or a CSV file of pairs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imagefinder._utils.concurrency import batched
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.catalogue.image_groups import ImageGroups, is_member
from imagefinder.catalogue.labels import folder_label, read_pairs
from imagefinder.errors import EvaluationError, ImageError
from imagefinder.evaluation.config import EvalConfig
from imagefinder.images.files import read
from imagefinder.images.inputs import absolute
from imagefinder.images.walk import find_images
from imagefinder.types import Failure, Keys, Store, key_from, key_of

_BATCH = 1000  # records read from the store at a time


@dataclass(frozen=True, slots=True)
class EvalQuery:
    """A query: a stored image by its key, or a file that is not stored."""

    codes: tuple[int, ...]
    """The groups whose images are relevant, the query itself excepted."""
    key: int | None = None
    path: str | None = None


@dataclass(frozen=True)
class GroundTruth:
    """Queries, and groups of stored images that are relevant to them."""

    description: str
    """What counts as relevant, in words."""
    queries: Sequence[EvalQuery]
    groups: ImageGroups
    without_relevant: int = 0
    """Queries left out because no stored image is relevant to them."""
    failed: tuple[Failure, ...] = ()
    """Queries that cannot be used."""

    def relevant(self, query: EvalQuery) -> tuple[Keys, int]:
        """The relevant images, ascending, perhaps with the query itself; and how many others."""
        members = self.groups.members(query.codes)
        own = query.key is not None and is_member(np.array([query.key]), members)[0]
        return members, len(members) - int(own)


def load_ground_truth(catalogue: Catalogue, config: EvalConfig) -> GroundTruth:
    """From pairs, a folder of queries, or the folders of the stored images, as configured.

    Raises EvaluationError if it is missing or unusable.
    """
    if config.pairs is not None:
        return by_pairs(catalogue, config.pairs)
    if config.queries is not None:
        return by_queries(catalogue, config.queries, config.level)
    return by_folder(catalogue, config.level)


def with_relevant(truth: GroundTruth, sample: int | None, seed: int) -> GroundTruth:
    """Only the queries with relevant images, or a random sample of them.

    Raises EvaluationError if there are none.
    """
    queries = [query for query in truth.queries if truth.relevant(query)[1]]
    if not queries:
        raise EvaluationError(
            f"no query has another relevant image: {truth.description}; "
            "choose other classes with --level or --pairs"
        )
    without = truth.without_relevant + len(truth.queries) - len(queries)
    if sample is not None and sample < len(queries):
        chosen = np.random.default_rng(seed).choice(len(queries), sample, replace=False)
        queries = [queries[number] for number in np.sort(chosen)]
    return replace(truth, queries=queries, without_relevant=without)


def by_folder(catalogue: Catalogue, level: int = 1) -> GroundTruth:
    """Every stored image is a query for those in the same folder, or in one of the same name.

    ``level`` counts folders upwards from the file. Raises EvaluationError if all lie in one.
    """
    groups = _folder_groups(catalogue.store, level)
    stored = len(catalogue)
    if not stored:
        raise EvaluationError("the catalogue has no images: add some, in a folder for each class")
    if not len(groups):
        raise EvaluationError(f"no stored image has a folder {level} levels up")
    if len(groups) == 1 and groups.sizes[0] == stored:
        raise EvaluationError(
            f"all images lie in the one folder {(groups.names or '?')[0]!r}, so every hit would be "
            "relevant: choose another --level, or give --pairs"
        )
    keys = groups.keys.tolist()
    queries = [EvalQuery(groups.codes_of(key), key=key) for key in keys]
    return GroundTruth(_description(level), queries, groups, without_relevant=stored - len(keys))


def by_queries(catalogue: Catalogue, folder: str | os.PathLike[str], level: int = 1) -> GroundTruth:
    """The images of a folder are queries for stored ones in a folder of the same name as theirs.

    Those that are stored themselves do not count as their own hits. Raises EvaluationError for a
    folder without images in subfolders.
    """
    root = absolute(folder)
    if not root.is_dir():
        raise EvaluationError(f"there is no folder {root}")
    groups = _folder_groups(catalogue.store, level)
    codes = {name: (code,) for code, name in enumerate(groups.names or ())}
    failed: list[Failure] = []
    queries: list[EvalQuery] = []
    for path in find_images(root):
        name = folder_label(path.relative_to(root), level)
        try:
            if name is not None:
                queries.append(_query_of_file(catalogue, path, codes.get(name, ())))
        except ImageError as error:
            failed.append(Failure(str(path), str(error)))
    if not queries:
        raise EvaluationError(f"{root} has no images in subfolders, which name the classes")
    description = f"queries from {root}; {_description(level)}"
    return GroundTruth(description, queries, groups, failed=tuple(failed))


def by_pairs(catalogue: Catalogue, path: str | os.PathLike[str]) -> GroundTruth:
    """From a CSV file with a line for each relevant image of a query.

    Its columns ``query`` and ``relevant`` hold a path, relative to the CSV file, or the id of a
    stored image. Queries need not be stored. Raises EvaluationError, naming the line.
    """
    file = absolute(path)
    relevant_to: dict[EvalQuery, list[int]] = {}
    known: dict[str, EvalQuery] = {}
    for where, query, relevant in read_pairs(file):
        for name in (query, relevant):
            if name not in known:
                known[name] = _query_of_name(catalogue, file.parent, name, where)
        key = known[relevant].key
        if key is None:
            raise EvaluationError(f"{where}: {relevant} is not in the catalogue: add it first")
        relevant_to.setdefault(known[query], []).append(key)
    queries = [replace(query, codes=(code,)) for code, query in enumerate(relevant_to)]
    groups = ImageGroups.unnamed(relevant_to.values())
    return GroundTruth(f"relevant images as listed in {file.name}", queries, groups)


def _description(level: int) -> str:
    levels = "" if level == 1 else f", {level} levels up,"
    return f"images in folders of the same name{levels} are relevant to each other"


def _folder_groups(store: Store, level: int) -> ImageGroups:
    """The stored images by the names of their folders; those without such a folder left out."""
    members: dict[str, list[int]] = {}
    for batch in batched(store.select().tolist(), _BATCH):
        for record in store.get(batch).values():
            for name in {folder_label(file.path, level) for file in record.files} - {None}:
                members.setdefault(str(name), []).append(record.key)
    return ImageGroups.by_name(members)


def _query_of_file(catalogue: Catalogue, path: Path, codes: tuple[int, ...] = ()) -> EvalQuery:
    """A query by a file: by its key if its content is stored. Raises ImageError."""
    sha256 = hashlib.sha256(read(path, catalogue.limits)).digest()
    if catalogue.store.has_content(sha256):
        return EvalQuery(codes, key=key_of(sha256))
    return EvalQuery(codes, path=str(path))


def _query_of_name(catalogue: Catalogue, folder: Path, name: str, where: str) -> EvalQuery:
    """A stored image by its id, its path or its content; or a file that is not stored."""
    path = absolute(folder / os.path.expanduser(name))
    key = key_from(name)
    if key is not None and not path.exists():
        if key not in catalogue.store.get([key]):
            raise EvaluationError(f"{where}: there is no image {name!r} in the catalogue")
        return EvalQuery((), key=key)
    stored = catalogue.store.lookup_paths([str(path)]).get(str(path))
    if stored is not None:
        return EvalQuery((), key=stored.key)
    try:
        return _query_of_file(catalogue, path)
    except ImageError as error:
        raise EvaluationError(f"{where}: {name}: {error}") from error
