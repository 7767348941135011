"""What the engine says, in words that say what to do."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from lance.commit import CommitConflictError

from imagefinder.errors import CatalogueDamaged, CatalogueMissing, DiskFull, StoreError
from imagefinder.stores.lance.address import Address
from imagefinder.stores.lance.failures import translating
from imagefinder.stores.lance.store import LanceStore

from ...object_store import KINDS, ObjectStore

ADDRESS = Address.of("s3://bucket/photos")
OPEN = """
import sys
from imagefinder.errors import StoreError
from imagefinder.stores.lance.store import LanceStore
try:
    LanceStore.open(sys.argv[1])
except StoreError as error:
    print(error)
"""
REFUSED = "refuses the keys, or they cannot be read"


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
        (OSError("InvalidAccessKeyId, /x/y.rs:3:4"), StoreError, "check AWS_ACCESS_KEY_ID and"),
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
        ("gs://bucket/", "write gs://BUCKET/NAME"),
        ("az://photos", "write az://CONTAINER/NAME"),
        ("az://account@photos/c", "keys do .* AZURE_STORAGE_ACCOUNT_KEY"),
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


def test_no_keys_at_all() -> None:
    """Then the engine asks the machine that it runs on."""
    text = "Error performing token request: … Server returned non-2xx status code: 403 Forbidden"
    for address, keys in (
        ("az://c/d", "AZURE_STORAGE_ACCOUNT_KEY"),
        ("gs://b/d", "GOOGLE_"),
    ):
        with (
            pytest.raises(StoreError, match=f"there are no keys.*{keys}"),
            translating(Address.of(address)),
        ):
            raise OSError(text)


def test_a_permission_in_a_folder_is_none_of_keys(tmp_path: Path) -> None:
    address = Address.of(tmp_path / "c.lance")
    with pytest.raises(StoreError, match="check the rights of the folder"), translating(address):
        raise OSError("Permission denied (os error 13), connecting")


@pytest.mark.parametrize(
    ("object_store", "variable", "value", "message"),
    [
        ("az", "AZURE_STORAGE_ACCOUNT_NAME", "nobody", REFUSED),
        ("az", "AZURE_STORAGE_ACCOUNT_KEY", "aGVsbG8=", f"{REFUSED}.*AZURE_STORAGE_ACCOUNT_KEY"),
        ("az", "AZURE_STORAGE_ACCOUNT_KEY", "%%%", REFUSED),
        ("az", "AZURE_ALLOW_HTTP", "false", "AZURE_ALLOW_HTTP=true"),
        ("az", "AZURE_STORAGE_ENDPOINT", "nonsense", "AZURE_STORAGE_ENDPOINT is .* a URL"),
        ("gs", "GOOGLE_SERVICE_ACCOUNT", "/none", f"{REFUSED}.*GOOGLE_SERVICE_ACCOUNT"),
        ("gs", "GOOGLE_SERVICE_ACCOUNT", __file__, REFUSED),
        ("gs", "GOOGLE_ALLOW_HTTP", "false", "GOOGLE_ALLOW_HTTP=true"),
    ],
    indirect=["object_store"],
)
def test_an_environment_that_does_not_fit(
    object_store: ObjectStore,
    variable: str,
    value: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the real engine says of it, which reads the environment of Azure once."""
    monkeypatch.setenv(variable, value)
    words = ["-c", OPEN, f"{object_store.bucket()}/photos"]
    said = subprocess.run([sys.executable, *words], capture_output=True, text=True).stdout
    assert re.search(message, said), said


@pytest.mark.parametrize("object_store", KINDS, indirect=True)
def test_what_is_not_in_an_object_store(object_store: ObjectStore) -> None:
    bucket = object_store.bucket()
    with pytest.raises(CatalogueMissing):
        LanceStore.open(f"{bucket}/photos")
    with pytest.raises(StoreError, match=r"there is no such (bucket|container): make it first"):
        LanceStore.open(f"{bucket}none/photos")
