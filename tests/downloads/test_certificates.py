"""A secure connection is made to an address, and checked against the name."""

import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..e2e.program import run_in
from .conftest import Jpeg
from .server import Web, ok, web


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for ``localhost``, that nobody trusts; its key is in the same file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("certificate")
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost".split()
    more = ["-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run([openssl, *words, *more], cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_bytes((folder / "cert.pem").read_bytes() + (folder / "key.pem").read_bytes())
    return both


@pytest.fixture
def secured(certificate: Path, jpeg: Jpeg) -> Iterator[Web]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with web(context) as served:
        served.routes["/a.jpg"] = ok(jpeg())
        yield served


def outcome(tmp_path: Path, url: str, trusted: Path | None) -> str:
    """The reason that the program gives, or that it fetched the image."""
    (tmp_path / "list.csv").write_text(f"url\n{url}\n")
    words = ("download", "list.csv", "-o", "out", "--allow-private", "--retry-failed", "--json")
    env = {"SSL_CERT_FILE": str(trusted)} if trusted else None
    summary = json.loads(run_in(tmp_path, *words, env=env).stdout)
    return "done" if summary["done"] else str(*summary["failed"])


def test_certificates_are_checked_against_trust_and_name(
    tmp_path: Path, secured: Web, certificate: Path
) -> None:
    named = secured.url("/a.jpg", "localhost").replace("http:", "https:")
    by_number = secured.url("/a.jpg").replace("http:", "https:")
    assert outcome(tmp_path, named, trusted=None) == "certificate"
    assert outcome(tmp_path, by_number, trusted=certificate) == "certificate"
    assert secured.asked == []
    assert outcome(tmp_path, named, trusted=certificate) == "done"
