"""Training loop: resumable at any step, early stopping, restores the best weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from imagefinder.training.dataloader import ViewLoader
from imagefinder.training.dataset import Indices
from imagefinder.training.history import History
from imagefinder.training.losses import Objective
from imagefinder.training.models.encoder import Network
from imagefinder.training.optimizer import ResumableOptimizer, warmup_cosine
from imagefinder.training.progress import OnProgress, ProgressEvent

_DECODER_RATE = 3e-3  # peak learning rate of what starts from random weights
_DECAY = 0.01
_EVERY = 25  # steps between two checkpoints


@dataclass(frozen=True)
class TrainingLoop:
    """Epochs over the training images, with learning rate warm-up and cosine decay."""

    indices: Indices
    """Of the training images."""
    batch: int
    epochs: int
    patience: int
    rate: float
    """The peak learning rate."""
    seed: int

    def run(
        self,
        network: Network,
        objective: Objective,
        loader: ViewLoader,
        validate: Callable[[], float],
        checkpoint: Path,
        on_progress: OnProgress,
    ) -> History:
        """Train, from the checkpoint on if there is one. Raises TrainingError."""
        both = nn.ModuleList([network, objective])
        history = History(higher_is_better=objective.supervised)
        steps = len(self._epoch(objective, 0))
        optimizer = self._optimizer(network, objective, steps, checkpoint, history)
        if not optimizer.done:
            history.add_validation(validate(), both)
        remaining = self._remaining(objective, optimizer.done, steps)
        with closing(loader.batches(remaining, optimizer.done)) as batches:
            while not history.is_over(self.epochs, self.patience):
                loss = loss_of(network, objective, *next(batches))
                optimizer.step(loss)
                history.add_step(float(loss.detach()))
                done, total, last = optimizer.done, steps * self.epochs, history.validation[-1]
                on_progress(ProgressEvent("training", done, total, history.loss, last))
                if done % steps == 0:
                    history.add_validation(validate(), both)
                if done % steps == 0 or done % _EVERY == 0:
                    optimizer.save()
        both.load_state_dict(history.best_weights)
        both.requires_grad_(False)
        return history

    def _optimizer(
        self,
        network: Network,
        objective: Objective,
        steps: int,
        checkpoint: Path,
        history: History,
    ) -> ResumableOptimizer:
        groups = [
            {"params": network.unfreeze(), "lr": self.rate},
            {"params": list(objective.parameters()), "lr": _DECODER_RATE},
        ]
        optimizer = torch.optim.AdamW(groups, weight_decay=_DECAY)
        schedule = warmup_cosine(optimizer, steps * self.epochs)
        states = {"network": network, "objective": objective, "history": history}
        return ResumableOptimizer(optimizer, schedule, checkpoint, states)

    def _remaining(self, objective: Objective, done: int, steps: int) -> Iterator[Indices]:
        """The batches after the first ``done`` ones."""
        for epoch in range(done // steps, self.epochs):
            yield from self._epoch(objective, epoch)[max(0, done - epoch * steps) :]

    def _epoch(self, objective: Objective, epoch: int) -> list[Indices]:
        rng = np.random.default_rng((self.seed, epoch))
        return objective.batches(self.indices, self.batch, rng)


def loss_of(
    network: Network, objective: Objective, pixels: torch.Tensor, indices: torch.Tensor
) -> torch.Tensor:
    """The loss of one batch from a ``ViewLoader``."""
    where = next(network.parameters()).device
    pixels, indices = pixels.to(where), indices.to(where)
    embeddings = network.embeddings(network.preprocess(pixels))
    loss: torch.Tensor = objective(embeddings, pixels, indices)
    return loss
