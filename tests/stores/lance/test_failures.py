"""What the engine says, in words that say what to do."""

from pathlib import Path

import pytest
from lance.commit import CommitConflictError

from imagefinder.errors import CatalogueDamaged, CatalogueMissing, DiskFull, StoreError
from imagefinder.stores.lance.address import Address
from imagefinder.stores.lance.failures import translating

ADDRESS = Address.of("s3://bucket/photos")


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (CommitConflictError("Retryable commit conflict for version 3"), StoreError, "try again"),
        (OSError("NoSuchBucket"), StoreError, "make it first"),
        (OSError("Client error with status 403 Forbidden: AccessDenied"), StoreError, "may read"),
        (OSError("InvalidAccessKeyId, /x/y.rs:3:4"), StoreError, "check those"),
        (OSError("Generic S3 error: error sending request"), StoreError, "nothing stored is lost"),
        (
            OSError("Error performing PUT … Server returned non-2xx status code: 503 Slow Down"),
            StoreError,
            "overloaded or out of order: try again later; nothing stored is lost",
        ),
        (
            OSError("Received redirect without LOCATION, this normally indicates a region"),
            StoreError,
            "check AWS_REGION",
        ),
        (OSError("No space left on device"), DiskFull, "free some space"),
        (OSError("Not found: bucket/photos/data/0.lance"), CatalogueDamaged, "restore a copy"),
        (
            OSError("Invalid range 0..0 for object of size 0 bytes"),
            CatalogueDamaged,
            "restore a copy",
        ),
        (
            ValueError("Dataset at path photos was not found: x, /a/b.rs:1:2"),
            CatalogueMissing,
            "add",
        ),
        (RuntimeError("odd, /home/runner/a/b.rs:1:2"), StoreError, "Lance says: odd$"),
    ],
)
def test_errors_say_what_to_do(error: Exception, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message), translating(ADDRESS):
        raise error


def test_errors_of_our_own_stay_as_they_are() -> None:
    with pytest.raises(ValueError, match="a number"), translating(ADDRESS):
        raise ValueError("not a number")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("s3://", "names no catalogue"),
        ("gs://bucket/", "no catalogue"),
        ("s3://a:b@c/d", "keys do"),
    ],
)
def test_addresses_that_cannot_be(given: str, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        Address.of(given)


def test_a_folder_and_a_bucket() -> None:
    assert Address.of("s3://bucket/photos/").uri == "s3://bucket/photos"
    assert not Address.of(Path("photos.lance")).is_remote
    assert Address.of(Path("photos.lance")).uri == str(Path("photos.lance").absolute())
