"""Queries at the same time are one inference, and none spoils another."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from time import sleep
from typing import ClassVar

import numpy as np
import pytest

from imagefinder.errors import ModelError, UnencodableImage
from imagefinder.server.dynamic_batching import Together
from imagefinder.types import Features, Image, Measure, Resize


@dataclass
class Slow:
    """Waits with its first batch until it is let go; fails on black images."""

    dim: ClassVar[int] = 1
    measure: ClassVar[Measure] = "l2"
    resize: ClassVar[Resize] = Resize(2, 2)
    go: Event = field(default_factory=Event)
    begun: Event = field(default_factory=Event)
    batches: list[int] = field(default_factory=list)
    gone: bool = False

    def encode(self, images: Sequence[Image]) -> list[Features]:
        self.begun.set()
        self.go.wait(5)
        if self.gone:
            raise ModelError("the model is gone")
        if any(not image.any() for image in images):
            raise ValueError("black")
        self.batches.append(len(images))
        return [np.full((1, 1), image.max(), np.float32) for image in images]


def grey(value: int) -> Image:
    return np.full((2, 2, 3), value, np.uint8)


def asked(encoder: Slow, values: Sequence[int]) -> list[float | Exception]:
    """What each of so many threads gets, which all ask while the first one's inference runs."""
    told: list[int] = []
    together = Together(encoder, told.append)

    def ask(value: int) -> float | Exception:
        try:
            return float(together.encode([grey(value)])[0][0, 0])
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(values)) as threads:
        first = threads.submit(ask, values[0])
        encoder.begun.wait(5)
        others = [threads.submit(ask, value) for value in values[1:]]
        while together.waiting < len(values) - 1:
            sleep(0.001)
        encoder.go.set()
        results = [future.result() for future in (first, *others)]
    together.close()
    assert max(told) <= 32
    assert sum(told) == len(values)
    return results


def test_what_comes_while_one_runs_is_encoded_together() -> None:
    encoder = Slow()
    assert asked(encoder, range(1, 20)) == list(range(1, 20))
    assert encoder.batches == [1, 18]


def test_no_batch_is_larger_than_32() -> None:
    encoder = Slow()
    assert asked(encoder, range(1, 60)) == list(range(1, 60))
    assert encoder.batches == [1, 32, 26]


def test_an_image_that_fails_fails_alone() -> None:
    results = asked(Slow(), [1, 2, 0, 3, 4])
    assert [results[n] for n in (0, 1, 3, 4)] == [1, 2, 3, 4]
    assert isinstance(results[2], UnencodableImage)


def test_a_model_that_is_gone_is_told_to_all() -> None:
    results = asked(Slow(gone=True), [1, 2, 3])
    assert all(isinstance(result, ModelError) for result in results)


def test_an_encoder_that_loses_images_keeps_nobody_waiting() -> None:
    class Losing(Slow):
        def encode(self, images: Sequence[Image]) -> list[Features]:
            return super().encode(images)[1:]

    assert all(isinstance(result, UnencodableImage) for result in asked(Losing(), [1, 2, 3]))


def test_several_images_of_one_query_keep_their_order() -> None:
    encoder = Slow()
    encoder.go.set()
    together = Together(encoder)
    rows = together.encode([grey(3), grey(1), grey(2)])
    assert [float(row[0, 0]) for row in rows] == [3, 1, 2]
    assert together.encode([]) == []
    with pytest.raises(UnencodableImage):
        together.encode([grey(1), grey(0)])
    together.close()


def test_words_are_known_only_where_the_encoder_knows_them() -> None:
    assert not hasattr(Together(Slow()), "encode_text")
