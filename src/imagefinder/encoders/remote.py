"""Remote encoder: the embeddings of a hosted model, asked for over HTTP.

Any endpoint in the form of OpenAI's that takes images will do: Jina's, infinity's, or the
``/v1/embeddings`` of another ImageFinder. Image pixels are sent as PNG, so that nothing is lost.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import numpy as np
import PIL.Image

from imagefinder._utils.concurrency import batched
from imagefinder.encoders.embeddings_client import EmbeddingsClient
from imagefinder.errors import ModelError
from imagefinder.similarity import dtype
from imagefinder.types import Features, Image, Measure, Resize

_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")

_MAX_DIM = 2**16
_BATCHES_AT_ONCE = 4
_MAX_ANSWER = 16_000_000
"""Bytes besides the numbers that are expected: vectors of another length are told, too."""
_MAX_NUMBER = 64
"""Bytes of one number, with what stands around it."""


@dataclass(frozen=True)
class Remote:
    """A model behind an embeddings endpoint."""

    url: str = field(metadata={"recipe": False})
    """Of the endpoint, such as ``https://api.example/v1/embeddings``; it may move."""
    model: str
    dim: int
    measure: Measure = "cosine"
    size: int = 512
    """Images are shrunk to this many pixels on the longer side before they are sent."""
    form: Literal["object", "string"] = "object"
    """``{"image": …}`` as Jina and ImageFinder take it, or a string with ``modality``."""
    shorten: bool = False
    """Whether to ask the endpoint for vectors of ``dim`` dimensions."""
    batch: int = field(default=16, metadata={"recipe": False})
    timeout: float = field(default=60.0, metadata={"recipe": False})
    """Seconds for one request."""
    retries: int = field(default=4, metadata={"recipe": False})

    @property
    def truncatable(self) -> bool:
        """See Encoder."""
        return self.shorten

    def __post_init__(self) -> None:
        _check_url(self.url)
        if not isinstance(self.model, str) or not self.model:
            raise ValueError("model: name the model of the endpoint")
        if self.measure not in get_args(Measure):
            raise ValueError(f"measure is one of {', '.join(get_args(Measure))}")
        if self.form not in ("object", "string"):
            raise ValueError("form is object or string")
        for name, least, most in (("dim", 1, _MAX_DIM), ("size", 16, 4096), ("batch", 1, 128)):
            _check_integer(name, getattr(self, name), least, most)
        _check_integer("retries", self.retries, 0, 10)
        if not isinstance(self.timeout, int | float) or not 0 < self.timeout <= 3600:
            raise ValueError("timeout is a number of seconds, at most 3600")

    @classmethod
    def from_argument(cls, url: str, options: Mapping[str, Any]) -> Remote:
        """From the endpoint's URL, and options. Raises ModelError."""
        try:
            return cls(url, **options)
        except TypeError as error:
            raise ModelError(
                "remote needs the options model and dim: "
                "--encoder remote:URL -o model=NAME -o dim=NUMBER"
            ) from error
        except ValueError as error:
            raise ModelError(f"remote: {error}") from error

    @property
    def resize(self) -> Resize:
        """Proportions are kept: the model's own preparation follows."""
        return Resize(self.size, self.size, "within", filter="bicubic")

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """One row each. Raises ModelError if the endpoint does not give them."""
        batches = list(batched(images, self.batch))
        if len(batches) < 2:
            return [row for batch in batches for row in self._encode_batch(batch)]
        with ThreadPoolExecutor(min(len(batches), _BATCHES_AT_ONCE), "remote") as requests:
            return [row for rows in requests.map(self._encode_batch, batches) for row in rows]

    def _encode_batch(self, images: Sequence[Image]) -> list[Features]:
        urls = [_data_url(image) for image in images]
        body: dict[str, Any] = {"model": self.model, "encoding_format": "float"}
        if self.form == "object":
            body["input"] = [{"image": url} for url in urls]
        else:
            body |= {"input": urls, "modality": "image"}
        if self.shorten:
            body["dimensions"] = self.dim
        client = EmbeddingsClient(
            self.url,
            api_key(self.url),
            self.timeout,
            self.retries,
            _MAX_ANSWER + _MAX_NUMBER * len(urls) * self.dim,
        )
        return [self._row(vector) for vector in client.embeddings(body, len(urls))]

    def _row(self, vector: Any) -> Features:
        try:
            row = np.array(vector)
        except (TypeError, ValueError):
            raise self._wrong("a vector that does not consist of numbers") from None
        if row.size and row.dtype.kind not in "iuf":
            raise self._wrong("a vector that does not consist of numbers")
        if row.shape != (self.dim,):
            found = "x".join(map(str, row.shape)) or "no"
            raise self._wrong(f"vectors of {found} dimensions instead of {self.dim}")
        if not (np.abs(row, dtype=np.float64) <= np.finfo(np.float32).max).all():
            raise self._wrong("a vector with numbers that are not finite")
        if self.measure == "hamming" and not np.isin(row, np.arange(256)).all():
            raise self._wrong("numbers that are no bytes: the measure hamming needs packed bits")
        return row.astype(dtype(self.measure))[None]

    def _wrong(self, what: str) -> ModelError:
        return ModelError(f"{_host(self.url)}: the model {self.model} returned {what}")


def key_variable(url: str) -> str:
    """The environment variable that has the API key for the host of a URL.

    By the host, since anyone may have written a catalogue: it must not send a key elsewhere. No two
    hosts have the same, and one that is no name has none.
    """
    host = urlsplit(url).hostname or ""
    if not _HOST.fullmatch(host):
        return ""
    return "IMAGEFINDER_KEY_" + host.replace("-", "__").replace(".", "_").upper()


def api_key(url: str) -> str | None:
    """The API key for the host of a URL, if there is one; it is stored nowhere."""
    return os.environ.get(key_variable(url)) or None


def _data_url(image: Image) -> str:
    with BytesIO() as file:
        PIL.Image.fromarray(image).save(file, "PNG", compress_level=1)
        return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _check_url(url: Any) -> None:
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except (ValueError, AttributeError, TypeError):
        is_good = False
    if not is_good:
        raise ValueError("url: expected the http:// or https:// address of an endpoint")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(
            "url: an address has ASCII characters alone: write others in percent-encoding, and the "
            "name of a host in Punycode"
        )
    if parts.username or parts.password or parts.query:
        raise ValueError(
            "url: it is stored in the catalogue, so it must hold no secret: put the key into the "
            f"environment variable {key_variable(url)}"
        )


def _check_integer(name: str, value: Any, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name} is a number from {least} to {most}, not {value!r}")


def _host(url: str) -> str:
    return urlsplit(url).netloc
