"""External encoder: a model that is not here, by a name of one's own.

Its vectors were made elsewhere and are imported. The name keeps them apart from those of every
encoder, and of every other name. Nothing can be encoded by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, get_args

from imagefinder.errors import ModelError, PluginError
from imagefinder.types import Features, Image, Measure, Resize

NAME: Final = "external"

_LONGEST_NAME = 200
_MAX_DIM = 2**16


@dataclass(frozen=True)
class External:
    """The vectors of a model elsewhere."""

    model: str
    """A name of your own."""
    dim: int
    """The length of its vectors, in numbers or, for ``hamming``, in bytes."""
    measure: Measure = "cosine"

    resize: ClassVar[Resize] = Resize(1, 1)  # no image is looked at

    def __post_init__(self) -> None:
        if not isinstance(self.model, str) or not 0 < len(self.model.strip()) <= _LONGEST_NAME:
            raise ValueError(f"give a name of your own, of at most {_LONGEST_NAME} characters")
        if self.measure not in get_args(Measure):
            raise ValueError(f"measure is one of {', '.join(get_args(Measure))}")
        if isinstance(self.dim, bool) or not isinstance(self.dim, int):
            raise ValueError(f"dim is a whole number, not {self.dim!r}")
        if not 0 < self.dim <= _MAX_DIM:
            raise ValueError(f"dim is a number from 1 to {_MAX_DIM}, not {self.dim}")

    @classmethod
    def from_argument(cls, model: str, options: Mapping[str, Any]) -> External:
        """From its name, and options. Raises ModelError."""
        try:
            return cls(model, **options)
        except TypeError as error:
            raise ModelError(
                f"{NAME} has the options dim and measure: --encoder {NAME}:{model} -o dim=NUMBER; "
                "`imagefinder import` finds out dim by itself"
            ) from error
        except ValueError as error:
            raise ModelError(f"{NAME}: {error}") from error

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """Raises PluginError, unless there are none."""
        if not images:
            return []
        raise PluginError(
            f"the vectors are of {self.model!r}, a model that is not here, so no image can be "
            "encoded: search with a vector of that model or the id of an image, import vectors "
            "instead of adding images, or go over to an encoder with `imagefinder upgrade`"
        )
