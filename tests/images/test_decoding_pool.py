"""What cannot be bounded beforehand is decoded in a process that can be ended."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any

import PIL.Image
import pytest
from numpy.testing import assert_array_equal

from imagefinder.errors import ImageTooLarge, UnreadableImage
from imagefinder.images import isolation
from imagefinder.images.budget import BUDGET
from imagefinder.images.cost.cost import Cost
from imagefinder.images.decode import decode_each, decode_here, load_image
from imagefinder.images.decoding_pool import DecodingPool
from imagefinder.images.isolation import decode_isolated, is_costly
from imagefinder.images.limits import LIMITS
from imagefinder.types import Image, Resize

from .test_cost import jpeg_of_scans, png_header

Draw = Callable[..., Image]
MODEST = Cost(memory=10**7, seconds=0.01)


def encoded(pixels: Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    PIL.Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[DecodingPool]:
    """A pool of its own."""
    pool = DecodingPool()
    monkeypatch.setattr(isolation, "POOL", pool)
    yield pool
    pool.close()


def only_pid(pool: DecodingPool) -> int:
    (process,) = pool._all
    return process.pid


def is_gone(pid: int) -> bool:
    """Not even a zombie is left."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("resize", [None, Resize(32, 32), Resize(40, 40, "within")])
def test_the_pixels_are_the_same_as_in_this_process(
    resize: Resize | None, draw: Draw, pool: DecodingPool
) -> None:
    data = encoded(draw(2), "AVIF")
    square = Resize(16, 16)
    there, (small,) = decode_each(data, resize, [square])
    assert len(pool._all) == 1
    for one, other in zip((there, small), decode_here(data, [resize, square], LIMITS), strict=True):
        assert one
        assert other
        assert_array_equal(one.pixels, other.pixels)
        assert (one.width, one.height) == (other.width, other.height)


def test_one_process_decodes_one_image_after_another(draw: Draw, pool: DecodingPool) -> None:
    for seed in range(3):
        load_image(encoded(draw(seed), "AVIF"))
    assert len(pool._all) == 1


def test_an_ordinary_image_needs_no_process(draw: Draw, pool: DecodingPool) -> None:
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"):
        load_image(encoded(draw(1), kind))
    assert not pool._all


def test_its_errors_are_told_as_usual(draw: Draw, pool: DecodingPool) -> None:
    with pytest.raises(ImageTooLarge, match="pixels are more than 100"):
        load_image(encoded(draw(1), "AVIF"), replace(LIMITS, max_pixels=100))
    with pytest.raises(UnreadableImage):
        load_image(b"\0\0\0\x1cftypavif" + bytes(100))
    assert len(pool._all) == 1


def test_a_decoder_that_takes_too_long_is_ended(draw: Draw, pool: DecodingPool) -> None:
    endless = jpeg_of_scans(4000, 4000, 60_000)
    with pytest.raises(ImageTooLarge, match="takes longer than"):
        decode_isolated(endless, [Resize(8, 8)], replace(LIMITS, max_seconds=0.3), MODEST)
    assert not pool._all
    load_image(encoded(draw(1), "AVIF"))  # by another process


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_a_decoder_gets_no_more_memory_than_the_header_says(
    pool: DecodingPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "_STACK", 0)
    bomb = png_header(8_000, 8_000, color=6)
    with pytest.raises((ImageTooLarge, UnreadableImage), match="memory"):
        decode_isolated(bomb, [None], LIMITS, MODEST)


def test_a_decoder_that_crashes_costs_one_image(draw: Draw, pool: DecodingPool) -> None:
    data = encoded(draw(1), "AVIF")
    load_image(data)
    process = pool._take()
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)  # it will not answer before it is killed
    process._process.kill()
    with pytest.raises(UnreadableImage, match="decoder crashed"):
        process.ask({}, data, 60)
    process.end()


def test_a_process_that_ended_while_idle_is_replaced(draw: Draw, pool: DecodingPool) -> None:
    data = encoded(draw(1), "AVIF")
    load_image(data)
    before = only_pid(pool)
    (process,) = pool._all
    process._process.kill()
    process._process.wait()
    load_image(data)
    assert only_pid(pool) != before


def test_closing_leaves_no_process_behind(draw: Draw, pool: DecodingPool) -> None:
    load_image(encoded(draw(1), "AVIF"))
    pid = only_pid(pool)
    pool.close()
    assert is_gone(pid)


def test_where_no_process_can_be_started_images_are_decoded_here(
    draw: Draw, pool: DecodingPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    assert load_image(encoded(draw(1), "AVIF")).shape == (90, 120, 3)
    assert not pool._all


def test_importing_the_package_starts_nothing() -> None:
    code = "import imagefinder.images.isolation as isolation; print(len(isolation.POOL._all))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


def test_a_forked_process_starts_its_own(draw: Draw, pool: DecodingPool) -> None:
    load_image(encoded(draw(1), "AVIF"))
    (process,) = pool._all
    pool.forget()
    assert not pool._all
    assert not pool._idle
    process.end()


def test_what_is_slow_large_or_unknown_is_costly() -> None:
    assert not is_costly(MODEST, LIMITS)
    assert is_costly(replace(MODEST, is_reliable=False), LIMITS)
    assert is_costly(replace(MODEST, seconds=LIMITS.max_seconds / 2), LIMITS)
    assert is_costly(replace(MODEST, memory=2**50), LIMITS)


def test_the_budget_is_claimed_for_it(
    draw: Draw, pool: DecodingPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(draw(1), "AVIF")
    used = []
    ask = pool.ask

    def watched(*arguments: Any) -> Any:
        used.append(BUDGET.used)
        return ask(*arguments)

    monkeypatch.setattr(pool, "ask", watched)
    load_image(data)
    assert used[0] >= 120 * 90 * 10
    assert BUDGET.used == 0
