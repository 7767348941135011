"""A client of the HTTP API, with the values that a Finder has: ``pip install imagefinder[client]``.

``with Client("http://127.0.0.1:8000") as client: hits = client.search("query.jpg", k=3)``
"""

from __future__ import annotations

import base64
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from imagefinder._utils.concurrency import batched
from imagefinder._utils.extras import optional_import
from imagefinder._utils.text import one_line
from imagefinder.errors import ImageError, NotFound, RequestError
from imagefinder.images.files import read
from imagefinder.search.hits import Hits
from imagefinder.types import Evidence, Failure, File, Hit, Item, Record, Report, is_id, key_from

if TYPE_CHECKING:
    import httpx

_NOT_FOUND = 404
_TOO_SLOW = 408
_LINES = 1000
"""Of a batch, which can be repeated."""

_NewImage: TypeAlias = "tuple[str | os.PathLike[str] | bytes, Mapping[str, Any] | None, str | None]"
"""An image, its metadata, and the id of its item."""


class Client:
    """Images in a catalogue that a server has. Safe to use from several threads.

    A server tells the names of files, and not their folders: a path is a name. All methods raise
    RequestError, and NotFound for an image that is not in the catalogue.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        encoder: str | None = None,
        timeout: float = 60,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """``key`` is an API key; ``encoder`` chooses one of the server's catalogues."""
        self._httpx = optional_import("httpx", "client", "imagefinder.client")
        self._encoder = {} if encoder is None else {"encoder": encoder}
        self._client = self._httpx.Client(
            base_url=url,
            headers={} if key is None else {"Authorization": f"Bearer {key}"},
            timeout=timeout,
            transport=transport,
        )

    def __enter__(self) -> Self:
        """Closes at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def search(
        self,
        image: str | os.PathLike[str] | bytes | None = None,
        k: int = 3,
        *,
        where: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Hits:
        """The k most similar images to a file, bytes or a stored id, as ``Finder.search``.

        ``options`` are other fields of the form, such as ``text``, ``threshold`` or ``rerank``.
        """
        fields = {"k": k, **_filter(where), **options}
        files = None
        if isinstance(image, str) and is_id(image):
            fields["id"] = image
        elif image is not None:
            files = {"image": _file(image)}
        return _hits(self._form("POST", "/v1/search", fields, files))

    def similar(self, id: str, k: int = 10, *, where: Mapping[str, Any] | None = None) -> Hits:  # noqa: A002
        """The k most similar images to a stored one, without that itself."""
        return _hits(self._get(f"{_path(id)}/similar", k=k, **_filter(where)))

    def get(self, id: str) -> Record:  # noqa: A002  the word that users know
        """The record of an image."""
        return _record(self._get(_path(id)))

    def page(
        self, most: int = 100, *, after: str | None = None, where: Mapping[str, Any] | None = None
    ) -> list[Record]:
        """The next images in order of their ids, ``after`` one of them or from the first on."""
        cursor = {} if after is None else {"cursor": after}
        found = self._get("/v1/images", limit=most, **cursor, **_filter(where))
        with _ours():
            return [_record(one) for one in found["images"]]

    def add(
        self,
        image: str | os.PathLike[str] | bytes,
        *,
        metadata: Mapping[str, Any] | None = None,
        item: str | None = None,
    ) -> Record:
        """Upload an image; ``item`` is the id of one of several items that share it."""
        fields = {} if metadata is None else {"metadata": json.dumps(dict(metadata))}
        fields |= {} if item is None else {"item": item}
        return _record(self._form("POST", "/v1/images", fields, {"image": _file(image)}))

    def add_many(
        self,
        images: Iterable[str | os.PathLike[str] | bytes],
        *,
        metadata: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        items: Sequence[str] | None = None,
    ) -> Report:
        """Upload many images, which the server encodes together.

        ``metadata`` are one mapping for all, or one for each; ``items`` are ids of items, one for
        each. Images that cannot be used are reported as failed and stop nothing.
        """
        given = list(images)
        each = [metadata] * len(given) if isinstance(metadata, Mapping | None) else metadata
        names = [None] * len(given) if items is None else items
        report = Report()
        all_of_them = list(zip(given, each, names, strict=True))  # or none is sent
        for some in batched(all_of_them, _LINES):
            report = self._add_batch(some, report)
        return report

    def _add_batch(self, images: Sequence[_NewImage], before: Report) -> Report:
        unreadable: list[Failure] = []
        sent: list[str] = []

        def lines() -> Iterator[bytes]:
            for image, metadata, item in images:
                try:
                    name, data = _file(image)
                except ImageError as error:
                    unreadable.append(Failure(_name(image), str(error)))
                    continue
                sent.append(_name(image))
                yield _new_image(name, data, metadata, item)

        report = self._batch("/v1/images/batch", lines(), sent, before)
        return replace(report, failed=(*report.failed, *unreadable))

    def remove_many(self, ids: Iterable[str]) -> Report:
        """Remove many images from the catalogue."""
        report = Report()
        for some in batched(ids, _LINES):
            lines = (_line({"id": one}) for one in some)
            report = self._batch("/v1/images/batch/delete", lines, some, report)
        return report

    def _batch(
        self, path: str, lines: Iterator[bytes], names: Sequence[str], before: Report
    ) -> Report:
        """The report of these lines, which have the names, and of what was ``before``."""
        headers = {"Content-Type": "application/x-ndjson"}
        answer = self._answer("POST", path, params=self._encoder, content=lines, headers=headers)
        with _ours():
            *reports, end = map(json.loads, answer.content.splitlines() or [b"{}"])
            is_whole = "finished" in end
        if not is_whole:
            raise RequestError("the server's report was cut short: repeat the call")
        if reports and reports[-1]["status"] == _TOO_SLOW:  # nobody knows of the lines behind it
            raise RequestError(reports[-1]["problem"]["detail"], _TOO_SLOW)
        counts = Counter(report["status"] for report in reports)
        return replace(
            before,
            added=before.added + counts[201],
            unchanged=before.unchanged + counts[200],
            removed=before.removed + counts[204],
            failed=(*before.failed, *_failures(reports, names)),
        )

    def patch_metadata(
        self,
        id: str,  # noqa: A002  the word that users know
        patch: Mapping[str, Any],
        *,
        item: str | None = None,
    ) -> Record:
        """Change the metadata of an image; see ``Finder.patch_metadata``."""
        params = self._encoder | ({} if item is None else {"item": item})
        headers = {"Content-Type": "application/json"}
        body = json.dumps(dict(patch))
        asked = self._ask("PATCH", _path(id), params=params, content=body, headers=headers)
        return _record(asked)

    def remove(self, id: str) -> None:  # noqa: A002  the word that users know
        """Remove an image from the catalogue."""
        self._ask("DELETE", _path(id), params=self._encoder)

    def _get(self, path: str, **params: Any) -> Any:
        return self._ask("GET", path, params=self._encoder | params)

    def _form(self, method: str, path: str, fields: Mapping[str, Any], files: Any) -> Any:
        return self._ask(method, path, data=self._encoder | dict(fields), files=files)

    def _ask(self, method: str, path: str, **given: Any) -> Any:
        answer = self._answer(method, path, **given)
        with _ours():
            return answer.json() if answer.content else None

    def _answer(self, method: str, path: str, **given: Any) -> httpx.Response:
        try:
            answer: httpx.Response = self._client.request(method, path, **given)
        except (self._httpx.HTTPError, self._httpx.InvalidURL, UnicodeEncodeError) as error:
            raise RequestError(f"{self._client.base_url}: {one_line(error)}") from error
        if answer.status_code == _NOT_FOUND:
            raise NotFound(_detail(answer))
        if not answer.is_success:
            raise RequestError(_detail(answer), answer.status_code)
        return answer


def _path(id: str) -> str:  # noqa: A002  the word that users know
    """Of an image; what is no id must not become the path of something else."""
    if not is_id(id):
        raise NotFound(f"{id!r:.40} is not the id of an image: it has 16 hexadecimal digits")
    return f"/v1/images/{id}"


@contextmanager
def _ours() -> Iterator[None]:
    """Raises RequestError where an answer has not the form of this API's."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise RequestError("the server's answer is none of ImageFinder's") from error


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the server answers {answer.status_code}"


def _filter(where: Mapping[str, Any] | None) -> dict[str, str]:
    return {} if where is None else {"where": json.dumps(dict(where))}


def _file(image: str | os.PathLike[str] | bytes) -> tuple[str, bytes]:
    """Its name and its bytes."""
    if isinstance(image, bytes):
        return "image", image
    return os.fsencode(Path(image).name).decode(errors="replace"), read(image)


def _name(image: str | os.PathLike[str] | bytes) -> str:
    """In a report."""
    return "an image in memory" if isinstance(image, bytes) else os.fspath(image)


def _new_image(
    name: str, data: bytes, metadata: Mapping[str, Any] | None, item: str | None
) -> bytes:
    """A line of a batch."""
    about = {"name": name, "metadata": metadata and dict(metadata), "item": item}
    said = {name: value for name, value in about.items() if value is not None}
    return _line({"data": base64.b64encode(data).decode(), **said})


def _line(about: Mapping[str, Any]) -> bytes:
    return json.dumps(about).encode() + b"\n"


def _failures(reports: Iterable[Mapping[str, Any]], names: Sequence[str]) -> Iterator[Failure]:
    for report in reports:
        if (problem := report.get("problem")) is not None:
            number = report["line"]
            name = names[number - 1] if number <= len(names) else f"line {number}"
            yield Failure(name, problem["detail"])


def _hits(found: Mapping[str, Any]) -> Hits:
    with _ours():
        hits = Hits(map(_hit, found["hits"]))
        hits.detail = found["detail"]
    return hits


def _hit(about: Mapping[str, Any]) -> Hit:
    evidence, region = about["evidence"], about["region"]
    names = ("rank", "score", "distance", "correspondences", "verified", "probability", "verdict")
    return Hit(
        **{name: about[name] for name in names},
        record=_record(about),
        region=None if region is None else tuple(region),
        is_match=about["match"],
        evidence=None if evidence is None else Evidence(**evidence),
    )


def _record(about: Mapping[str, Any]) -> Record:
    with _ours():
        return _record_of(about)


def _record_of(about: Mapping[str, Any]) -> Record:
    key = key_from(about["id"])
    if key is None:
        raise ValueError("no id")
    name = about["name"]
    return Record(
        key,
        bytes.fromhex(about["sha256"]),
        about["size"],
        about["width"],
        about["height"],
        () if name is None else (File(name, 0),),
        about["metadata"],
        tuple(Item(one["metadata"], one["name"], one["id"]) for one in about["items"]),
    )
