"""The body size limit holds whatever a request claims about its length."""

from collections.abc import Iterator

import pytest

from ..conftest import Serve


def chunks(size: int) -> Iterator[bytes]:
    yield b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'
    for _ in range(size // 1000):
        yield bytes(1000)


@pytest.mark.parametrize("path", ["/v1/search", "/v1/images", "/similarity-search", "/v1/stats"])
def test_a_body_above_the_limit_is_refused(serve: Serve, path: str) -> None:
    client = serve(max_upload=10_000, writable=True)
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    for headers in (form, {**form, "Content-Length": "10"}, {**form, "Expect": "100-continue"}):
        answer = client.post(path, content=chunks(20_000), headers=headers)
        assert answer.status_code in (405, 413), headers
    assert client.post(path, files={"image": ("a", bytes(20_000))}).status_code in (405, 413)
