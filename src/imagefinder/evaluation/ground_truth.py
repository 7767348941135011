"""What is asked, and what should be found."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imagefinder._utils.concurrency import batched
from imagefinder.catalogue.labels import Groups, read_pairs, subset
from imagefinder.errors import EvaluationError, ImageError
from imagefinder.finder import Finder
from imagefinder.images.files import find_images, read
from imagefinder.images.inputs import absolute
from imagefinder.types import Failure, Keys, Record, Store, key_from, key_of


@dataclass(frozen=True, slots=True)
class Question:
    """A query: a stored image by its key, or a file that is not stored."""

    codes: tuple[int, ...]
    """The groups whose images it should find, without itself."""
    key: int | None = None
    path: str | None = None


@dataclass(frozen=True)
class Truth:
    """Questions, and the groups of stored images that they should find."""

    about: str
    """What belongs together, in words."""
    questions: Sequence[Question]
    groups: Groups
    idle: int = 0
    """Queries that have nothing to find."""
    failed: tuple[Failure, ...] = ()
    """Queries that cannot be used."""

    def relevant(self, question: Question) -> tuple[Keys, int]:
        """The images to find, ascending, perhaps with the query itself; and how many others."""
        members = self.groups.members(question.codes)
        own = question.key is not None and subset(np.array([question.key]), members)[0]
        return members, len(members) - int(own)


def asked(truth: Truth, sample: int | None, seed: int) -> Truth:
    """The questions that have something to find, or a sample of them.

    Raises EvaluationError if there are none.
    """
    answered = [question for question in truth.questions if truth.relevant(question)[1]]
    if not answered:
        raise EvaluationError(
            f"no query has another image to find: {truth.about}, and there must be two at least; "
            "--level or --pairs may say otherwise"
        )
    idle = truth.idle + len(truth.questions) - len(answered)
    if sample is not None and sample < len(answered):
        chosen = np.random.default_rng(seed).choice(len(answered), sample, replace=False)
        answered = [answered[number] for number in np.sort(chosen)]
    return replace(truth, questions=answered, idle=idle)


def identified(finder: Finder, path: Path, codes: tuple[int, ...]) -> Question:
    """The question that a file asks, by its content. Raises ImageError."""
    sha256 = hashlib.sha256(read(path, finder.limits)).digest()
    if finder.store.has_content(sha256):
        return Question(codes, key=key_of(sha256))
    return Question(codes, path=str(path))


_PAGE = 1000  # records taken from the store at a time


def by_folder(finder: Finder, level: int = 1) -> Truth:
    """Every stored image asks for those in the same folder, or in one of the same name.

    ``level`` counts folders upwards from the file. Raises EvaluationError if all lie in one.
    """
    groups = _groups(finder.store, level)
    stored = len(finder)
    if not stored:
        raise EvaluationError("the catalogue holds no images: add some, a folder for each class")
    if not len(groups):
        raise EvaluationError(f"no stored image lies in a folder {level} levels up")
    if len(groups) == 1 and groups.sizes[0] == stored:
        raise EvaluationError(
            f"all images lie in the one folder {(groups.names or '?')[0]!r}, so none is wrong: "
            "name another --level, or --pairs of what belongs together"
        )
    keys = groups.keys.tolist()
    questions = [Question(groups.of(key), key=key) for key in keys]
    return Truth(_about(level), questions, groups, idle=stored - len(keys))


def by_queries(finder: Finder, folder: str | os.PathLike[str], level: int = 1) -> Truth:
    """The images of a folder ask for the stored ones in a folder of the same name as theirs.

    Those that are stored themselves do not find themselves. Raises EvaluationError for a folder
    without images in subfolders.
    """
    root = absolute(folder)
    if not root.is_dir():
        raise EvaluationError(f"there is no folder {root}")
    groups = _groups(finder.store, level)
    codes = {name: code for code, name in enumerate(groups.names or ())}
    failed: list[Failure] = []
    questions: list[Question] = []
    for path in find_images(root):
        name = _folder(os.sep + str(path.relative_to(root)), level)
        try:
            if name is not None:
                questions.append(identified(finder, path, _codes(codes, name)))
        except ImageError as error:
            failed.append(Failure(str(path), str(error)))
    if not questions:
        raise EvaluationError(
            f"{root} has no images in subfolders: their names say what is to be found"
        )
    about = f"queries of {root}: {_about(level)}"
    return Truth(about, questions, groups, failed=tuple(failed))


def _codes(codes: dict[str, int], name: str) -> tuple[int, ...]:
    return (codes[name],) if name in codes else ()


def _groups(store: Store, level: int) -> Groups:
    """Of all stored images that lie deep enough."""
    found: dict[str, list[int]] = {}
    for page in batched(store.select().tolist(), _PAGE):
        for record in store.get(page).values():
            for name in _names(record, level):
                found.setdefault(name, []).append(record.key)
    names = sorted(found)
    codes = np.repeat(np.arange(len(names)), [len(found[name]) for name in names])
    keys = np.array([key for name in names for key in found[name]], np.int64)
    return Groups(keys, codes, names, len(names))


def _names(record: Record, level: int) -> set[str]:
    folders = (_folder(file.path, level) for file in record.files)
    return {folder for folder in folders if folder is not None}


def _folder(path: str, level: int) -> str | None:
    """The name of the folder so many levels above a file, if there is one."""
    parts = Path(path).parts
    return parts[-1 - level] if len(parts) > level + 1 else None


def _about(level: int) -> str:
    if level == 1:
        return "what lies in folders of the same name belongs together"
    return f"what lies in folders of the same name, {level} levels up, belongs together"


def by_pairs(finder: Finder, path: str | os.PathLike[str]) -> Truth:
    """As a CSV says: a line for each image that a query should find.

    Its columns ``query`` and ``relevant`` hold a path, counted from the CSV's own folder, or the id
    of a stored image. Queries need not be stored. Raises EvaluationError, naming the line.
    """
    file = absolute(path)
    found: dict[Question, list[int]] = {}
    known: dict[str, Question] = {}
    for where, query, relevant in read_pairs(file):
        for name in (query, relevant):
            if name not in known:
                known[name] = _identified(finder, file.parent, name, where)
        wanted = known[relevant].key
        if wanted is None:
            raise EvaluationError(f"{where}: {relevant} is not in the catalogue: add it first")
        found.setdefault(known[query], []).append(wanted)
    questions = [
        Question((code,), key=question.key, path=question.path)
        for code, question in enumerate(found)
    ]
    codes = np.repeat(np.arange(len(found)), [len(keys) for keys in found.values()])
    keys = np.array([key for keys in found.values() for key in keys], np.int64)
    groups = Groups(keys, codes, None, len(found))
    return Truth(f"{file.name} says what belongs together", questions, groups)


def _identified(finder: Finder, folder: Path, name: str, where: str) -> Question:
    """A stored image by its id, its path or its content; or a file."""
    place = absolute(folder / os.path.expanduser(name))
    key = key_from(name)
    if key is not None and not place.exists():
        if key not in finder.store.get([key]):
            raise EvaluationError(f"{where}: there is no image {name!r} in the catalogue")
        return Question((), key=key)
    located = finder.store.lookup_paths([str(place)]).get(str(place))
    if located is not None:
        return Question((), key=located.key)
    try:
        return identified(finder, place, ())
    except ImageError as error:
        raise EvaluationError(f"{where}: {name}: {error}") from error
