"""The verb `ping`: the health check of a server."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

import typer

from imagefinder._utils.text import one_line, plural
from imagefinder.cli.options import Json
from imagefinder.cli.output import plain, print_json
from imagefinder.errors import ImageFinderError

_MOST = 10_000  # bytes of a response


def ping(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Address of the server.")
    ] = "http://127.0.0.1:8000",
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="How long to wait.")
    ] = 5,
    as_json: Json = False,
) -> None:
    """Check that a server is ready; the exit code is 1 if not."""
    about = _ready(url, _parts(url), timeout)
    if as_json:
        print_json(about)
    else:
        typer.echo(f"ready: {plural(about['images'], 'image')} by {plain(about['encoder'])}")


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return parts
    except ValueError:  # an invalid port
        pass
    raise typer.BadParameter(f"expected http://HOST:PORT, not {url!r}", param_hint="URL")


def _ready(url: str, parts: SplitResult, timeout: float) -> dict[str, Any]:
    """The response of ``/readyz``. Raises ImageFinderError unless the server is ready."""
    import json
    from http.client import HTTPConnection, HTTPException, HTTPSConnection

    connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = connect(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}/readyz")
        response = connection.getresponse()
        status, body = response.status, response.read(_MOST)
    except (OSError, HTTPException, ValueError) as error:
        raise ImageFinderError(f"no server at {url}: {one_line(error)}") from error
    finally:
        connection.close()
    if status != 200:
        raise ImageFinderError(f"the server at {url} is not ready: HTTP status {status}")
    try:
        about = json.loads(body)
        return {"images": int(about["images"]), "encoder": str(about["encoder"])}
    except (ValueError, TypeError, KeyError) as error:
        raise ImageFinderError(f"{url} is not an ImageFinder server") from error
