"""Remote files: images in an object store, listed and read by pyarrow's file systems.

Endpoint, region and keys are those that the environment gives (``AWS_ENDPOINT_URL``,
``AWS_ACCESS_KEY_ID`` … for S3, ``GOOGLE_APPLICATION_CREDENTIALS`` for Google,
``AZURE_STORAGE_ACCOUNT_NAME``, ``AZURE_STORAGE_ACCOUNT_KEY`` … for Azure).
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from io import BufferedReader
from typing import Any
from urllib.parse import urlsplit

from imagefinder._utils.extras import optional_import
from imagefinder._utils.object_urls import OBJECT_URL
from imagefinder._utils.text import one_line
from imagefinder.errors import ImageMissing, NotFound, UnreadableImage
from imagefinder.images.exclusions import Exclusions, place_of
from imagefinder.images.kinds import IMAGE, kind_of
from imagefinder.images.limits import LIMITS, Limits, check_bytes
from imagefinder.images.walk import FolderWalk

_PATIENCE = 30  # seconds, where pyarrow would try again for a quarter of an hour
_OF_AZURE = ("ACCOUNT_NAME", "ACCOUNT_KEY", "SAS_TOKEN", "ENDPOINT")
_BASE64 = re.compile("([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def is_remote(path: object) -> bool:
    """Whether it is the URL of an object store."""
    return isinstance(path, str) and bool(OBJECT_URL.match(path))


@dataclass(frozen=True)
class RemoteFile:
    """An object, as a listing of its bucket tells of it."""

    url: str
    size: int
    mtime_ns: int

    def read(self, limits: Limits = LIMITS) -> bytes:
        """Its bytes. Raises UnreadableImage or ImageTooLarge."""
        return read_remote(self.url, limits)


def normalized(url: str) -> str:
    """The URL as a store knows it: with a scheme in small letters, and no slash at its end."""
    scheme, _, rest = url.partition("://")
    return f"{scheme.lower()}://{rest.rstrip('/')}"


def read_remote(url: str, limits: Limits = LIMITS) -> bytes:
    """The bytes of an object. Raises UnreadableImage or ImageTooLarge."""
    try:
        files, path = _file_system(url)
        with files.open_input_stream(path) as stream:
            return check_bytes(stream.read(limits.max_bytes + 1), limits)
    except FileNotFoundError as error:
        raise ImageMissing("no such file") from error
    except _errors() as error:
        raise UnreadableImage(f"cannot be read: {_reason(error)}") from error


def open_remote(url: str, limits: Limits = LIMITS) -> BufferedReader:
    """An object, copied to a temporary file and opened. Raises UnreadableImage or ImageTooLarge."""
    data = read_remote(url, limits)
    file: Any = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  the caller closes it
    opened = BufferedReader(file)
    file.write(data)
    opened.seek(0)
    return opened


def remote_images(url: str, walk: FolderWalk) -> Iterator[RemoteFile]:
    """The images below a URL, folder by folder, or the object at it.

    The walk's globs hold, and it notes what is passed over. Objects are images by the end of their
    name, or if that tells nothing. Raises NotFound, with a reason alone, if nothing is there or it
    cannot be listed.
    """
    try:
        files, path = _file_system(url)
        found = files.get_file_info(path)
    except _errors() as error:
        raise NotFound(f"cannot be listed: {_reason(error)}") from error
    scheme = url[: url.index("://") + 3].lower()
    if found.is_file:
        yield _remote_file(scheme, found)
        return
    exclusions = Exclusions.of_globs(place_of(scheme + path), walk.globs)
    waiting = [path]
    while waiting:
        folder = waiting.pop()
        for entry in _listed(files, folder):
            kind = exclusions.kind(place_of(scheme + folder), entry.base_name, not entry.is_file)
            if kind is None and not entry.is_file:
                waiting.append(entry.path)
                continue
            kind = kind or kind_of(entry.base_name) or IMAGE
            if kind == IMAGE:
                yield _remote_file(scheme, entry)
            else:
                walk.skipped.note(kind, scheme + entry.path)


def _listed(files: Any, folder: str) -> list[Any]:
    fs = optional_import("pyarrow.fs", "objects", "'s3://'")
    try:
        entries = files.get_file_info(fs.FileSelector(folder))
    except FileNotFoundError as error:
        raise NotFound("no such object, and none below it") from error
    except _errors() as error:
        raise NotFound(f"cannot be listed: {_reason(error)}") from error
    return sorted(entries, key=lambda entry: str(entry.path))


def _remote_file(scheme: str, entry: Any) -> RemoteFile:
    return RemoteFile(scheme + entry.path, entry.size, entry.mtime_ns or 0)


def _file_system(url: str) -> tuple[Any, str]:
    scheme, _, rest = url.partition("://")
    bucket, _, path = rest.partition("/")
    if not bucket:
        raise ValueError(f"it names no bucket: write {scheme}://BUCKET/FOLDER")
    files = _of_bucket(scheme.lower(), bucket)
    return files, f"{bucket}/{path}".rstrip("/")


@cache
def _of_bucket(scheme: str, bucket: str) -> Any:
    """Connections are kept; a name with ``%`` in it is not decoded."""
    fs = optional_import("pyarrow.fs", "objects", f"'{scheme}://'")
    if scheme == "az":
        return fs.AzureFileSystem(**_azure_account())
    options = f"?retry_limit_seconds={_PATIENCE}" if scheme == "gs" else ""
    return fs.FileSystem.from_uri(f"{scheme}://{bucket}{options}")[0]


def _reason(error: Exception) -> str:
    """What went wrong, without what Google's library adds."""
    return one_line(error).partition(" error_info=")[0]


def _errors() -> tuple[type[Exception], ...]:
    """What the operating system raises, and pyarrow if it is loaded."""
    pyarrow = sys.modules.get("pyarrow")
    return (OSError, ValueError, *([pyarrow.ArrowException] if pyarrow else []))


def _azure_account() -> dict[str, str | None]:
    """From the variables that the engine of catalogues in Azure reads too."""
    given = {name: os.environ.get(f"AZURE_STORAGE_{name}") or None for name in _OF_AZURE}
    account, key, token = given["ACCOUNT_NAME"], given["ACCOUNT_KEY"], given["SAS_TOKEN"]
    # pyarrow would end the program without a key, or with one that is none
    if account is None or not (key or token):
        raise ValueError(
            "put AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY or "
            "AZURE_STORAGE_SAS_TOKEN, into the environment"
        )
    if not _BASE64.fullmatch(key or ""):
        raise ValueError("AZURE_STORAGE_ACCOUNT_KEY is no key: expected base64")
    keys = {"account_name": account, "account_key": key, "sas_token": token}
    return keys | _azure_server(given["ENDPOINT"], account)


def _azure_server(endpoint: str | None, account: str) -> dict[str, str | None]:
    """Of ``https://ACCOUNT.blob.HOST`` or ``https://HOST/ACCOUNT``, as pyarrow wants it."""
    if endpoint is None:
        return {}
    try:
        parts = urlsplit(endpoint)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # such as a port beyond 65535
        is_url = False
    if not is_url:
        raise ValueError(f"AZURE_STORAGE_ENDPOINT is {endpoint!r}: expected a URL")
    authority = parts.netloc.removeprefix(account)
    return {
        "blob_storage_scheme": parts.scheme,
        "blob_storage_authority": authority,
        "dfs_storage_scheme": parts.scheme,
        "dfs_storage_authority": authority.replace(".blob.", ".dfs.", 1),
    }
