"""What belongs together, as a table of pairs says it."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from imagefinder.errors import EvaluationError, ImageError
from imagefinder.evaluation.groups import Groups
from imagefinder.evaluation.truth import Question, Truth, identified
from imagefinder.finder import Finder
from imagefinder.inputs import absolute
from imagefinder.query import key_from

_COLUMNS = ("query", "relevant")


def by_pairs(finder: Finder, path: str | os.PathLike[str]) -> Truth:
    """As a CSV says: a line for each picture that a query should find.

    Its columns ``query`` and ``relevant`` hold a path, counted from the CSV's own folder, or the id
    of a stored picture. Queries need not be stored. Raises EvaluationError, naming the line.
    """
    file = absolute(path)
    found: dict[Question, list[int]] = {}
    known: dict[str, Question] = {}
    for where, query, relevant in lines(file):
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


def lines(path: Path) -> Iterator[tuple[str, str, str]]:
    """Where each line is, and its two cells."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader: csv.DictReader[str] = csv.DictReader(file, strict=True)
            if set(_COLUMNS) - set(reader.fieldnames or ()):
                raise EvaluationError(f"{path.name}: its first line must be: query,relevant")
            for cells in reader:
                where = f"{path.name}, line {reader.line_num}"
                query, relevant = (cells[column] for column in _COLUMNS)
                if not query or not relevant:
                    raise EvaluationError(f"{where}: it must name a query and a relevant picture")
                yield where, query, relevant
    except OSError as error:
        raise EvaluationError(f"{path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{path.name} is no CSV in UTF-8: {error}") from error


def _identified(finder: Finder, folder: Path, name: str, where: str) -> Question:
    """A stored picture by its id, its path or its content; or a file."""
    place = absolute(folder / os.path.expanduser(name))
    key = key_from(name)
    if key is not None and not place.exists():
        if key not in finder.store.get([key]):
            raise EvaluationError(f"{where}: there is no picture {name!r} in the catalogue")
        return Question((), key=key)
    located = finder.store.located([str(place)]).get(str(place))
    if located is not None:
        return Question((), key=located.key)
    try:
        return identified(finder, place, ())
    except ImageError as error:
        raise EvaluationError(f"{where}: {name}: {error}") from error
