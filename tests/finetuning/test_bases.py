"""What training begins with gives what it gives when it is searched with."""

import numpy as np
import torch

from imagefinder.encoders.compact import Compact
from imagefinder.finetuning.bundled import bundled
from imagefinder.finetuning.network import Network


def rows_of(network: Network, pixels: np.ndarray) -> np.ndarray:
    network.precise = True
    with torch.no_grad():
        given: np.ndarray = network(network.fed(torch.from_numpy(pixels).permute(0, 3, 1, 2)))
    return np.asarray(given)


def test_the_packages_own_encoder_comes_back_from_its_graph() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 208, 208, 3), np.uint8)
    expected = np.concatenate(Compact(precision="f32").encode(list(pixels)))
    given = rows_of(bundled(0, -1), pixels)
    assert (given * expected).sum(axis=1).min() > 0.99999


def test_it_learns_in_all_but_its_first_parts() -> None:
    network = bundled(32, 5)
    learning = network.learning()
    assert not any(one.requires_grad for one in network.parts[:5].parameters())
    assert all(one.requires_grad for one in learning)
    assert sum(one.numel() for one in learning) > 2_000_000
    pixels = torch.zeros((2, 3, 32, 32), dtype=torch.uint8)
    torch.autograd.backward(network.rows(network.fed(pixels)).square().sum())
    assert all(one.grad is not None for one in learning)
