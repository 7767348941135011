"""Images of concurrent requests are encoded in one inference, and none spoils another."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from time import sleep
from typing import ClassVar

import numpy as np
import pytest

from imagefinder import Finder
from imagefinder.errors import ModelError, UnencodableImage
from imagefinder.registry.factory import make_encoder, recipe_of
from imagefinder.server.dynamic_batching import BatchingEncoder
from imagefinder.types import Features, Image, Measure, Resize


@dataclass
class Slow:
    """Holds its first batch until ``go`` is set; fails on black images."""

    dim: ClassVar[int] = 1
    measure: ClassVar[Measure] = "l2"
    resize: ClassVar[Resize] = Resize(2, 2)
    go: Event = field(default_factory=Event)
    begun: Event = field(default_factory=Event)
    batches: list[int] = field(default_factory=list)
    gone: bool = False

    def encode(self, images: Sequence[Image]) -> list[Features]:
        self.begun.set()
        self.go.wait(60)
        if self.gone:
            raise ModelError("the model is gone")
        if any(not image.any() for image in images):
            raise ValueError("black")
        self.batches.append(len(images))
        return [np.full((1, 1), image.max(), np.float32) for image in images]


def gray(value: int) -> Image:
    return np.full((2, 2, 3), value, np.uint8)


def concurrent(encoder: Slow, values: Sequence[int]) -> list[float | Exception]:
    """The result of each thread, all of which call while the first one's inference runs."""
    sizes: list[int] = []
    batching = BatchingEncoder(encoder, sizes.append)

    def encode(value: int) -> float | Exception:
        try:
            return float(batching.encode([gray(value)])[0][0, 0])
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(values)) as threads:
        first = threads.submit(encode, values[0])
        encoder.begun.wait(60)
        others = [threads.submit(encode, value) for value in values[1:]]
        while batching.queued < len(values) - 1:
            sleep(0.001)
        encoder.go.set()
        results = [future.result() for future in (first, *others)]
    batching.close()
    assert max(sizes) <= 32
    assert sum(sizes) == len(values)
    return results


def test_images_that_arrive_during_an_inference_form_one_batch() -> None:
    encoder = Slow()
    assert concurrent(encoder, range(1, 20)) == list(range(1, 20))
    assert encoder.batches == [1, 18]


def test_no_batch_is_larger_than_32() -> None:
    encoder = Slow()
    assert concurrent(encoder, range(1, 60)) == list(range(1, 60))
    assert encoder.batches == [1, 32, 26]


def test_an_image_that_fails_fails_alone() -> None:
    results = concurrent(Slow(), [1, 2, 0, 3, 4])
    assert [results[n] for n in (0, 1, 3, 4)] == [1, 2, 3, 4]
    assert isinstance(results[2], UnencodableImage)


def test_an_error_of_the_model_is_raised_in_every_thread() -> None:
    results = concurrent(Slow(gone=True), [1, 2, 3])
    assert all(isinstance(result, ModelError) for result in results)


def test_an_encoder_that_returns_too_few_results_blocks_no_thread() -> None:
    class Losing(Slow):
        def encode(self, images: Sequence[Image]) -> list[Features]:
            return super().encode(images)[1:]

    assert all(isinstance(result, UnencodableImage) for result in concurrent(Losing(), [1, 2, 3]))


def test_several_images_of_one_query_keep_their_order() -> None:
    encoder = Slow()
    encoder.go.set()
    batching = BatchingEncoder(encoder)
    rows = batching.encode([gray(3), gray(1), gray(2)])
    assert [float(row[0, 0]) for row in rows] == [3, 1, 2]
    assert batching.encode([]) == []
    with pytest.raises(UnencodableImage):
        batching.encode([gray(1), gray(0)])
    batching.close()


def test_texts_are_encoded_only_if_the_encoder_can() -> None:
    assert not hasattr(BatchingEncoder(Slow()), "encode_text")


def test_its_recipe_is_the_wrapped_encoder_s() -> None:
    encoder = make_encoder("classic")
    batching = BatchingEncoder(encoder)
    assert recipe_of(batching) == recipe_of(encoder)
    batching.close()


def test_many_images_of_one_call_fill_whole_batches() -> None:
    sizes: list[int] = []
    encoder = Slow()
    encoder.go.set()
    batching = BatchingEncoder(encoder, sizes.append)
    assert len(batching.encode([gray(1)] * 70)) == 70
    batching.close()
    assert sizes == [32, 32, 6]


@dataclass(frozen=True)
class NoBlack:
    """Fails on black images."""

    dim: ClassVar[int] = 1
    measure: ClassVar[Measure] = "l2"
    resize: ClassVar[Resize] = Resize(2, 2)

    def encode(self, images: Sequence[Image]) -> list[Features]:
        if any(not image.any() for image in images):
            raise ValueError("black")
        return [np.full((1, 1), image.max(), np.float32) for image in images]


@pytest.mark.parametrize("batching", [False, True])
def test_additions_succeed_and_fail_as_without_batching(tmp_path: Path, batching: bool) -> None:
    with Finder.create(tmp_path / "c.db", NoBlack()) as finder:
        if batching:
            finder.encoder = BatchingEncoder(finder.encoder)
        report = finder.add([gray(1), gray(0), gray(2)])
        assert (report.added, len(finder)) == (2, 2)
        assert [failure.reason for failure in report.failed] == ["the encoder failed: black"]
