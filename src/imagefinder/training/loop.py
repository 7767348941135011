"""The way through all epochs: it can be cut short anywhere, and ends with the best weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from math import cos, pi
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from imagefinder.training.checkpoints import load, save
from imagefinder.training.dataloader import Showings
from imagefinder.training.dataset import Numbers
from imagefinder.training.history import History, restore
from imagefinder.training.losses import Objective
from imagefinder.training.models.encoder import Network
from imagefinder.training.progress import Moment, Progress

_BESIDE = 3e-3  # the highest rate of what begins at random: decoders, not encoders
_DECAY = 0.01
_EVERY = 25  # steps between two checkpoints


@dataclass(frozen=True)
class Course:
    """How long and how fast; the rate rises and falls in one cycle."""

    numbers: Numbers
    """Of the images that are learnt from."""
    batch: int
    epochs: int
    patience: int
    rate: float
    seed: int

    def run(
        self,
        network: Network,
        objective: Objective,
        showings: Showings,
        judge: Callable[[], float],
        checkpoint: Path,
        tell: Progress,
    ) -> History:
        """Train, from the checkpoint on if there is one. Raises TrainingError."""
        both = nn.ModuleList([network, objective])
        learning = [
            {"params": network.learning(), "lr": self.rate},
            {"params": list(objective.parameters()), "lr": _BESIDE},
        ]
        optimizer = torch.optim.AdamW(learning, weight_decay=_DECAY)
        steps = len(self._drawn(objective, 0))
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, partial(_share, steps=steps * self.epochs)
        )
        history = History(higher=objective.by_classes)
        states: dict[str, Any] = {
            "both": both,
            "optimizer": optimizer,
            "schedule": schedule,
            "history": history,
        }
        done = load(checkpoint, states)
        if not done:
            history.judge(judge(), both)
        with closing(showings.batches(self._from(objective, done, steps), done)) as shown:
            while not history.is_over(self.epochs, self.patience):
                loss = loss_of(network, objective, *next(shown))
                optimizer.zero_grad(set_to_none=True)
                torch.autograd.backward(loss)
                optimizer.step()
                schedule.step()
                done += 1
                history.step(float(loss.detach()))
                tell(Moment("training", done, steps * self.epochs, history.loss, history.now))
                if done % steps == 0:
                    history.judge(judge(), both)
                if done % steps == 0 or done % _EVERY == 0:
                    save(checkpoint, states, done)
        restore(both, history.best)
        both.requires_grad_(False)
        return history

    def _from(self, objective: Objective, done: int, steps: int) -> Iterator[Numbers]:
        """All batches but those that are done."""
        for epoch in range(done // steps, self.epochs):
            yield from self._drawn(objective, epoch)[max(0, done - epoch * steps) :]

    def _drawn(self, objective: Objective, epoch: int) -> list[Numbers]:
        rng = np.random.default_rng((self.seed, epoch))
        return objective.drawn(self.numbers, self.batch, rng)


def _share(step: int, steps: int) -> float:
    """Of the highest rate: up in a tenth of the steps, then down along a cosine."""
    rising = 1 + steps // 10
    if step < rising:
        return (step + 1) / rising
    return (1 + cos(pi * (step - rising) / max(1, steps - rising))) / 2


def loss_of(
    network: Network, objective: Objective, pixels: torch.Tensor, numbers: torch.Tensor
) -> torch.Tensor:
    """Of pixels as Showings gives them, and the numbers of their images."""
    where = next(network.parameters()).device
    pixels, numbers = pixels.to(where), numbers.to(where)
    loss: torch.Tensor = objective(network.rows(network.fed(pixels)), pixels, numbers)
    return loss
