"""PCA encoder: another encoder's vectors, reduced to principal components, with PCA whitening."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from imagefinder._utils.text import one_line
from imagefinder.errors import ModelError
from imagefinder.registry import recipes
from imagefinder.registry.factory import encoder_from, recipe_of
from imagefinder.registry.recipes import differences
from imagefinder.similarity import normalized_for, unit
from imagefinder.types import Encoder, Features, Image, Measure, Recipe, Resize

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PcaProjection:
    """A fitted projection, and the recipe of its encoder."""

    recipe: Recipe
    mean: Array
    axes: Array
    """``(dim before, dim after)``; with whitening, divided by the standard deviations."""

    def __call__(self, rows: Features) -> Features:
        """``(n, dim after)``, of unit length if the encoder's measure is cosine."""
        measure = self.recipe.measure
        reduced = np.asarray((normalized_for(measure, rows) - self.mean) @ self.axes, np.float32)
        return unit(reduced) if measure == "cosine" else reduced

    def to_bytes(self) -> bytes:
        """As a ``.npz`` file."""
        with BytesIO() as file:
            np.savez(file, recipe=recipes.to_json(self.recipe), mean=self.mean, axes=self.axes)
            return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> PcaProjection:
        """The inverse. Raises ValueError for other bytes."""
        try:
            with np.load(BytesIO(data), allow_pickle=False) as file:
                recipe = recipes.from_json(str(file["recipe"]))
                mean, axes = (np.asarray(file[name], np.float32) for name in ("mean", "axes"))
        except Exception as error:  # NumPy may raise anything for other bytes
            raise ValueError("it contains no projection") from error
        finite = np.isfinite(mean).all() and np.isfinite(axes).all()
        if mean.shape != (recipe.dim,) or axes.ndim != 2 or len(axes) != recipe.dim or not finite:
            raise ValueError("its arrays do not fit together")
        return cls(recipe, mean, axes)


@dataclass(frozen=True)
class Reduced:
    """An encoder followed by a PCA projection; the file contains both."""

    path: str = field(metadata={"recipe": False})
    sha256: str
    dim: int
    measure: Measure = "cosine"
    truncatable: ClassVar[bool] = True
    """The axes are ordered by variance, so the first are those of a smaller projection."""

    @classmethod
    def from_argument(cls, path: str, options: Mapping[str, Any]) -> Reduced:
        """From a file written by ``imagefinder reduce``. Raises ModelError."""
        if options:
            raise ModelError(f"reduced has no option {', '.join(options)}")
        file = Path(path).expanduser().absolute()
        return cls.of(file, _read(file))

    @classmethod
    def of(cls, file: Path, data: bytes) -> Reduced:
        """From a file's content. Raises ModelError if it is not a projection."""
        projection = _projection(file, data)
        digest = hashlib.sha256(data).hexdigest()
        return cls(str(file), digest, projection.axes.shape[1], projection.recipe.measure)

    @property
    def resize(self) -> Resize:
        """That of the encoder."""
        return self._encoder.resize

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """One row of ``dim`` columns for each row of the encoder."""
        return [self._projection(features) for features in self._encoder.encode(images)]

    @cached_property
    def _projection(self) -> PcaProjection:
        data = _read(Path(self.path))
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise ModelError(f"{self.path} has changed since it was read: restore the file")
        return _projection(Path(self.path), data)

    @cached_property
    def _encoder(self) -> Encoder:
        recipe = self._projection.recipe
        encoder = encoder_from(recipe)
        changed = differences(recipe, recipe_of(encoder))
        if changed:  # its code computes something else now
            fitted, now = changed
            raise ModelError(f"{self.path} was fitted to {fitted}, not to {now}: reduce again")
        return encoder


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{file} cannot be read ({one_line(error)}): give its path as reduced:FILE"
        ) from error


def _projection(file: Path, data: bytes) -> PcaProjection:
    try:
        return PcaProjection.from_bytes(data)
    except ValueError as error:
        raise ModelError(f"{file} was not written by imagefinder reduce: {error}") from error
