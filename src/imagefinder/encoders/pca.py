"""Another encoder's vectors along the directions in which they differ most (PCA)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagefinder.errors import ModelError
from imagefinder.registry import recipes
from imagefinder.registry.factory import encoder_from, recipe_of
from imagefinder.registry.recipes import differences
from imagefinder.similarity import normalized_for, unit
from imagefinder.types import Encoder, Features, Image, Measure, Recipe, Resize

Matrix = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Projection:
    """What was fitted, and for which encoder."""

    recipe: Recipe
    mean: Matrix
    axes: Matrix
    """``(dim before, dim after)``; if it whitens, each is divided by the spread along it."""

    def __call__(self, rows: Features) -> Features:
        """``(n, dim after)``; of length 1 where the encoder's rows are compared by cosine."""
        measure = self.recipe.measure
        reduced = np.asarray((normalized_for(measure, rows) - self.mean) @ self.axes, np.float32)
        return unit(reduced) if measure == "cosine" else reduced

    def to_bytes(self) -> bytes:
        """As a ``.npz`` file."""
        with BytesIO() as file:
            np.savez(file, recipe=recipes.to_json(self.recipe), mean=self.mean, axes=self.axes)
            return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Projection:
        """The inverse. Raises ValueError for other bytes."""
        try:
            with np.load(BytesIO(data), allow_pickle=False) as file:
                recipe = recipes.from_json(str(file["recipe"]))
                mean, axes = (np.asarray(file[name], np.float32) for name in ("mean", "axes"))
        except Exception as error:  # whatever a reader raises over bytes that are something else
            raise ValueError("it holds no projection") from error
        finite = np.isfinite(mean).all() and np.isfinite(axes).all()
        if mean.shape != (recipe.dim,) or axes.ndim != 2 or len(axes) != recipe.dim or not finite:
            raise ValueError("its parts do not fit")
        return cls(recipe, mean, axes)


@dataclass(frozen=True)
class Reduced:
    """An encoder, and what was fitted to its vectors: the file tells both."""

    path: str = field(metadata={"recipe": False})
    sha256: str
    dim: int
    measure: Measure = "cosine"

    @classmethod
    def from_argument(cls, path: str, options: Mapping[str, Any]) -> Reduced:
        """From the file that ``imagefinder reduce`` leaves. Raises ModelError."""
        if options:
            raise ModelError(f"reduced has no option {', '.join(options)}")
        file = Path(path).expanduser().absolute()
        return cls.of(file, _read(file))

    @classmethod
    def of(cls, file: Path, data: bytes) -> Reduced:
        """For a file with these bytes. Raises ModelError if they are no projection."""
        projection = _projection(file, data)
        digest = hashlib.sha256(data).hexdigest()
        return cls(str(file), digest, projection.axes.shape[1], projection.recipe.measure)

    @property
    def resize(self) -> Resize:
        """That of the encoder."""
        return self._encoder.resize

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """One row of ``dim`` numbers for each row that the encoder gives."""
        return [self._projection(features) for features in self._encoder.encode(images)]

    @cached_property
    def _projection(self) -> Projection:
        data = _read(Path(self.path))
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise ModelError(f"{self.path} has changed since it was set up")
        return _projection(Path(self.path), data)

    @cached_property
    def _encoder(self) -> Encoder:
        recipe = self._projection.recipe
        encoder = encoder_from(recipe)
        apart = differences(recipe, recipe_of(encoder))
        if apart:  # its code has come to compute something else
            fitted, now = apart
            raise ModelError(f"{self.path} was fitted to {fitted}, not to {now}: reduce anew")
        return encoder


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise ModelError(
            f"{file} cannot be read ({reason}): reduced:FILE says where it is"
        ) from error


def _projection(file: Path, data: bytes) -> Projection:
    try:
        return Projection.from_bytes(data)
    except ValueError as error:
        raise ModelError(f"{file} is not of imagefinder reduce: {error}") from error
