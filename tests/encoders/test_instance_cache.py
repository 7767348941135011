"""Encoders stay ready from call to call; few of them, and none beyond a fork."""

import gc
import multiprocessing
import os
import shutil
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import imagefinder
from imagefinder import embed
from imagefinder.encoders.instance_cache import INSTANCES, InstanceCache
from imagefinder.encoders.perceptual_hash import DHash
from imagefinder.encoders.runtimes import Runtime, runtime_for
from imagefinder.types import Image

from ..conftest import drawn
from ..mean_color import Colours


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The graphs compiled since the test began, which begins with none kept."""
    INSTANCES.clear()
    graphs: list[str] = []

    def noted(spec: Any) -> Runtime:
        graphs.append(spec.path)
        return runtime_for(spec)

    monkeypatch.setattr("imagefinder.encoders.onnx.runtime_for", noted)
    yield graphs
    INSTANCES.clear()


@pytest.fixture
def image() -> Image:
    return drawn(3, 60, 40)


def test_a_loop_compiles_a_model_once_and_gives_what_a_list_gives(
    compiled: list[str], image: Image
) -> None:
    images = [image, image[::-1], image[:, ::-1]]
    one_by_one = np.concatenate([embed(one) for one in images])
    assert_allclose(one_by_one, embed(images), atol=1e-6)
    assert compiled
    assert len(compiled) == len(set(compiled))


def test_comparing_pairs_compiles_a_model_once(compiled: list[str], image: Image) -> None:
    for other in (image[::-1], image[:, ::-1]):
        imagefinder.compare(image, other)
    assert compiled
    assert len(compiled) == len(set(compiled))


def test_threads_share_one_model(compiled: list[str], image: Image) -> None:
    with ThreadPoolExecutor(8) as threads:
        rows = list(threads.map(embed, [image] * 16))
    assert len(compiled) == len(set(compiled))
    assert_allclose(np.concatenate(rows), np.repeat(rows[0], 16, axis=0), atol=1e-6)


def test_a_graph_of_ones_own_is_compiled_again_only_once_it_or_its_settings_change(
    compiled: list[str], image: Image, tiny_model: Path, tmp_path: Path
) -> None:
    graph = Path(shutil.copy(tiny_model, tmp_path / "own.onnx"))
    settings = graph.with_suffix(".toml")
    settings.write_text("mean = 0.5\nstd = 0.5\n")
    before = [embed(image, f"onnx:{graph}") for _ in range(2)]
    assert len(compiled) == 1
    settings.write_text("mean = 0.1\nstd = 0.5\n")
    after = embed(image, f"onnx:{graph}")
    assert len(compiled) == 2
    assert not np.allclose(before[1], after)
    graph.write_bytes(graph.read_bytes() + b"\x1a\x00")  # an empty field more
    embed(image, f"onnx:{graph}")
    assert len(compiled) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_forked_process_compiles_its_own(image: Image) -> None:
    expected = embed(image)

    def embed_again() -> None:
        assert_allclose(embed(image), expected, atol=1e-6)

    child = multiprocessing.get_context("fork").Process(target=embed_again)
    child.start()
    child.join(60)
    child.kill()
    assert child.exitcode == 0


def test_the_instance_not_used_for_the_longest_time_is_freed() -> None:
    cache = InstanceCache(most=2)
    first, second = cache.shared(Colours()), cache.shared(Colours("l2"))
    assert cache.shared(Colours()) is first
    cache.shared(DHash())
    assert cache.shared(Colours()) is first
    gone, kept = weakref.ref(second), weakref.ref(first)
    del first, second
    gc.collect()
    assert gone() is None
    assert kept() is not None
    cache.clear()
    gc.collect()
    assert kept() is None


@dataclass(frozen=True)
class Secretive(Colours):
    """An encoder with an option that no recipe can hold."""

    secret: Any = field(default_factory=object)


def test_what_cannot_be_recorded_is_not_kept() -> None:
    cache = InstanceCache(most=2)
    one, other = Secretive(), Secretive()
    assert cache.shared(one) is one
    assert cache.shared(other) is other
