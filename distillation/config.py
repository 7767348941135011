"""Everything that decides what comes out of training, read from one TOML file."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from distillation.blockwise import Group
from distillation.loop import Pass
from distillation.sources import Source
from distillation.teachers import Teacher
from pydantic import ConfigDict, TypeAdapter, ValidationError

from imagefinder.errors import TrainingError


@dataclass(frozen=True)
class ViewPlan:
    """How views are made; ``odds`` are those of the changes."""

    seed: int
    size: int
    mosaics: float
    odds: dict[str, float]
    count: int = 0
    """How many are kept; 0 where each is made anew."""


@dataclass(frozen=True)
class TeacherPlan:
    """A graph's file name and how it is fed."""

    file: str
    sha256: str
    mean: list[float]
    std: list[float]
    weight: float = 1.0
    """Of its rows in the joined embedding."""

    def opened(self, folder: Path) -> Teacher:
        """Raises TrainingError unless it is the very file that the plan names."""
        path = folder / self.file
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise TrainingError(f"the teacher {path} cannot be read: {error.strerror}") from error
        if digest != self.sha256:
            raise TrainingError(f"{path} is not the teacher of the plan: its SHA-256 differs")
        return Teacher(path, self.mean, self.std)


@dataclass(frozen=True)
class PartsPlan:
    """The first stage, part by part, towards the first teacher."""

    views: ViewPlan
    groups: list[Group]


@dataclass(frozen=True)
class MapsPlan:
    """The second stage, all parts towards the first teacher's maps."""

    views: ViewPlan
    depths: list[int]
    batch: int
    course: Pass


@dataclass(frozen=True)
class Round:
    """One pass of the third stage."""

    size: int
    odds: dict[str, float]
    seed: int
    batch: int
    course: Pass


@dataclass(frozen=True)
class EmbeddingPlan:
    """The third stage, towards all teachers' joined embedding, whatever befalls an image."""

    views: ViewPlan
    dim: int
    whitening: float
    rounds: list[Round]


@dataclass(frozen=True)
class Plan:
    """The whole file."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    seed: int
    """Of the student's random weights."""
    size: int
    """Of the images that the finished encoder is fed with."""
    width: float
    """How many channels, as a share of MobileNetV2's."""
    sources: list[Source]
    teachers: list[TeacherPlan]
    parts: PartsPlan
    maps: MapsPlan
    embedding: EmbeddingPlan


def read_plan(file: Path) -> Plan:
    """Raises TrainingError where the file is missing, or has anything missing or wrong."""
    try:
        with file.open("rb") as stream:
            return TypeAdapter(Plan).validate_python(tomllib.load(stream))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise TrainingError(f"{file} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise TrainingError(f"{file}: {place}: {first['msg']}") from error
