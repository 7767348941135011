"""How far a training is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Moment:
    """So much is done of something, and what is known by then."""

    doing: str
    """``looking`` through the images, ``training``, ``adding`` to the catalogue."""
    done: int
    total: int
    loss: float | None = None
    """The mean of the last steps."""
    judged: float | None = None
    """By the held-out images, when they last were asked."""


Progress: TypeAlias = Callable[[Moment], object]
