"""What is asked, and what should be found."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imagefinder.errors import EvaluationError
from imagefinder.evaluation.groups import Groups, among
from imagefinder.finder import Finder
from imagefinder.images import read
from imagefinder.types import Failure, Keys, key_of


@dataclass(frozen=True, slots=True)
class Question:
    """A query: a stored picture by its key, or a file that is not stored."""

    codes: tuple[int, ...]
    """The groups whose pictures it should find, without itself."""
    key: int | None = None
    path: str | None = None


@dataclass(frozen=True)
class Truth:
    """Questions, and the groups of stored pictures that they should find."""

    about: str
    """What belongs together, in words."""
    questions: Sequence[Question]
    groups: Groups
    idle: int = 0
    """Queries that have nothing to find."""
    failed: tuple[Failure, ...] = ()
    """Queries that cannot be used."""

    def relevant(self, question: Question) -> tuple[Keys, int]:
        """The pictures to find, ascending, perhaps with the query itself; and how many others."""
        members = self.groups.members(question.codes)
        own = question.key is not None and among(np.array([question.key]), members)[0]
        return members, len(members) - int(own)


def asked(truth: Truth, sample: int | None, seed: int) -> Truth:
    """The questions that have something to find, or a sample of them.

    Raises EvaluationError if there are none.
    """
    answered = [question for question in truth.questions if truth.relevant(question)[1]]
    if not answered:
        raise EvaluationError(
            f"no query has another picture to find: {truth.about}, and there must be two at least; "
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
    if finder.store.knows(sha256):
        return Question(codes, key=key_of(sha256))
    return Question(codes, path=str(path))
