"""What belongs together by the folders that pictures lie in."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from imagefinder.errors import EvaluationError, ImageError
from imagefinder.evaluation.groups import Groups
from imagefinder.evaluation.truth import Question, Truth, identified
from imagefinder.finder import Finder
from imagefinder.images import find_images
from imagefinder.inputs import absolute
from imagefinder.pipeline import batched
from imagefinder.types import Failure, Record, Store

_PAGE = 1000  # records taken from the store at a time


def by_folder(finder: Finder, level: int = 1) -> Truth:
    """Every stored picture asks for those in the same folder, or in one of the same name.

    ``level`` counts folders upwards from the file. Raises EvaluationError if all lie in one.
    """
    groups = _groups(finder.store, level)
    stored = len(finder)
    if not stored:
        raise EvaluationError("the catalogue holds no pictures: add some, a folder for each class")
    if not len(groups):
        raise EvaluationError(f"no stored picture lies in a folder {level} levels up")
    if len(groups) == 1 and groups.sizes[0] == stored:
        raise EvaluationError(
            f"all pictures lie in the one folder {(groups.names or '?')[0]!r}, so none is wrong: "
            "name another --level, or --pairs of what belongs together"
        )
    keys = groups.keys.tolist()
    questions = [Question(groups.of(key), key=key) for key in keys]
    return Truth(_about(level), questions, groups, idle=stored - len(keys))


def by_queries(finder: Finder, folder: str | os.PathLike[str], level: int = 1) -> Truth:
    """The pictures of a folder ask for the stored ones in a folder of the same name as theirs.

    Those that are stored themselves do not find themselves. Raises EvaluationError for a folder
    without pictures in subfolders.
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
            f"{root} has no pictures in subfolders: their names say what is to be found"
        )
    about = f"queries of {root}: {_about(level)}"
    return Truth(about, questions, groups, failed=tuple(failed))


def _codes(codes: dict[str, int], name: str) -> tuple[int, ...]:
    return (codes[name],) if name in codes else ()


def _groups(store: Store, level: int) -> Groups:
    """Of all stored pictures that lie deep enough."""
    found: dict[str, list[int]] = {}
    for page in batched(store.keys().tolist(), _PAGE):
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
