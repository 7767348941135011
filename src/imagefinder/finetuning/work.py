"""The training itself: from a claimed folder and checked pictures to artefacts."""

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
from imagefinder.finetuning.artefacts import (
    save_catalogue,
    save_description,
    save_network,
    save_projection,
    write,
)
from imagefinder.finetuning.bundled import bundled
from imagefinder.finetuning.collection import Collection, Numbers, check, held_out
from imagefinder.finetuning.course import Course
from imagefinder.finetuning.history import History
from imagefinder.finetuning.judging import Judges, rows_of
from imagefinder.finetuning.moment import Moment, Progress
from imagefinder.finetuning.network import Network
from imagefinder.finetuning.objectives import Objective, make_objective
from imagefinder.finetuning.outcome import Outcome
from imagefinder.finetuning.pixels import Pictures, kept
from imagefinder.finetuning.place import Place
from imagefinder.finetuning.report import save_report
from imagefinder.finetuning.resnet import REPOSITORIES, resnet
from imagefinder.finetuning.settings import Settings
from imagefinder.finetuning.showings import Showings, by_odds
from imagefinder.inputs import Input
from imagefinder.training.hardware import device, hold_memory

_SPARE = 1.25  # times the size in which pictures are kept, so that a part of one is sharp too
_SAMPLE = 20_000  # rows that components are fitted to
_EXAMPLES = 8  # pictures shown beside what was rebuilt of them


@dataclass(frozen=True)
class Work:
    """One training, and where it lies."""

    place: Place
    collection: Collection
    """As it was claimed: the numbers of pictures are places in it."""
    inputs: Callable[[], Iterable[Input]]
    """The same pictures, and perhaps more, with what is known of them."""
    settings: Settings
    tell: Progress

    def run(self, network: Network) -> Outcome:
        """All of it, beginning with a base, from where it was left. Raises TrainingError."""
        began = perf_counter()
        hold_memory()
        network = network.to(device())
        with self.place.unless_refused():
            pictures, left, learnt, judges = self._parted(network.size)
            _check_dim(self.settings.dim, network, learnt)
        before = self._before(judges, network)
        torch.manual_seed(self.settings.seed)
        objective = make_objective(self.settings.objective, network.dim, self.collection.classes)
        history = self._trained(network, objective.to(device()), pictures, learnt, judges)
        rebuilt = judges.rebuilt(network, objective, _EXAMPLES)
        if self.settings.dim:
            self._project(network, pictures, learnt)
        outcome = Outcome(
            folder=self.place.folder,
            settings=replace(
                self.settings,
                size=network.size,
                frozen=network.frozen,
                rate=self.settings.rate or objective.rate,
            ),
            pictures=len(left),
            held_out=len(judges.numbers),
            classes=len({*left.classes} - {""}),
            losses=tuple(history.losses),
            judged=tuple(history.judged),
            best_epoch=history.best_epoch,
            before=before,
            after=judges.figures(network),
            failed=left.failed,
            seconds=perf_counter() - began,
        )
        self._save(outcome, network, left)
        save_report(outcome, rebuilt, self.place.folder)
        self.place.done()
        return outcome

    def _parted(self, size: int) -> tuple[Pictures, Collection, Numbers, Judges]:
        """The pictures, those of the collection that can be used, who learns and who judges."""
        side = round(_SPARE * size)
        pictures, failed = kept(self.collection.paths, side, self.place.work, self.tell)
        left = self.collection.without(failed)
        check(left, self.settings.objective)
        gone = {failure.path for failure in failed}
        usable = [n for n, path in enumerate(self.collection.paths) if path not in gone]
        chosen = held_out(left.classes, self.settings.held_out, self.settings.seed)
        numbers = np.array(usable, np.intp)
        judges = Judges(pictures, numbers[chosen], self.collection.classes)
        return pictures, left, np.delete(numbers, chosen), judges

    def _before(self, judges: Judges, network: Network) -> Mapping[str, float]:
        """Measured once: later there is no base left to measure."""
        file = self.place.work / "before.json"
        if not file.exists():
            write(file, json.dumps(judges.figures(network)).encode())
        found: dict[str, float] = json.loads(file.read_bytes())
        return found

    def _trained(
        self,
        network: Network,
        objective: Objective,
        pictures: Pictures,
        learnt: Numbers,
        judges: Judges,
    ) -> History:
        settings = self.settings
        rate = settings.rate or objective.rate
        course = Course(
            learnt, settings.batch, settings.epochs, settings.patience, rate, settings.seed
        )
        showings = Showings(pictures, network.size, by_odds(objective.odds), settings.seed)
        judge = partial(judges.judge, network, objective, settings.batch)
        checkpoint = self.place.work / "checkpoint.pt"
        return course.run(network, objective, showings, judge, checkpoint, self.tell)

    def _project(self, network: Network, pictures: Pictures, learnt: Numbers) -> None:
        sample = np.random.default_rng(self.settings.seed).permutation(learnt)[:_SAMPLE]
        rows = rows_of(network, pictures, np.sort(sample))
        save_projection(network, rows, self.settings.dim, self.place.folder)

    def _save(self, outcome: Outcome, network: Network, left: Collection) -> None:
        folder, used = self.place.folder, set(left.paths)
        encoder = save_network(network, folder)
        inputs = (one for one in self.inputs() if one.path in used)
        clusters = self.settings.clusters
        save_catalogue(encoder, inputs, clusters, folder, partial(self._adding, len(used)))
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


def _check_dim(dim: int, network: Network, learnt: Numbers) -> None:
    most = min(network.dim, len(learnt) - 1)
    if dim > most:
        raise TrainingError(
            f"rows of {network.dim} numbers of {len(learnt)} pictures can be reduced to at most "
            f"{most}, not to {dim}: name another --dim"
        )
