"""Evaluation options: the ground truth, the sample of queries, and how to search."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict, get_args

from imagefinder.types import Matcher, Measure


@dataclass(frozen=True)
class EvalConfig:
    """Raises ValueError for values that are out of range or exclude each other."""

    level: int = 1
    """Which folder names an image's class, counted upwards from the file."""
    queries: str | os.PathLike[str] | None = None
    """A folder of query images; their subfolders name the classes to find."""
    pairs: str | os.PathLike[str] | None = None
    """A CSV file of queries and their relevant images, instead of folders."""
    sample: int | None = None
    """Evaluate only that many queries, drawn at random."""
    ks: Sequence[int] = (1, 5, 10)
    """Cutoffs for precision, recall, F1 and nDCG at k."""
    depth: int | None = None
    """Ranks evaluated. By default 10,000; with ``rerank`` the largest k; 99 with an approximate
    index, whose recall would be higher than that of ``search`` if it returned more."""
    measures: Sequence[Measure] = ()
    """Instead of the encoder's own; several are fused by their ranks."""
    rerank: str | Matcher | None = None
    """Re-rank by local features: ``mutual``, ``geometric`` or a matcher."""
    seed: int = 0
    """For the sample and the bootstrap."""

    def __post_init__(self) -> None:
        numbers = [*self.ks, self.level, 1 if self.sample is None else self.sample]
        if not self.ks or min(numbers) < 1:
            raise ValueError("every k, sample and level must be at least 1")
        for measure in set(self.measures) - set(get_args(Measure)):
            raise ValueError(f"{measure!r} is not a measure: choose {', '.join(get_args(Measure))}")
        if self.depth is not None and self.depth < max(self.ks):
            raise ValueError(
                f"depth must be at least the largest k, {max(self.ks)}, not {self.depth}"
            )
        if self.queries is not None and self.pairs is not None:
            raise ValueError("the ground truth is either a folder of queries or pairs, not both")

    @property
    def cutoffs(self) -> tuple[int, ...]:
        """The ks, ascending, each once."""
        return tuple(sorted(set(self.ks)))


class EvalKeywords(TypedDict, total=False):
    """The fields of EvalConfig as keyword arguments."""

    level: int
    queries: str | os.PathLike[str] | None
    pairs: str | os.PathLike[str] | None
    sample: int | None
    ks: Sequence[int]
    depth: int | None
    measures: Sequence[Measure]
    rerank: str | Matcher | None
    seed: int
