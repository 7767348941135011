"""Trainer: one training run, from checked images and a claimed run directory to the artifacts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import partial
from time import perf_counter

import numpy as np
import torch

from imagefinder import __version__
from imagefinder.errors import TrainingError
from imagefinder.images.inputs import Input
from imagefinder.training.artifacts import (
    add_projection,
    save_catalogue,
    save_description,
    save_network,
    write,
)
from imagefinder.training.augmentation import augment
from imagefinder.training.dataloader import ViewLoader
from imagefinder.training.dataset import (
    Indices,
    LabeledImages,
    check_trainable,
    validation_split,
)
from imagefinder.training.device import device, retain_freed_memory
from imagefinder.training.history import History, copy_weights
from imagefinder.training.loop import TrainingLoop
from imagefinder.training.losses import Objective, make_objective
from imagefinder.training.models.compact import compact_network
from imagefinder.training.models.encoder import Network
from imagefinder.training.models.resnet import REPOSITORIES, resnet_network
from imagefinder.training.pixel_cache import PixelCache, cache_pixels
from imagefinder.training.progress import OnProgress, ProgressEvent
from imagefinder.training.report import Reconstructions, save_report
from imagefinder.training.result import TrainingResult
from imagefinder.training.run_directory import RunDirectory
from imagefinder.training.settings import ResolvedSettings, Settings
from imagefinder.training.validation import Validation, encode

_SPARE = 1.25  # times the input size in which images are cached, so that a crop is sharp too
_SAMPLE = 20_000  # embeddings that PCA is fit to
_EXAMPLES = 8  # reconstructions in the report


@dataclass(frozen=True)
class Split:
    """Decoded images, divided for training and validation."""

    images: PixelCache
    usable: LabeledImages
    """Those that could be decoded."""
    training: Indices
    validation: Validation


@dataclass(frozen=True)
class Trainer:
    """A run, its dataset and its directory."""

    directory: RunDirectory
    dataset: LabeledImages
    """As its fingerprint was recorded: indices refer to it."""
    inputs: Callable[[], Iterable[Input]]
    """The same images, and perhaps more, with their metadata."""
    settings: Settings
    on_progress: OnProgress

    def run(self, network: Network) -> TrainingResult:
        """Fine-tune the base network, resuming where it was left. Raises TrainingError."""
        began = perf_counter()
        retain_freed_memory()
        network = network.to(device())
        with self.directory.cleared_on_error():
            split = self._split(network.size)
            _check_dim(self.settings.dim, network, split.training)
        before, base_weights = self._before(split.validation, network), copy_weights(network)
        torch.manual_seed(self.settings.seed)
        objective = make_objective(self.settings.objective, network.dim, self.dataset.labels)
        settings = _resolve(self.settings, network, objective)
        history = self._train(network, objective.to(device()), split, settings)
        examples = split.validation.reconstructions(network, objective, _EXAMPLES)
        network.interpolate(base_weights, settings.blend)
        if settings.dim:
            self._project(network, split, settings.dim)
        result = TrainingResult(
            folder=self.directory.folder,
            settings=settings,
            images=len(split.usable),
            held_out=len(split.validation.indices),
            classes=len({*split.usable.labels} - {""}),
            losses=tuple(history.losses),
            validation=tuple(history.validation),
            best_epoch=history.best_epoch,
            before=before,
            after=split.validation.metrics(network),
            failed=split.usable.failed,
            seconds=perf_counter() - began,
        )
        self._save(result, network, split.usable, examples)
        self.directory.complete()
        return result

    def _split(self, size: int) -> Split:
        side = round(_SPARE * size)
        work, paths = self.directory.work, self.dataset.paths
        images, failed = cache_pixels(paths, side, work, self.on_progress)
        usable = self.dataset.without(failed)
        check_trainable(usable, self.settings.objective)
        excluded = {failure.path for failure in failed}
        indices = np.array([n for n, path in enumerate(paths) if path not in excluded], np.intp)
        chosen = validation_split(usable.labels, self.settings.held_out, self.settings.seed)
        validation = Validation(images, indices[chosen], self.dataset.labels)
        return Split(images, usable, np.delete(indices, chosen), validation)

    def _before(self, validation: Validation, network: Network) -> Mapping[str, float]:
        """Saved, for a resumed run has no base network left to measure."""
        file = self.directory.work / "before.json"
        if not file.exists():
            write(file, json.dumps(validation.metrics(network)).encode())
        metrics: dict[str, float] = json.loads(file.read_bytes())
        return metrics

    def _train(
        self, network: Network, objective: Objective, split: Split, settings: ResolvedSettings
    ) -> History:
        loop = TrainingLoop(
            split.training,
            settings.batch,
            settings.epochs,
            settings.patience,
            settings.rate,
            settings.seed,
        )
        augmentation = partial(augment, objective.augmentations)
        return loop.run(
            network,
            objective,
            ViewLoader(split.images, network.size, augmentation, settings.seed),
            partial(split.validation.score, network, objective, settings.batch),
            self.directory.work / "checkpoint.pt",
            self.on_progress,
        )

    def _project(self, network: Network, split: Split, dim: int) -> None:
        rng = np.random.default_rng(self.settings.seed)
        sample = np.sort(rng.permutation(split.training)[:_SAMPLE])
        rows = encode(network, split.images, sample)
        add_projection(network, rows, dim, self.directory.folder)

    def _save(
        self,
        result: TrainingResult,
        network: Network,
        usable: LabeledImages,
        examples: Reconstructions,
    ) -> None:
        folder, paths = self.directory.folder, set(usable.paths)
        encoder = save_network(network, folder)
        inputs = (one for one in self.inputs() if one.path in paths)
        clusters = self.settings.clusters
        save_catalogue(encoder, inputs, clusters, folder, partial(self._adding, len(paths)))
        save_report(result, examples, folder)
        about = result.as_json()
        for name in ("folder", "failed", "losses", "validation", "seconds"):
            del about[name]
        save_description(encoder, {"imagefinder": __version__, **about}, folder)

    def _adding(self, total: int, inputs: Iterable[Input]) -> Iterator[Input]:
        for number, one in enumerate(inputs, 1):
            yield one
            self.on_progress(ProgressEvent("adding", number, total))


def base_network(settings: Settings) -> Network:
    """What fine-tuning starts from. Raises ModelError."""
    if settings.base == "compact":
        return compact_network(settings.size, settings.frozen)
    repository = REPOSITORIES.get(settings.base, settings.base)
    return resnet_network(repository, settings.size, settings.frozen)


def _resolve(settings: Settings, network: Network, objective: Objective) -> ResolvedSettings:
    given = {field.name: getattr(settings, field.name) for field in fields(settings)}
    chosen = {
        "size": network.size,
        "frozen": network.frozen,
        "batch": settings.batch or network.batch,
        "rate": settings.rate or objective.rate,
        "blend": settings.blend or objective.blend,
    }
    return ResolvedSettings(**{**given, **chosen})


def _check_dim(dim: int | None, network: Network, training: Indices) -> None:
    most = min(network.dim, len(training) - 1)
    if dim is not None and dim > most:
        raise TrainingError(
            f"PCA of {network.dim} dimensions, fit to {len(training)} images, leaves at most "
            f"{most}, not {dim}: choose a lower --dim"
        )
