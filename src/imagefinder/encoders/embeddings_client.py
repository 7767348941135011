"""Client of an embeddings endpoint in OpenAI's form: one request, with retries and plain errors.

By urllib, since it sends few and large requests from threads.
"""

from __future__ import annotations

import http.client
import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from imagefinder._utils.retry_after import retry_after
from imagefinder._utils.text import one_line
from imagefinder.errors import ModelError, UnencodableImage

_TEMPORARY = (408, 409, 425, 429, 500, 502, 503, 504)
_UNUSABLE = (400, 413, 415, 422)
"""Statuses that are about the images of this request."""
_PART = 2**16
_MAX_SHOWN = 200
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_REDIRECTED = "it redirects, which is not followed: give the address that it leads to"
_HELP = {
    **dict.fromkeys((301, 302, 303, 307, 308), _REDIRECTED),
    401: "the API key is missing or wrong: set its environment variable",
    403: "the API key does not allow it",
    404: "there is no such model or address: check the URL and the option model",
    405: "this is no embeddings endpoint: check the URL",
    429: "too many requests: try again later, or ask for a higher limit",
}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would take the key to another host."""

    def _refused(self, *_: Any, **__: Any) -> None:
        """None, so that the status is an error; where it leads is not read."""

    http_error_301 = http_error_302 = http_error_303 = http_error_307 = http_error_308 = _refused


_opener = urllib.request.build_opener(_NoRedirect)


@dataclass(frozen=True)
class EmbeddingsClient:
    """Asks one endpoint."""

    url: str
    key: str | None
    timeout: float
    retries: int
    max_bytes: int
    """Of an answer: parsed, it takes many times as much memory."""

    def embeddings(self, body: Mapping[str, Any], count: int) -> list[Any]:
        """The vectors of ``count`` inputs, in their order, as the endpoint wrote them.

        Raises UnencodableImage for what the endpoint says about the images, ModelError for the
        rest.
        """
        data = json.dumps(body).encode()
        for attempt in range(self.retries + 1):
            try:
                return self._vectors(self._asked(data), count)
            except _Temporary as error:
                if attempt == self.retries:
                    raise self._failure(error.what) from error
                time.sleep(_pause(attempt, error.after))
        raise AssertionError("unreachable")

    def _asked(self, data: bytes) -> bytes:
        request = urllib.request.Request(self.url, data, self._headers())  # noqa: S310  http(s) alone
        end = time.monotonic() + self.timeout
        try:
            with _opener.open(request, timeout=self.timeout) as response:
                answer = _read(response, end, self.max_bytes)
        except urllib.error.HTTPError as error:
            with error:
                raise self._of_status(error) from error
        except TimeoutError as error:
            raise _Temporary(f"no answer within {self.timeout:g} seconds") from error
        except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
            raise _Temporary(f"it cannot be reached: {one_line(error)[:_MAX_SHOWN]}") from error
        except ValueError as error:  # such as a host that no name can be looked up for
            raise self._failure(f"its address cannot be used: {one_line(error)}") from error
        if len(answer) > self.max_bytes:
            raise self._failure(f"its answer is larger than {self.max_bytes:,} bytes")
        return answer

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.key:
            if not self.key.isascii() or not self.key.isprintable():
                raise self._failure("the API key has characters that no header can have")
            headers["Authorization"] = f"Bearer {self.key}"
        return headers

    def _of_status(self, error: urllib.error.HTTPError) -> Exception:
        said = _reason(error)
        if error.code in _TEMPORARY:
            what = _HELP.get(error.code, f"it answers with the status {error.code}{said}")
            return _Temporary(what, retry_after(error.headers.get("Retry-After")))
        if error.code in _UNUSABLE:
            return UnencodableImage(
                f"{urlsplit(self.url).netloc} refuses it with the status {error.code}{said}"
            )
        return self._failure(
            _HELP.get(error.code, f"it answers with the status {error.code}") + said
        )

    def _vectors(self, answer: bytes, count: int) -> list[Any]:
        try:
            rows = json.loads(answer)["data"]
            by_place = {row["index"]: row["embedding"] for row in rows}
            vectors = [by_place[place] for place in range(count)]
        except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
            raise self._failure(
                "its answer is no list of embeddings, one for each image"
            ) from error
        if len(rows) != count:
            raise self._failure(f"it returned {len(rows)} embeddings for {count} images")
        return vectors

    def _failure(self, what: str) -> ModelError:
        return ModelError(f"the embeddings endpoint {self.url}: {what}")


class _Temporary(Exception):
    """What may pass."""

    def __init__(self, what: str, after: float | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.after = after


def _read(response: http.client.HTTPResponse, end: float, most: int) -> bytes:
    """The body, as far as it may go. Raises TimeoutError for one that drips beyond the end."""
    answer = bytearray()
    while len(answer) <= most and (part := response.read1(_PART)):
        answer += part
        if time.monotonic() > end:
            raise TimeoutError
    if response.length and len(answer) <= most:  # http.client passes over what is missing
        raise http.client.IncompleteRead(b"", response.length)
    return bytes(answer)


def _pause(attempt: int, after: float | None) -> float:
    """Seconds until the next attempt: twice as long each time, and not all clients at once."""
    if after is not None:
        return min(after, _LONGEST_PAUSE)
    return min(_FIRST_PAUSE * 2.0**attempt, _LONGEST_PAUSE) * random.uniform(0.5, 1)  # noqa: S311


def _reason(error: urllib.error.HTTPError) -> str:
    """What the endpoint says about it, if it says so in one of the usual ways."""
    try:
        document = json.loads(error.read(100_000))
        said = document.get("error", document.get("detail"))
        said = said.get("message") if isinstance(said, dict) else said
    except (ValueError, AttributeError, OSError, RecursionError, http.client.HTTPException):
        return ""
    return f": {_shown(said)}" if isinstance(said, str) and said else ""


def _shown(said: str) -> str:
    """A stranger's words on one line, without what a terminal obeys or JSON cannot hold."""
    words = " ".join(said.split())[:_MAX_SHOWN]
    return "".join(one if one.isprintable() else "\ufffd" for one in words)
