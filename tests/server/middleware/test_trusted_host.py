"""Only the server's own host names and IP addresses are accepted."""

import pytest

from ..conftest import Serve


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8000", 200),
        ("127.0.0.1:8000", 200),
        ("[::1]:8000", 200),
        ("192.168.1.7", 200),
        ("shop.example", 200),
        ("shop.example:443", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("shop.example.evil.example", 421),
        ("shop.example@evil.example", 421),
        ("localhost:8000:evil.example", 421),
        ("127.0.0.1:x", 421),
        ("", 421),
    ],
)
def test_an_unknown_host_name_is_refused(serve: Serve, host: str, status: int) -> None:
    client = serve(hosts=("shop.example",))
    assert client.get("/healthz", headers={"Host": host}).status_code == status
    forwarded = {"Host": "evil.example", "X-Forwarded-Host": "localhost"}
    assert client.get("/healthz", headers=forwarded).status_code == 421
