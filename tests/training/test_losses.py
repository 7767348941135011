"""The objectives: how batches are sampled, and which embeddings have the lower loss."""

from collections import Counter

import numpy as np
import pytest
import torch

from imagefinder.training.losses import Autoencoder, Contrastive, MultiSimilarity, Objective
from imagefinder.training.losses.autoencoder import SIDE

LABELS = [*"aaaaaaaaaabbbbbcccddd"] * 4
INDICES = np.arange(2, len(LABELS))
PIXELS = torch.zeros((8, 3, 8, 8), dtype=torch.uint8)


def sampled(objective: Objective, batch: int = 16, seed: int = 0) -> list[np.ndarray]:
    return objective.batches(INDICES, batch, np.random.default_rng(seed))


@pytest.mark.parametrize("objective", [MultiSimilarity(LABELS), Contrastive(), Autoencoder(8)])
def test_every_epoch_has_equally_many_batches_of_the_training_images(objective: Objective) -> None:
    one, other = sampled(objective, seed=0), sampled(objective, seed=1)
    assert len(one) == len(other)
    assert not np.array_equal(one[0], other[0])
    assert set(np.concatenate(one)) <= set(INDICES)
    assert len(set(np.concatenate(one))) > 0.7 * len(INDICES)
    assert all(16 <= len(batch) < 32 for batch in one)
    assert len(sampled(objective, batch=1000)) == 1, "fewer images than a batch are one batch"


def test_images_of_a_class_come_in_fours() -> None:
    for batch in sampled(MultiSimilarity(LABELS)):
        counts = Counter(LABELS[index] for index in batch)
        assert all(count % 4 == 0 for count in counts.values())


def test_contrastive_shows_each_image_twice() -> None:
    for batch in sampled(Contrastive()):
        assert set(Counter(batch.tolist()).values()) == {2}


@pytest.mark.parametrize("objective", [MultiSimilarity([*"aabbccdd"]), Contrastive()])
def test_embeddings_of_one_class_should_be_close(objective: Objective) -> None:
    indices = (
        torch.arange(8)
        if isinstance(objective, MultiSimilarity)
        else torch.arange(4).repeat(2, 1).T
    )
    together = torch.eye(8)[[0, 0, 1, 1, 2, 2, 3, 3]]
    apart = torch.eye(8)[[0, 1, 2, 3, 3, 2, 1, 0]]
    near, far = (float(objective(rows, PIXELS, indices.ravel())) for rows in (together, apart))
    assert near < 0.5 * far


def test_an_autoencoder_learns_to_reconstruct() -> None:
    torch.manual_seed(0)
    objective = Autoencoder(8)
    rows = torch.eye(8)
    pixels = torch.randint(0, 256, (8, 3, 1, 1), dtype=torch.uint8).expand(8, 3, 80, 80)
    optimizer = torch.optim.Adam(objective.parameters(), 3e-3)
    losses = []
    for _ in range(40):
        loss = objective(rows, pixels, torch.arange(8))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    assert objective.reconstruct(rows).shape == (8, 3, SIDE, SIDE)
