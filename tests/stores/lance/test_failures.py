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
        (
            ValueError("External error: The operation lacked the necessary privileges, /a/b.rs:1"),
            StoreError,
            "keys that may read and write",
        ),
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
        (OSError("HTTP error: builder error"), StoreError, "AWS_ALLOW_HTTP=true"),
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
        *(
            (f"s3://bucket/{name}", "taken for another place")
            for name in (
                "a#b",
                "a?b",
                "a\n",
                "a\tb",
                " a",
                "a ",
                ".",
                "..",
                "../a",
                "a/./b",
                "a//b",
            )
        ),
    ],
)
def test_addresses_that_cannot_be(given: str, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        Address.of(given)


@pytest.mark.parametrize("name", ["a b/ü", "a%20b", "..x", "x.", "a'b&c+d:e"])
def test_addresses_that_can_be(name: str) -> None:
    assert Address.of(f"s3://bucket/{name}/").uri == f"s3://bucket/{name}"


@pytest.mark.parametrize("given", ["not a url", "localhost:9000", "http://", "http://a b"])
def test_an_endpoint_that_is_no_url(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine would end with a panic."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", given)
    with pytest.raises(StoreError, match=r"AWS_ENDPOINT_URL is .* expected a URL"):
        Address.of("s3://bucket/photos")


def test_a_panic_of_the_engine_is_an_error() -> None:
    class PanicException(BaseException):
        """As the engine raises it."""

    with pytest.raises(StoreError, match=r"Lance has failed: odd$"), translating(ADDRESS):
        raise PanicException("odd, /home/runner/a/b.rs:1:2")


def test_what_is_said_already_stays() -> None:
    """Some of our errors are errors of the operating system as well."""
    with pytest.raises(CatalogueMissing, match=r"^gone$"), translating(ADDRESS):
        raise CatalogueMissing("gone")


def test_a_folder_and_a_bucket() -> None:
    assert Address.of("s3://bucket/photos/").uri == "s3://bucket/photos"
    assert not Address.of(Path("photos.lance")).is_remote
    assert Address.of(Path("photos.lance")).uri == str(Path("photos.lance").absolute())
