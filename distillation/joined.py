"""Fit the projections of joined encoders: ``python -m distillation.joined CONFIG --images FOLDER``.

Writes a ``.npz`` file for each, beside the members' weights, and prints its SHA-256 and size.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from distillation.config import ViewConfig, read_toml
from distillation.joint_features import Features, features_of
from distillation.joint_fit import FitConfig, fit
from distillation.sources import ImageSource
from distillation.views import Views
from pydantic import ConfigDict

from imagefinder.encoders import compact
from imagefinder.encoders.joined import MODELS
from imagefinder.encoders.model_store import find_model, pinned
from imagefinder.encoders.torch_files.state_dict import read_state_dict
from imagefinder.errors import ImageFinderError
from imagefinder.registry.factory import make_encoder

_CLASSIFIER = "_fc.weight"  # in the state dict
_OUTPUT = compact.WEIGHTS.parent


@dataclass(frozen=True)
class Config:
    """The whole file."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    views: ViewConfig
    """``augmentations`` are those of the copies."""
    sources: list[ImageSource]
    models: dict[str, FitConfig]
    """By the name of the encoder."""


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0, or 1 after a line that says what is wrong."""
    options = _options(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    try:
        config = read_toml(options.config, Config)
        features = _features(config, options.images, options.work)
        for model in config.models:
            _write(model, config.models[model], features, options.output / f"{model}.npz")
    except ImageFinderError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _features(config: Config, images: Path, work: Path) -> Features:
    given = config.views
    views = Views(
        images, tuple(config.sources), given.size, given.seed, given.augmentations, given.mosaics
    )
    names = ["compact", *(MODELS[model].network for model in config.models)]
    return features_of(views, given.count, {name: make_encoder(name) for name in names}, work)


def _write(model: str, config: FitConfig, features: Features, file: Path) -> None:
    network = MODELS[model].network
    weights = pinned(find_model(network))
    sources = compact.SHA256, weights.sha256
    classifier = read_state_dict(weights.path, weights.sha256)[_CLASSIFIER]
    (views, copies), (their_views, their_copies) = features["compact"], features[network]
    projection = fit(config, sources, (views, their_views), (copies, their_copies), classifier)
    data = projection.to_bytes()
    file.write_bytes(data)
    print(f"{model} {config.dim} {hashlib.sha256(data).hexdigest()} {len(data)} bytes: {file}")


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m distillation.joined", description="Fit the projections of joined encoders."
    )
    path = partial(parser.add_argument, type=Path)
    path("config", help="the TOML file with all settings")
    path("--images", required=True, help="the folder with the sources' folders")
    path("--work", default=Path("joined-work"), help="for the members' vectors")
    path("--output", default=_OUTPUT, help="the folder to write to")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
