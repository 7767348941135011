"""What rows are taught: the batches, and which rows have the lower loss."""

from collections import Counter

import numpy as np
import pytest
import torch

from imagefinder.training.losses import Autoencoder, Contrastive, Labels, Objective
from imagefinder.training.losses.autoencoder import SIDE

CLASSES = [*"aaaaaaaaaabbbbbcccddd"] * 4
NUMBERS = np.arange(2, len(CLASSES))
SHOWN = torch.zeros((8, 3, 8, 8), dtype=torch.uint8)


def drawn(objective: Objective, batch: int = 16, seed: int = 0) -> list[np.ndarray]:
    return objective.drawn(NUMBERS, batch, np.random.default_rng(seed))


@pytest.mark.parametrize("objective", [Labels(CLASSES), Contrastive(), Autoencoder(8)])
def test_every_epoch_has_as_many_batches_of_the_images_learnt_from(objective: Objective) -> None:
    one, other = drawn(objective, seed=0), drawn(objective, seed=1)
    assert len(one) == len(other)
    assert not np.array_equal(one[0], other[0])
    assert set(np.concatenate(one)) <= set(NUMBERS)
    assert len(set(np.concatenate(one))) > 0.7 * len(NUMBERS)
    assert all(16 <= len(batch) < 32 for batch in one)
    assert len(drawn(objective, batch=1000)) == 1, "fewer images than a batch are one batch"


def test_labels_come_in_fours() -> None:
    for batch in drawn(Labels(CLASSES)):
        counts = Counter(CLASSES[number] for number in batch)
        assert all(count % 4 == 0 for count in counts.values())


def test_contrastive_shows_each_image_twice() -> None:
    for batch in drawn(Contrastive()):
        assert set(Counter(batch.tolist()).values()) == {2}


@pytest.mark.parametrize("objective", [Labels([*"aabbccdd"]), Contrastive()])
def test_rows_that_belong_together_are_to_be_close(objective: Objective) -> None:
    numbers = torch.arange(8) if isinstance(objective, Labels) else torch.arange(4).repeat(2, 1).T
    together = torch.eye(8)[[0, 0, 1, 1, 2, 2, 3, 3]]
    apart = torch.eye(8)[[0, 1, 2, 3, 3, 2, 1, 0]]
    near, far = (float(objective(rows, SHOWN, numbers.ravel())) for rows in (together, apart))
    assert near < 0.5 * far


def test_an_autoencoder_learns_to_rebuild() -> None:
    torch.manual_seed(0)
    objective = Autoencoder(8)
    rows = torch.eye(8)
    shown = torch.randint(0, 256, (8, 3, 1, 1), dtype=torch.uint8).expand(8, 3, 80, 80)
    optimizer = torch.optim.Adam(objective.parameters(), 3e-3)
    losses = []
    for _ in range(40):
        loss = objective(rows, shown, torch.arange(8))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    assert objective.rebuilt(rows).shape == (8, 3, SIDE, SIDE)
