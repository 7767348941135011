"""The training itself: from a claimed folder and checked images to artefacts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter

import numpy as np
import torch

from imagefinder import __version__
from imagefinder.errors import TrainingError
from imagefinder.images.inputs import Input
from imagefinder.training.artifacts import (
    save_catalogue,
    save_description,
    save_network,
    save_projection,
    write,
)
from imagefinder.training.dataloader import Showings, by_odds
from imagefinder.training.dataset import Collection, Numbers, check, held_out
from imagefinder.training.device import device, hold_memory
from imagefinder.training.history import History
from imagefinder.training.history import kept as kept_weights
from imagefinder.training.loop import Course
from imagefinder.training.losses import Objective, make_objective
from imagefinder.training.models.compact import bundled
from imagefinder.training.models.encoder import Network
from imagefinder.training.models.resnet import REPOSITORIES, resnet
from imagefinder.training.pixel_cache import PixelCache, kept
from imagefinder.training.progress import Moment, Progress
from imagefinder.training.report import Rebuilt, save_report
from imagefinder.training.result import Outcome
from imagefinder.training.run_directory import Place
from imagefinder.training.settings import Settings
from imagefinder.training.validation import Judges, rows_of

_SPARE = 1.25  # times the size in which images are kept, so that a part of one is sharp too
_SAMPLE = 20_000  # rows that components are fitted to
_EXAMPLES = 8  # images shown beside what was rebuilt of them


@dataclass(frozen=True)
class Parted:
    """Decoded images, and what each is for."""

    images: PixelCache
    left: Collection
    """Those that can be used."""
    learnt: Numbers
    judges: Judges


@dataclass(frozen=True)
class Work:
    """One training, and where it lies."""

    place: Place
    collection: Collection
    """As it was claimed: the numbers of images are places in it."""
    inputs: Callable[[], Iterable[Input]]
    """The same images, and perhaps more, with what is known of them."""
    settings: Settings
    tell: Progress

    def run(self, network: Network) -> Outcome:
        """All of it, beginning with a base, from where it was left. Raises TrainingError."""
        began = perf_counter()
        hold_memory()
        network = network.to(device())
        with self.place.unless_refused():
            parted = self._parted(network.size)
            _check_dim(self.settings.dim, network, parted.learnt)
        before, base_weights = self._before(parted.judges, network), kept_weights(network)
        torch.manual_seed(self.settings.seed)
        objective = make_objective(self.settings.objective, network.dim, self.collection.classes)
        settings = _resolved(self.settings, network, objective)
        history = self._trained(network, objective.to(device()), parted, settings)
        rebuilt = parted.judges.rebuilt(network, objective, _EXAMPLES)
        network.blend(base_weights, settings.blend)
        if settings.dim:
            self._project(network, parted)
        outcome = Outcome(
            folder=self.place.folder,
            settings=settings,
            images=len(parted.left),
            held_out=len(parted.judges.numbers),
            classes=len({*parted.left.classes} - {""}),
            losses=tuple(history.losses),
            judged=tuple(history.judged),
            best_epoch=history.best_epoch,
            before=before,
            after=parted.judges.figures(network),
            failed=parted.left.failed,
            seconds=perf_counter() - began,
        )
        self._save(outcome, network, parted.left, rebuilt)
        self.place.done()
        return outcome

    def _parted(self, size: int) -> Parted:
        side = round(_SPARE * size)
        images, failed = kept(self.collection.paths, side, self.place.work, self.tell)
        left = self.collection.without(failed)
        check(left, self.settings.objective)
        gone = {failure.path for failure in failed}
        usable = [n for n, path in enumerate(self.collection.paths) if path not in gone]
        chosen = held_out(left.classes, self.settings.held_out, self.settings.seed)
        numbers = np.array(usable, np.intp)
        judges = Judges(images, numbers[chosen], self.collection.classes)
        return Parted(images, left, np.delete(numbers, chosen), judges)

    def _before(self, judges: Judges, network: Network) -> Mapping[str, float]:
        """Measured once: later there is no base left to measure."""
        file = self.place.work / "before.json"
        if not file.exists():
            write(file, json.dumps(judges.figures(network)).encode())
        found: dict[str, float] = json.loads(file.read_bytes())
        return found

    def _trained(
        self, network: Network, objective: Objective, parted: Parted, settings: Settings
    ) -> History:
        course = Course(
            parted.learnt,
            settings.batch,
            settings.epochs,
            settings.patience,
            settings.rate,
            settings.seed,
        )
        return course.run(
            network,
            objective,
            Showings(parted.images, network.size, by_odds(objective.odds), settings.seed),
            partial(parted.judges.judge, network, objective, settings.batch),
            self.place.work / "checkpoint.pt",
            self.tell,
        )

    def _project(self, network: Network, parted: Parted) -> None:
        sample = np.random.default_rng(self.settings.seed).permutation(parted.learnt)[:_SAMPLE]
        rows = rows_of(network, parted.images, np.sort(sample))
        save_projection(network, rows, self.settings.dim, self.place.folder)

    def _save(self, outcome: Outcome, network: Network, left: Collection, rebuilt: Rebuilt) -> None:
        folder, used = self.place.folder, set(left.paths)
        encoder = save_network(network, folder)
        inputs = (one for one in self.inputs() if one.path in used)
        clusters = self.settings.clusters
        save_catalogue(encoder, inputs, clusters, folder, partial(self._adding, len(used)))
        save_report(outcome, rebuilt, folder)
        about = outcome.as_json()
        for name in ("folder", "failed", "losses", "judged", "seconds"):
            del about[name]
        save_description(encoder, {"imagefinder": __version__, **about}, folder)

    def _adding(self, total: int, inputs: Iterable[Input]) -> Iterator[Input]:
        for number, one in enumerate(inputs, 1):
            yield one
            self.tell(Moment("adding", number, total))


def base(settings: Settings) -> Network:
    """What training begins with. Raises ModelError."""
    if settings.base == "compact":
        return bundled(settings.size, settings.frozen)
    repository = REPOSITORIES.get(settings.base, settings.base)
    return resnet(repository, settings.size, settings.frozen)


def _resolved(settings: Settings, network: Network, objective: Objective) -> Settings:
    """With what the base and the objective decide."""
    return replace(
        settings,
        size=network.size,
        frozen=network.frozen,
        batch=settings.batch or network.batch,
        rate=settings.rate or objective.rate,
        blend=settings.blend or objective.blend,
    )


def _check_dim(dim: int, network: Network, learnt: Numbers) -> None:
    most = min(network.dim, len(learnt) - 1)
    if dim > most:
        raise TrainingError(
            f"rows of {network.dim} numbers of {len(learnt)} images can be reduced to at most "
            f"{most}, not to {dim}: name another --dim"
        )
