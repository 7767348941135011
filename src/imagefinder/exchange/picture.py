"""A picture on its way between a catalogue and a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from imagefinder.errors import ExchangeError
from imagefinder.exchange.line import Line
from imagefinder.inputs import Input
from imagefinder.similarity import dtype
from imagefinder.types import Features, Recipe, Record


@dataclass(frozen=True)
class Picture:
    """What is known of it, or the file that will tell, and its vectors."""

    about: Record | Input
    features: Features


def picture_of(line: Line, features: Features) -> Picture:
    """Raises ExchangeError if the line makes no sense or a number is not finite."""
    if not np.isfinite(features).all():
        raise ExchangeError(f"{line.where}: its vector has numbers that are not finite")
    return Picture(line.about(), features)


def pictures_of(rows: Iterable[tuple[Line, Features | None]], recipe: Recipe) -> Iterator[Picture]:
    """Consecutive lines about one picture are its rows; ``None`` stands for no row at all."""
    none = np.empty((0, recipe.dim), dtype(recipe.measure))
    for _, run in groupby(rows, lambda row: row[0].name):
        lines, vectors = zip(*run, strict=True)
        yield picture_of(
            lines[0], np.concatenate([none, *(row[None] for row in vectors if row is not None)])
        )


def check_kind(vectors: Features, recipe: Recipe, where: str) -> None:
    """Raises ExchangeError unless these are rows of numbers such as the recipe's encoder makes."""
    kind = np.dtype(dtype(recipe.measure))
    if vectors.ndim == 2 and vectors.shape[1] == recipe.dim and vectors.dtype == kind:
        return
    raise ExchangeError(
        f"{where} holds {vectors.dtype} {vectors.shape}, "
        f"but the vectors of {recipe.encoder} are {kind} (n, {recipe.dim})"
    )
