"""Configuration: all hyperparameters of a distillation, read from one TOML file."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from distillation.blockwise import BlockGroup
from distillation.schedule import Schedule
from distillation.sources import ImageSource
from distillation.teachers import Teacher
from pydantic import ConfigDict, TypeAdapter, ValidationError

from imagefinder._utils.text import one_line
from imagefinder.errors import TrainingError

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class ViewConfig:
    """How views are made."""

    seed: int
    size: int
    mosaics: float
    """The fraction of views that are mosaics of four images."""
    augmentations: dict[str, float]
    """The probability of each."""
    count: int = 0
    """How many are cached; 0 where each is made anew."""


@dataclass(frozen=True)
class TeacherConfig:
    """A teacher's ONNX file and its normalization."""

    file: str
    sha256: str
    mean: list[float]
    std: list[float]
    weight: float = 1.0
    """Of its embedding in the joint one."""

    def open(self, folder: Path) -> Teacher:
        """Raises TrainingError unless the file has the right content."""
        path = folder / self.file
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise TrainingError(f"the teacher {path} cannot be read: {one_line(error)}") from error
        if digest != self.sha256:
            raise TrainingError(f"{path} is not the configured teacher: its SHA-256 differs")
        return Teacher(path, self.mean, self.std)


@dataclass(frozen=True)
class BlocksConfig:
    """The first stage: block by block, from the first teacher."""

    views: ViewConfig
    groups: list[BlockGroup]


@dataclass(frozen=True)
class FeatureMapsConfig:
    """The second stage: all blocks together, from the first teacher's feature maps."""

    views: ViewConfig
    depths: list[int]
    batch: int
    schedule: Schedule


@dataclass(frozen=True)
class RoundConfig:
    """One round of the third stage."""

    size: int
    augmentations: dict[str, float]
    seed: int
    batch: int
    schedule: Schedule


@dataclass(frozen=True)
class EmbeddingConfig:
    """The third stage: from the joint embedding of all teachers, invariant to augmentation."""

    views: ViewConfig
    dim: int
    whitening: float
    rounds: list[RoundConfig]


@dataclass(frozen=True)
class Config:
    """The whole file."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    seed: int
    """Of the student's random initial weights."""
    size: int
    """Input size of the finished encoder."""
    width: float
    """Width multiplier of MobileNetV2."""
    sources: list[ImageSource]
    teachers: list[TeacherConfig]
    blocks: BlocksConfig
    feature_maps: FeatureMapsConfig
    embedding: EmbeddingConfig


def read_config(file: Path) -> Config:
    """Raises TrainingError where the file is missing, incomplete or invalid."""
    return read_toml(file, Config)


def read_toml(file: Path, kind: type[Kind]) -> Kind:
    """A dataclass from its TOML file. Raises TrainingError likewise."""
    try:
        with file.open("rb") as stream:
            return TypeAdapter(kind).validate_python(tomllib.load(stream))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise TrainingError(f"{file} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise TrainingError(f"{file}: {field}: {first['msg']}") from error
