"""Images of strangers take no more memory and time than the server allows."""

from collections.abc import Iterator
from io import BytesIO

import PIL.Image
import pytest

from imagefinder.images import isolation
from imagefinder.images.budget import BUDGET, Allowance
from imagefinder.images.decoding_pool import DecodingPool
from imagefinder.images.limits import LIMITS
from imagefinder.server import Settings
from imagefinder.server.decoding import bound_decoding, server_limits

from ..images.test_cost import jpeg_of_scans, png_header, webp_canvas
from .conftest import Serve
from .test_search import search


@pytest.fixture
def allowance() -> Iterator[None]:
    """That of this process, which a server changes, is the same afterwards."""
    before = BUDGET.allowance
    yield
    BUDGET.allowance = before


def avif() -> bytes:
    file = BytesIO()
    PIL.Image.new("RGB", (64, 64)).save(file, "AVIF")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (jpeg_of_scans(4000, 4000, 13_000), "would take too long to decode: 13,000 scans"),
        (webp_canvas(16_383, 6_100), "of memory to decode, more than 320 MB"),
        (png_header(10_000, 10_000), "of memory to decode, more than 320 MB"),
    ],
)
def test_a_bomb_is_refused_with_its_reason(serve: Serve, data: bytes, reason: str) -> None:
    response = search(serve(), data)
    assert response.status_code == 422
    assert reason in response.json()["detail"]


def test_a_client_is_told_to_come_again_when_too_many_wait(serve: Serve, allowance: None) -> None:
    BUDGET.allowance = Allowance(10**8, 10**7, costly=0, max_waiting=0)
    response = search(serve(), avif())
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert "too many large images" in response.json()["detail"]


def test_the_budget_is_that_of_the_settings(allowance: None) -> None:
    bound_decoding(Settings(decoding_memory=120 * 10**6))
    assert BUDGET.allowance.memory == 120 * 10**6
    assert BUDGET.allowance.kept == 20 * 10**6
    assert BUDGET.allowance.max_waiting is not None
    assert BUDGET.allowance.patience is not None


def test_no_image_takes_half_the_time_of_a_response() -> None:
    limits = server_limits(LIMITS, Settings(timeout=4, decoding_memory=120 * 10**6))
    assert limits.max_seconds == 2
    assert limits.max_memory == 100 * 10**6
    assert not limits.allow_truncated


def test_decoding_processes_end_with_the_server(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = DecodingPool()
    monkeypatch.setattr(isolation, "POOL", pool)
    monkeypatch.setattr("imagefinder.server.opened.POOL", pool)
    assert search(serve(), avif()).status_code == 200
    assert pool._all
    serve.close()
    serve.clients.clear()
    assert not pool._all
