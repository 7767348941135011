"""The remote encoder, against a server of ours and against endpoints that misbehave."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagefinder import Finder, embed, make_encoder
from imagefinder.encoders import embeddings_client
from imagefinder.encoders.remote import Remote, key_variable
from imagefinder.errors import ModelError, PluginError, UnencodableImage
from imagefinder.registry.factory import encoder_from, recipe_of
from imagefinder.registry.recipes import to_json
from imagefinder.similarity import unit
from imagefinder.testing.contracts import check_encoder

from ..conftest import drawn
from ..e2e.program import serving

Answer = tuple[int, Any]


class Endpoint:
    """Answers what it is told to, one after the other, and keeps what it was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: list[Answer] = []
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.drips = 0
        """Blanks that come before an answer, one after the other."""
        self.has_enough = threading.Event()


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setattr(embeddings_client, "_pause", lambda attempt, after: 0.0)
    with listening() as made:
        yield made


@contextmanager
def listening(raw: bytes | None = None) -> Iterator[Endpoint]:
    """An endpoint, or one that answers everything with these bytes."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if raw is not None:
                self.wfile.write(raw)
                return
            made.asked.append(json.loads(body))
            made.keys.append(self.headers["Authorization"])
            status, document = made.answers.pop(0)
            data = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(made.drips + len(data)))
            self.send_header("Location", made.url)
            self.end_headers()
            with suppress(OSError):  # the client may have gone
                while made.drips and not made.has_enough.wait(0.02):
                    made.drips -= 1
                    self.wfile.write(b" ")
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Endpoint(f"http://127.0.0.1:{server.server_port}/v1/embeddings")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        server.shutdown()
        thread.join()


def listed(*vectors: Any) -> dict[str, Any]:
    return {"data": [{"index": n, "embedding": one} for n, one in enumerate(vectors)]}


def remote(endpoint: Endpoint, **options: Any) -> Remote:
    return Remote(endpoint.url, "m", **{"dim": 2, "retries": 2, **options})


def test_it_gives_what_the_served_encoder_gives(tmp_path: Path) -> None:
    for name in ("classic", "dhash"):
        Finder.create(tmp_path / f"{name}.db", name).close()
    with serving(
        tmp_path, "--db", tmp_path / "classic.db", "--also", tmp_path / "dhash.db"
    ) as client:
        url = f"{str(client.base_url).rstrip('/')}/v1/embeddings"
        images = [drawn(seed) for seed in range(5)]
        own = {"dim": 1248, "batch": 2, "size": 512}
        encoder = make_encoder(f"remote:{url}", {"model": "classic", **own})
        check_encoder(encoder)
        found, expected = embed(images, encoder), unit(embed(images, "classic"))
        assert np.abs((found * expected).sum(axis=1) - 1).max() < 1e-6
        bits = Remote(url, "dhash", 8, "hamming", form="string")
        check_encoder(bits)
        assert np.array_equal(embed(images, bits), embed(images, "dhash"))
        with Finder.create(tmp_path / "far.db", encoder) as finder:
            assert finder.add(images).added == 5
            assert finder.search(images[3], k=1)[0].score == pytest.approx(1)
        with pytest.raises(ModelError, match="no such model"):
            embed(images[0], Remote(url, "clip", 8))
        with pytest.raises(ModelError, match="vectors of 1248 dimensions instead of 8"):
            embed(images[0], Remote(url, "classic", 8))


def test_the_key_is_sent_and_stored_nowhere(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGEFINDER_KEY_127_0_0_1", "a-secret")
    endpoint.answers = [(200, listed([1, 0]))]
    encoder = remote(endpoint)
    embed(drawn(0), encoder)
    assert endpoint.keys == ["Bearer a-secret"]
    recipe = recipe_of(encoder)
    assert "a-secret" not in to_json(recipe)
    assert encoder_from(recipe) == encoder
    assert "url" not in recipe.options
    monkeypatch.setenv("IMAGEFINDER_KEY_127_0_0_1", "two\nlines")
    with pytest.raises(ModelError, match="no header can have"):
        embed(drawn(0), encoder)


def test_vectors_come_in_the_order_of_the_images(endpoint: Endpoint) -> None:
    answer = {"data": list(reversed(listed([1, 0], [0, 1])["data"]))}
    endpoint.answers = [(200, answer)]
    assert embed([drawn(0), drawn(1)], remote(endpoint)).tolist() == [[1, 0], [0, 1]]


def test_shorter_vectors_are_asked_for(endpoint: Endpoint) -> None:
    endpoint.answers = [(200, listed([1, 0]))]
    embed(drawn(0), remote(endpoint, shorten=True))
    assert endpoint.asked[0]["dimensions"] == 2


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again(endpoint: Endpoint, status: int) -> None:
    endpoint.answers = [(status, {}), (status, b"busy"), (200, listed([1, 0]))]
    assert embed(drawn(0), remote(endpoint)).tolist() == [[1, 0]]
    endpoint.answers = [(status, {})] * 3
    with pytest.raises(ModelError, match=r"too many requests|status 50"):
        embed(drawn(0), remote(endpoint))
    assert len(endpoint.asked) == 6


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, "API key is missing or wrong.*: ask us"),
        (403, "does not allow it"),
        (404, "no such model or address"),
        (405, "no embeddings endpoint"),
        *((status, "give the address that it leads to") for status in (301, 302, 303, 307, 308)),
        (418, "status 418"),
    ],
)
def test_what_will_not_pass_is_told_at_once(endpoint: Endpoint, status: int, told: str) -> None:
    endpoint.answers = [(status, {"error": {"message": "ask\nus"}})]
    with pytest.raises(ModelError, match=told):
        embed(drawn(0), remote(endpoint))
    assert len(endpoint.asked) == 1


def test_an_image_that_is_refused_costs_no_other_its_vector(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    endpoint.answers = [(422, {"detail": "too dark"})] * 2 + [(200, listed([1, 0]))]
    with Finder.create(tmp_path / "far.db", remote(endpoint)) as finder:
        report = finder.add([drawn(0), drawn(1)])
    assert report.added == 1
    assert "too dark" in report.failed[0].reason
    endpoint.answers = [(422, b"no")]
    with pytest.raises(UnencodableImage, match="status 422"):
        embed(drawn(0), remote(endpoint))


@pytest.mark.parametrize(
    "answer",
    [
        *(b"", b"<html>", b"[]", b"{}", b'{"data": null}', b'{"data": [7]}', b"[" * 99_999),
        *(listed(), listed([1, 0], [1, 0]), {"data": [{"index": 5, "embedding": [1, 0]}]}),
        *(listed([1]), listed([]), listed(7), listed("abc"), listed([[1, 0]]), listed([1, "a"])),
        *(listed([1, float("nan")]), listed([1, float("inf")]), listed([1, None]), listed({})),
        *(listed([10**400, 0]), listed([1, 1e39]), listed(["1", "0"]), listed([True, False])),
    ],
)
def test_a_wrong_answer_is_an_error_that_says_so(endpoint: Endpoint, answer: Any) -> None:
    endpoint.answers = [(200, answer)]
    with pytest.raises(ModelError, match=r"returned|no list of embeddings"):
        embed(drawn(0), remote(endpoint))


def test_an_answer_that_drips_is_given_up(endpoint: Endpoint) -> None:
    endpoint.answers, endpoint.drips = [(200, listed([1, 2]))], 200
    with pytest.raises(ModelError, match=r"no answer within 0\.5 seconds"):
        embed(drawn(0), remote(endpoint, timeout=0.5, retries=0))
    endpoint.has_enough.set()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"500 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "status 500"),
        (b"200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "cannot be reached"),
        (b"200 OK\r\nContent-Length: 99\r\n\r\n" + b'{"data": []}', "IncompleteRead"),
        (b"302 X\r\nLocation: http://[\r\n\r\n", "it redirects"),
        (b"200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", "more than 100 headers"),
        (b"what?\r\n\r\n", "cannot be reached"),
    ],
)
def test_an_answer_that_is_no_http_is_the_endpoints_fault(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, told: str
) -> None:
    monkeypatch.setattr(embeddings_client, "_pause", lambda attempt, after: 0.0)
    with listening(b"HTTP/1.1 " + answer) as made, pytest.raises(ModelError, match=told) as raised:
        embed(drawn(0), remote(made, retries=1))
    assert not isinstance(raised.value, UnencodableImage)


def test_no_memory_is_spent_on_an_answer_that_is_too_large(endpoint: Endpoint) -> None:
    endpoint.answers = [(200, b" " * 17_000_000)]
    with pytest.raises(ModelError, match=r"larger than 16,000,128 bytes"):
        embed(drawn(0), remote(endpoint))


def test_what_an_endpoint_says_cannot_write_on_a_terminal(endpoint: Endpoint) -> None:
    endpoint.answers = [(422, {"error": {"message": "a\x1b[31m b\ud800\u202e"}})]
    with pytest.raises(UnencodableImage, match=r"422: a\ufffd\[31m b\ufffd\ufffd$"):
        embed(drawn(0), remote(endpoint))


def test_a_name_that_no_host_has_is_no_fault_of_an_image() -> None:
    with pytest.raises(ModelError, match="address cannot be used"):
        embed(drawn(0), Remote("http://a..b/", "m", 2, retries=0))


def test_a_dead_host_is_told() -> None:
    with listening() as gone:
        pass
    with pytest.raises(ModelError, match="cannot be reached"):
        embed(drawn(0), remote(gone, retries=0))


@pytest.mark.parametrize(
    ("url", "options", "told"),
    [
        ("ftp://a/b", {"model": "m", "dim": 2}, "http:// or https://"),
        ("http://", {"model": "m", "dim": 2}, "http:// or https://"),
        ("http://[", {"model": "m", "dim": 2}, "http:// or https://"),
        ("http://a:99999/b", {"model": "m", "dim": 2}, "http:// or https://"),
        ("http://a:b/b", {"model": "m", "dim": 2}, "http:// or https://"),
        ("http://☃.example/b", {"model": "m", "dim": 2}, "Punycode"),
        ("http://a/é", {"model": "m", "dim": 2}, "percent-encoding"),
        ("http://a/ b", {"model": "m", "dim": 2}, "percent-encoding"),
        ("http://me:secret@a/b", {"model": "m", "dim": 2}, "no secret"),
        ("http://a/b?key=secret", {"model": "m", "dim": 2}, "no secret"),
        ("http://a/b", {}, "-o model=NAME"),
        ("http://a/b", {"model": "m", "dim": 0}, "dim is a number"),
        ("http://a/b", {"model": "m", "dim": True}, "dim is a number"),
        ("http://a/b", {"model": "", "dim": 2}, "name the model"),
        ("http://a/b", {"model": "m", "dim": 2, "measure": "near"}, "measure is one of"),
        ("http://a/b", {"model": "m", "dim": 2, "timeout": "long"}, "timeout"),
        ("http://a/b", {"model": "m", "dim": 2, "no": 1}, "needs the options"),
    ],
)
def test_wrong_options_are_refused(url: str, options: dict[str, Any], told: str) -> None:
    with pytest.raises(PluginError, match=told):
        make_encoder(f"remote:{url}", options)


def test_pauses_grow_and_obey_the_endpoint() -> None:
    pauses = [embeddings_client._pause(attempt, None) for attempt in range(9)]
    assert all(0.25 * 2**n <= one <= 0.5 * 2**n for n, one in enumerate(pauses[:5]))
    assert max(pauses) <= 30
    assert embeddings_client._pause(0, 7.0) == 7
    assert embeddings_client._pause(0, 9999.0) == 30


def test_each_host_has_a_variable_of_its_own() -> None:
    hosts = ["api.jina.ai", "api-jina.ai", "api.jina-ai", "a--b", "a-b", "a.b", "localhost"]
    variables = [key_variable(f"https://{host}:8000/v1") for host in hosts]
    assert variables[0] == "IMAGEFINDER_KEY_API_JINA_AI"
    assert len(set(variables)) == len(hosts)
    assert {key_variable(f"http://{host}/") for host in ("[::1]", "a_b", "a-.b", "a..b")} == {""}
