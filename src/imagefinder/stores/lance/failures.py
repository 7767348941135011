"""What goes wrong with a dataset, in words that say what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from lance.commit import CommitConflictError

from imagefinder.errors import (
    CatalogueDamaged,
    CatalogueMissing,
    DiskFull,
    ImageFinderError,
    StoreError,
)
from imagefinder.stores.damage import REMEDIES
from imagefinder.stores.lance.address import Address
from imagefinder.stores.lance.cloud import Cloud

_OF_ENGINE = (CommitConflictError, OSError, ValueError, RuntimeError)
_PLACE = re.compile(r",?\s*\S*/\S+\.rs:\d+(:\d+)?")  # in the engine's source
_PANIC = "PanicException"  # a BaseException, whose class cannot be imported
_LONGEST = 300  # characters of what the engine says

_REMEDIES = (
    (r"[Cc]ommit conflict", "another program was writing to it at the same time: try again"),
    (r"Permission denied|Read-only file system", "this user may not do that: check the rights of "
     "the folder"),
)  # fmt: skip
_IN_CLOUDS = (
    (r"NoSuchBucket|ContainerNotFound|(bucket|container) does not exist", "there is no such "
     "{bucket}: make it first"),
    (r"InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|ExpiredToken|Unauthorized|\b401\b"
     r"|AuthorizationFailure|AuthenticationFailed|Invalid Access Key|service account file|pem file",
     "the object store refuses the keys, or they cannot be read: check {keys} in the environment"),
    (r"credential|token request|no storage account", "there are no keys for the object store: put "
     "them into the environment: {keys}"),
    (r"AccessDenied|Forbidden|lacked the necessary privileges|\b403\b", "the object store does not "
     "let these keys do that: use keys that may read and write there"),
    (r"REDIRECT|redirect|AuthorizationHeaderMalformed", "the bucket is in another region, or on "
     "another server: check {endpoint}"),
    (r"status code: (5\d\d|429)", "the object store is overloaded or out of order: try again "
     "later; nothing stored is lost"),
    (r"builder error", "its server has an address with http://: set {allow_http}=true if that "
     "is right, or use https://"),
    (r"error sending request|[Cc]onnect|dns error|timed out", "the object store cannot be "
     "reached: check the network and {endpoint}, then try again; nothing stored is lost"),
)  # fmt: skip
_MISSING = r"[Dd]ataset at path .* was not found|DatasetNotFound|Not found: .*_versions"
_FULL = r"No space left|disk full|quota exceeded"
_DAMAGES = (
    r"Not found: .*/data/|corrupt|Invalid protobuf|magic number|decode"
    r"|fill whole buffer|end of file|file size is too small|Invalid range .* of size \d+ bytes"
)


def translated(error: Exception, address: Address) -> StoreError:
    """The exception to raise."""
    text, where = str(error), address.shown
    if re.search(_MISSING, text):
        return missing(address)
    if re.search(_FULL, text, re.IGNORECASE):
        return DiskFull(
            f"the disk of {where} is full: free some space and try again; nothing stored is lost"
        )
    if remedy := _remedy(text, address.cloud):
        return StoreError(f"{where}: {remedy}")
    if re.search(_DAMAGES, text):
        return _damaged(text, address)
    return StoreError(f"{where}: Lance says: {reason(text)}")


def _remedy(text: str, cloud: Cloud | None) -> str | None:
    if cloud:
        for pattern, remedy in _IN_CLOUDS:
            if re.search(pattern, text):
                return remedy.format_map(asdict(cloud))
    return next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, text)), None)


def missing(address: Address) -> CatalogueMissing:
    """There is no catalogue at this address."""
    return CatalogueMissing(
        f"there is no catalogue {address.shown}, or not any longer: make one with "
        "imagefinder add FOLDER"
    )


@contextmanager
def translating(address: Address) -> Iterator[None]:
    """Raise StoreError for the engine's errors, and for what it did not expect (a panic)."""
    try:
        yield
    except ImageFinderError:
        raise
    except _OF_ENGINE as error:
        may_be_ours = isinstance(error, ValueError | RuntimeError)
        if may_be_ours and not _PLACE.search(str(error)):
            raise
        raise translated(error, address) from error
    except BaseException as error:
        if type(error).__name__ != _PANIC:
            raise
        raise StoreError(f"{address.shown}: Lance has failed: {reason(str(error))}") from error


@contextmanager
def decoding(address: Address) -> Iterator[None]:
    """Raise CatalogueDamaged where the content is invalid; for use around ``translating``."""
    try:
        yield
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise _damaged(str(error), address) from error


def reason(text: str) -> str:
    """What the engine says, without the places in its source."""
    return " ".join(_PLACE.sub("", text).split())[:_LONGEST]


def _damaged(text: str, address: Address) -> CatalogueDamaged:
    return CatalogueDamaged(f"{address.shown} is damaged ({reason(text)}): {REMEDIES['lance']}")
