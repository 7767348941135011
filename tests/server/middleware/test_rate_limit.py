"""Rate limiting: token buckets, and what cannot be used to evade them."""

from pathlib import Path

import pytest

from imagefinder.server.api_keys import KeyFile
from imagefinder.server.client_table import ClientTable
from imagefinder.server.middleware.rate_limit import RateLimiter, client_of

from ..conftest import Serve, bearer


def test_too_many_requests_are_refused_whatever_their_headers(serve: Serve) -> None:
    client = serve(rate=3)
    for _ in range(3):
        assert client.get("/v1/stats").status_code == 200
    for headers in (
        {},
        {"X-Forwarded-For": "203.0.113.7"},
        {"X-Real-IP": "203.0.113.7"},
        {"Forwarded": "for=203.0.113.7"},
        {"X-API-Key": "another"},
        {"User-Agent": "another"},
    ):
        answer = client.get("/v1/stats", headers=headers)
        assert answer.status_code == 429, headers
        assert 1 <= int(answer.headers["retry-after"]) <= 20
    assert client.get("/healthz").status_code == 200


def test_requests_with_wrong_keys_count_too(serve: Serve, keys: KeyFile) -> None:
    keys.add("shop")
    client = serve(rate=3, keys=keys.path)
    asked = [client.get("/v1/stats", headers=bearer(str(n))).status_code for n in range(5)]
    assert asked == [401, 401, 401, 429, 429]


def test_a_bucket_refills_and_never_overflows() -> None:
    now = 0.0
    limiter = RateLimiter(60, lambda: now)
    assert [limiter.acquire("a") for _ in range(60)] == [0] * 60
    assert limiter.acquire("a") == pytest.approx(1)
    assert limiter.acquire("b") == 0
    now = 0.5
    assert limiter.acquire("a") == pytest.approx(0.5)
    now = 1.1
    assert limiter.acquire("a") == 0
    now = 1e6
    assert [limiter.acquire("a") > 0 for _ in range(61)] == [False] * 60 + [True]


def test_a_limit_is_kept_together_by_all_who_share_a_table(tmp_path: Path) -> None:
    ClientTable.create(tmp_path / "clients")
    now = 0.0
    one, two = (RateLimiter(4, lambda: now, tmp_path / "clients") for _ in range(2))
    assert [each.acquire("a") for each in (one, two, two, one)] == [0] * 4
    assert one.acquire("a") == two.acquire("a") == pytest.approx(15)
    assert two.acquire("b") == 0
    now = 15.0
    assert two.acquire("a") == 0
    assert one.acquire("a") > 0


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002"),
        ("2001:db8:1:2:ffff::1", "2001:0db8:0001:0002"),
        ("testclient", "testclient"),
    ],
)
def test_clients_are_told_apart_by_address_or_ipv6_prefix(address: str, client: str) -> None:
    assert client_of({"type": "http", "client": (address, 1)}) == client
